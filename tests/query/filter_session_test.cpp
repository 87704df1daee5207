// Session fields on records made by hand: the cases that random ones seldom meet.

#include <catch2/catch.hpp>
#include <limits>

#include "capture/packet/protocol_numbers.hpp"
#include "storage/query/filter.hpp"

namespace tapline::query {
namespace {

SessionRecord upload() {
  SessionRecord session;
  session.key.address_a = IpAddress::from_v4(0x0a000005);
  session.key.address_b = IpAddress::from_v4(0xcb007109);
  session.key.port_a = 51000;
  session.key.port_b = 80;
  session.key.ip_proto = kIpProtoTcp;
  session.a_to_b.total = {100, 140'000, 138'600, 134'600};
  session.a_to_b.ttl_min = 63;
  session.a_to_b.ttl_max = 64;
  session.a_to_b.tcp_flags_union = 0x1b;  // FSPA
  session.first_ns = 100 * kNsPerSecond;
  session.last_ns = 160 * kNsPerSecond + 1;
  return session;
}

bool matches(const SessionRecord& session, std::string_view text, const FilterOptions& options = {}) {
  const Result<Filter> filter = Filter::parse(text, options);
  INFO(text);
  if (!filter) FAIL(filter.error().context);
  return filter->matches_session(session);
}

TEST_CASE("the upload of the story is found") {
  const SessionRecord session = upload();
  CHECK(matches(session, "resp_ip_bytes = 0 and egress > 100KiB"));
  CHECK(matches(session, "egress = 138600 and ingress = 0"));
  CHECK(matches(session, "src host 10.0.0.5 and dst port 80"));
  CHECK(!matches(session, "src port 80"));
  CHECK(matches(session, "203.0.113.9:80-10.0.0.5:51000/tcp"));
  CHECK(matches(session, "duration > 1m and duration <= 60000000001ns"));
  CHECK(matches(session, community_id(session.key, session.originator)));
}

TEST_CASE("orig and resp follow the originator") {
  SessionRecord session = upload();
  session.originator = Direction::kBToA;
  CHECK(matches(session,
                "orig_ip = 203.0.113.9 and orig_port = 80 and orig_packets = 0 and resp_packets = 100"));
  CHECK(matches(session, "src host 203.0.113.9 and dst host 10.0.0.5"));
  CHECK(matches(session, "egress = 138600"));
}

TEST_CASE("a comparison with what was not measured is false, whatever the relation") {
  SessionRecord session = upload();
  CHECK(!matches(session, "resp_ttl_min = 0"));
  CHECK(!matches(session, "resp_ttl_min != 0"));
  CHECK(matches(session, "ttl_min = 63 and ttl_max = 64"));
  session.key.ip_proto = kIpProtoUdp;
  CHECK(!matches(session, "tcp_flags = 0"));
  CHECK(!matches(session, "tcp_flags != 0"));
  session.key.flags = kKeyFragment;
  CHECK(!matches(session, "orig_port >= 0"));
  CHECK(!matches(session, "port 80"));
}

TEST_CASE("home networks decide what leaves") {
  SessionRecord session = upload();
  FilterOptions options;
  options.home_nets = {parse_network("203.0.113.0/24").value()};
  CHECK(matches(session, "ingress = 138600 and egress = 0", options));
  options.home_nets.push_back(parse_network("10/8").value());
  CHECK(matches(session, "ingress = 0 and egress = 0", options));
  options.home_nets.clear();
  CHECK(matches(session, "ingress = 0 and egress = 0", options));
  session.key.address_b = IpAddress::from_v4(0xe00000fb);  // 224.0.0.251: not outside
  CHECK(matches(session, "egress = 0"));
  session.key.address_b = IpAddress::from_v4(0xffffffff);
  CHECK(matches(session, "egress = 0"));
}

TEST_CASE("counters past what 63 bits hold do not wrap") {
  SessionRecord session = upload();
  session.a_to_b.total.ip_bytes = std::numeric_limits<std::uint64_t>::max();
  session.b_to_a.total.ip_bytes = 5;
  CHECK(matches(session, "ip_bytes > 1EB and orig_ip_bytes > 1EB"));
  session.first_ns = std::numeric_limits<TimeNs>::min();
  session.last_ns = std::numeric_limits<TimeNs>::max();
  CHECK(matches(session, "duration > 1w"));
}

TEST_CASE("frame lengths exclude no session, not even negated") {
  const SessionRecord session = upload();
  CHECK(matches(session, "greater 1500"));
  CHECK(matches(session, "not greater 1500"));
  CHECK(matches(session, "not (tcp and less 5)"));
  CHECK(!matches(session, "not (tcp or less 5)"));
  CHECK(!matches(session, "udp and greater 5"));
}

TEST_CASE("what differs between the frames of a session excludes no session of which frames are asked") {
  const SessionRecord session = upload();
  const auto may_match = [&](std::string_view text) {
    return Filter::parse(text, {}).value().may_match_frames(session);
  };
  for (const char* text : {"src host 203.0.113.9", "not src host 10.0.0.5", "src port 80", "not dst port 80",
                           "vlan 5", "not vlan", "mpls 5", "not mpls", "less 5", "not less 5",
                           "src and dst host 10.0.0.5 or src net 203.0.113.0/24", "not port 0"}) {
    INFO(text);
    CHECK(may_match(text));
  }
  for (const char* text :
       {"host 10.0.0.6", "not host 10.0.0.5", "udp", "ip6", "port 81", "src and dst host 10.0.0.5",
        "not 10.0.0.5:51000-203.0.113.9:80/tcp", "src host 203.0.113.9 and resp_packets > 0"}) {
    INFO(text);
    CHECK(!may_match(text));
  }
}

TEST_CASE("stored packets are those seen less those not stored") {
  SessionRecord session = upload();
  session.unstored_packets = 40;
  CHECK(matches(session, "stored_packets = 60"));
  session.unstored_packets = 1000;
  CHECK(matches(session, "stored_packets = 0"));
}

}  // namespace
}  // namespace tapline::query
