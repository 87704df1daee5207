// Random filters against the naive model, over random packets and sessions; the canonical form; the index
// query.

#include <catch2/catch.hpp>

#include "storage/query/filter.hpp"
#include "tests/query/filter_random_filter.hpp"

namespace tapline::query::test {
namespace {

constexpr std::uint64_t kSeed = 20260101;
constexpr int kFilters = 3000;
constexpr int kDepthMax = 3;
constexpr std::size_t kPackets = 120;
constexpr std::size_t kSessions = 60;

struct World {
  std::vector<RandomPacket> packets = std::vector<RandomPacket>(kPackets);
  std::vector<SessionRecord> sessions;

  explicit World(Random& random) {
    for (RandomPacket& packet : packets) make_random_packet(random, packet);
    for (std::size_t i = 0; i < kSessions; ++i) sessions.push_back(make_random_session(random));
  }
};

Filter parse(const std::string& text) {
  Result<Filter> filter = Filter::parse(text, FilterOptions{});
  INFO(text);
  if (!filter) FAIL(filter.error().context);
  return *filter;
}

TEST_CASE("the decoder finds what was put into random packets") {
  Random random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    RandomPacket packet;
    make_random_packet(random, packet);
    const PacketTruth& truth = packet.truth;
    INFO("seed " << kSeed << " packet " << i);
    REQUIRE((packet.meta.status == DecodeStatus::kIp) == truth.is_ip);
    REQUIRE((packet.meta.status == DecodeStatus::kArp) == (truth.is_arp || truth.is_rarp));
    REQUIRE(packet.meta.vlan_count == truth.vlans.size());
    REQUIRE(packet.meta.mpls_count == truth.labels.size());
    if (truth.is_ip) REQUIRE(packet.meta.ip_proto == truth.ip_proto);
    REQUIRE(packet.meta.has(kMetaPorts) == truth.source_port.has_value());
  }
}

TEST_CASE("random filters agree with the naive model on packets and sessions") {
  Random random(kSeed + 1);
  World world(random);
  std::size_t packet_hits = 0;
  std::size_t session_hits = 0;
  for (int i = 0; i < kFilters; ++i) {
    const RandomFilter model = make_random_filter(random, kDepthMax);
    const Filter filter = parse(model.text);
    INFO("seed " << kSeed + 1 << " filter " << i << ": " << model.text);
    REQUIRE(filter.has_session_terms() == model.has_session_words);
    for (std::size_t p = 0; p < kPackets; ++p) {
      const RandomPacket& packet = world.packets[p];
      const SessionRecord& session = world.sessions[p % kSessions];
      const bool expected = model.packet(packet.truth, session);
      packet_hits += expected ? 1 : 0;
      if (filter.matches_packet(packet.frame, packet.meta, &session) != expected) {
        FAIL("packet " << p << " expected " << expected);
      }
      if (model.has_session_words == false &&
          filter.matches_packet(packet.frame, packet.meta, nullptr) != expected) {
        FAIL("packet " << p << " without session, expected " << expected);
      }
      if (model.has_session_words && filter.matches_packet(packet.frame, packet.meta, nullptr)) {
        FAIL("packet " << p << " matches session words without a session");
      }
    }
    for (std::size_t s = 0; s < kSessions; ++s) {
      const bool expected = model.session(world.sessions[s]) != Answer::kNo;
      session_hits += expected ? 1 : 0;
      if (filter.matches_session(world.sessions[s]) != expected)
        FAIL("session " << s << " expected " << expected);
    }
  }
  // The worlds are small enough that filters hit and miss often: a model that always says no would be no
  // test.
  CHECK(packet_hits > kFilters * kPackets / 10);
  CHECK(packet_hits < kFilters * kPackets * 9 / 10);
  CHECK(session_hits > kFilters * kSessions / 10);
  CHECK(session_hits < kFilters * kSessions * 9 / 10);
}

TEST_CASE("no session is left out of which a frame matches") {
  Random random(kSeed + 4);
  World world(random);
  std::size_t left_out = 0;
  for (int i = 0; i < kFilters; ++i) {
    const Filter filter = parse(make_random_filter(random, kDepthMax).text);
    INFO("seed " << kSeed + 4 << " filter " << i << ": " << filter.to_string());
    for (std::size_t p = 0; p < kPackets; ++p) {
      const RandomPacket& packet = world.packets[p];
      if (packet.meta.status != DecodeStatus::kIp) continue;
      SessionRecord session = world.sessions[p % kSessions];
      make_flow_key(packet.frame, packet.meta, 0, session.key);
      const bool may_match = filter.may_match_frames(session);
      left_out += may_match ? 0 : 1;
      if (filter.matches_packet(packet.frame, packet.meta, &session) && !may_match)
        FAIL("packet " << p << " is lost");
    }
  }
  CHECK(left_out > kFilters * kPackets / 10);
}

TEST_CASE("the canonical form parses back to the same filter") {
  Random random(kSeed + 2);
  World world(random);
  for (int i = 0; i < kFilters; ++i) {
    const std::string text = make_random_filter(random, kDepthMax).text;
    const Filter filter = parse(text);
    const Filter again = parse(filter.to_string());
    INFO("seed " << kSeed + 2 << " filter " << i << ": " << text);
    REQUIRE(again.to_string() == filter.to_string());
    for (std::size_t p = 0; p < kPackets; ++p) {
      const RandomPacket& packet = world.packets[p];
      const SessionRecord& session = world.sessions[p % kSessions];
      if (filter.matches_packet(packet.frame, packet.meta, &session) !=
          again.matches_packet(packet.frame, packet.meta, &session)) {
        FAIL("packet " << p << " of " << filter.to_string());
      }
    }
  }
}

TEST_CASE("the index query is true for the keys of every packet that matches") {
  Random random(kSeed + 3);
  World world(random);
  std::vector<std::vector<storage::IndexKey>> keys;
  for (const RandomPacket& packet : world.packets) keys.push_back(index_keys_of(packet.frame, packet.meta));
  std::size_t pruned = 0;
  for (int i = 0; i < kFilters; ++i) {
    const Filter filter = parse(make_random_filter(random, kDepthMax).text);
    const IndexQuery query = filter.index_query();
    INFO("seed " << kSeed + 3 << " filter " << i << ": " << filter.to_string());
    for (std::size_t p = 0; p < kPackets; ++p) {
      const RandomPacket& packet = world.packets[p];
      const bool found = is_true_for(query, keys[p]);
      pruned += found ? 0 : 1;
      for (const SessionRecord& session : {world.sessions[p % kSessions], world.sessions[i % kSessions]}) {
        if (filter.matches_packet(packet.frame, packet.meta, &session) && !found)
          FAIL("packet " << p << " is lost");
      }
    }
  }
  CHECK(pruned > kFilters * kPackets / 10);
}

}  // namespace
}  // namespace tapline::query::test
