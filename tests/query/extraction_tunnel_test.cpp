// Packets in tunnels are found by what is inside and by what carries them; a session brings its own frames.

#include <algorithm>
#include <catch2/catch.hpp>

#include "capture/packet/tunnel_id.hpp"
#include "storage/segment_index.hpp"
#include "tests/packet/tunnel_packets.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
constexpr TimeNs kMs = kNsPerSecond / 1000;
using Frames = std::vector<OwnedFrame>;

PacketBytes vxlan(std::uint8_t network, const PacketBytes& inner, const char* from = "10.0.0.1",
                  const char* to = "10.0.0.2") {
  return PacketBuilder()
      .eth()
      .vlan(7)
      .ipv4(from, to)
      .udp(50'000, 4789)
      .payload(joined({8, 0, 0, 0, 0, 0, network, 0}, inner))
      .bytes();
}
PacketBytes datagram(std::uint16_t port, std::uint16_t id, bool back = false) {
  PacketBuilder packet;
  packet.eth().ipv4(back ? "192.168.7.2" : "192.168.7.1", back ? "192.168.7.1" : "192.168.7.2", {.id = id});
  return packet.udp(back ? 53 : port, back ? port : 53).payload(30).bytes();
}

/// Two conversations within one tunnel, one of them also in another and outside of any; something else.
Frames traffic() {
  return {owned(vxlan(1, datagram(4000, 1)), kStart),
          owned(vxlan(1, datagram(4001, 2)), kStart + kMs),
          owned(vxlan(1, datagram(4000, 3, true), "10.0.0.2", "10.0.0.1"), kStart + 2 * kMs),
          owned(vxlan(2, datagram(4000, 4)), kStart + 3 * kMs),
          owned(datagram(4000, 5), kStart + 4 * kMs),
          owned(PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(50'000, 53).payload(9).bytes(),
                kStart + 5 * kMs),
          owned(vxlan(1, datagram(4000, 6)), kStart + 6 * kMs)};
}
Frames pick(std::initializer_list<std::size_t> numbers) {
  const Frames all = traffic();
  Frames picked;
  for (const std::size_t number : numbers) picked.push_back(all.at(number));
  return picked;
}

SessionRecord session_of(const storage::Store& store, const std::string& tunnel, std::uint16_t port) {
  for (const SessionRecord& session : read_sessions(store)) {
    const bool of_port = session.key.port_a == port || session.key.port_b == port;
    if (session.final() && of_port && format_tunnel_id(session.key.tunnel_id) == tunnel) return session;
  }
  FAIL("no session of port " << port << " in '" << tunnel << "'");
  return {};
}
Frames of_session(const storage::Store& store, const std::string& tunnel, std::uint16_t port) {
  return extract(store, ask_flow(session_of(store, tunnel, port).uid)).frames;
}

}  // namespace

TEST_CASE("a session in a tunnel brings its own frames, the tunnel all of them") {
  const TestStore store;
  record(*store, traffic(), small_segments());
  CHECK(of_session(*store, "vxlan:1", 4000) == pick({0, 2, 6}));
  CHECK(of_session(*store, "vxlan:1", 4001) == pick({1}));
  CHECK(of_session(*store, "vxlan:2", 4000) == pick({3}));
  CHECK(of_session(*store, "", 4000) == pick({4}));
  const SessionRecord there = session_of(*store, "", 4789);
  CHECK(extract(*store, ask_flow(session_of(*store, "vxlan:1", 4000).parent_uid)).frames ==
        pick({0, 1, 3, 6}));
  CHECK(session_of(*store, "vxlan:1", 4001).parent_uid == session_of(*store, "vxlan:1", 4000).parent_uid);
  CHECK(there.parent_uid == Uid{});
}

TEST_CASE("one side of a session in a tunnel") {
  const TestStore store;
  record(*store, traffic());
  const Uid uid = session_of(*store, "vxlan:1", 4000).uid;
  CHECK(extract(*store, ask_flow(uid, SessionSide::kOriginator)).frames == pick({0, 6}));
  CHECK(extract(*store, ask_flow(uid, SessionSide::kResponder)).frames == pick({2}));
}

TEST_CASE("words about packets are true of any packet within a frame") {
  const TestStore store;
  record(*store, traffic(), small_segments());
  const auto found = [&](const std::string& filter) { return extract(*store, ask(filter)).frames; };
  CHECK(found("host 192.168.7.1") == pick({0, 1, 2, 3, 4, 6}));
  CHECK(found("host 10.0.0.1") == pick({0, 1, 2, 3, 5, 6}));
  CHECK(found("src host 192.168.7.2") == pick({2}));
  CHECK(found("port 4001") == pick({1}));
  CHECK(found("host 10.0.0.1 and port 4000") == pick({0, 2, 3, 6}));
  CHECK(found("port 53") == traffic());
  CHECK(found("not port 4000") == pick({1, 5}));
  CHECK(found("192.168.7.1:4000-192.168.7.2:53/udp") == pick({0, 2, 3, 4, 6}));
  CHECK(found("vlan 7 and port 4001") == pick({1}));
}

TEST_CASE("words about sessions in tunnels") {
  const TestStore store;
  record(*store, traffic());
  const auto found = [&](const std::string& filter) { return extract(*store, ask(filter)).frames; };
  CHECK(found("tunnel = vxlan") == pick({0, 1, 2, 3, 6}));
  CHECK(found("tunnel = vxlan:2") == pick({3}));
  CHECK(found("tunnel = none and port 4000") == pick({0, 2, 3, 4, 6}));  // those of the carriers, too
  CHECK(found("tunnel = gre").empty());
  CHECK(found("tunnel = vxlan:1 and vlan 7 and port 4001") == pick({1}));
  const Uid parent = session_of(*store, "vxlan:1", 4000).parent_uid;
  CHECK(found("parent_uid = " + format_uid(parent)) == pick({0, 1, 2, 3, 6}));
}

TEST_CASE("where the carrier was fragmented, a session has all fragments of its own packets") {
  const auto fragments_of = [](std::uint16_t port, std::uint16_t id, bool first) {
    const PacketBytes content = joined({8, 0, 0, 0, 0, 0, 1, 0}, datagram(port, id));
    PacketBuilder packet;
    packet.eth().ipv4(
        "10.0.0.1", "10.0.0.2",
        {.id = id, .fragment_offset = static_cast<std::uint16_t>(first ? 0 : 800), .more_fragments = first});
    return first ? packet.udp(50'000, 4789).payload(content).bytes()
                 : packet.ip_proto(kIpProtoUdp).payload(100).bytes();
  };
  const TestStore store;
  const Frames frames = {owned(fragments_of(4001, 2, false), kStart),
                         owned(fragments_of(4000, 1, true), kStart + kMs),
                         owned(fragments_of(4001, 2, true), kStart + 2 * kMs),
                         owned(fragments_of(4000, 1, false), kStart + 3 * kMs),
                         owned(fragments_of(4000, 3, false), kStart + 4 * kMs)};
  record(*store, frames);
  CHECK(of_session(*store, "vxlan:1", 4000) == Frames{frames[1], frames[3]});
  CHECK(of_session(*store, "vxlan:1", 4001) == Frames{frames[0], frames[2]});
  const Uid uid = session_of(*store, "vxlan:1", 4000).uid;
  CHECK(extract(*store, ask_flow(uid, SessionSide::kResponder)).frames.empty());
}

TEST_CASE("a session has the fragments of each of its carriers") {
  const auto by = [](const char* far, std::uint16_t id, bool first, bool fragment) {
    const PacketBytes content = joined({8, 0, 0, 0, 0, 0, 1, 0}, datagram(4000, id));
    PacketBuilder packet;
    packet.eth().ipv4("10.0.0.1", far,
                      {.id = id,
                       .fragment_offset = static_cast<std::uint16_t>(first ? 0 : 800),
                       .more_fragments = fragment && first});
    return first ? packet.udp(50'000, 4789).payload(content).bytes()
                 : packet.ip_proto(kIpProtoUdp).payload(100).bytes();
  };
  const TestStore store;
  const Frames frames = {owned(by("10.0.0.2", 1, true, false), kStart),
                         owned(by("10.0.0.3", 2, true, true), kStart + kMs),
                         owned(by("10.0.0.3", 2, false, true), kStart + 2 * kMs),
                         owned(by("10.0.0.3", 3, false, true), kStart + 3 * kMs)};
  record(*store, frames);
  CHECK(of_session(*store, "vxlan:1", 4000) == Frames{frames[0], frames[1], frames[2]});
  // Whatever of the two sessions is asked for: the carrier's own fragments are the carried packet's, too.
  CHECK(extract(*store, ask("packets > 0 and port 4000")).frames == Frames{frames[0], frames[1], frames[2]});
  CHECK(extract(*store, ask("tunnel = vxlan and src port 9")).frames.empty());
}

TEST_CASE("a packet in fragments whose carriers are in fragments comes whole") {
  const auto outer = [](std::uint16_t id, std::uint16_t offset, bool more, const PacketBytes& content) {
    return PacketBuilder()
        .eth()
        .ipv4("10.0.0.1", "10.0.0.2",
              {.id = id, .fragment_offset = offset, .more_fragments = more, .ip_proto = 4})
        .payload(content)
        .bytes();
  };
  PacketBytes first = PacketBuilder()
                          .ipv4("192.168.7.1", "192.168.7.2", {.id = 9, .more_fragments = true})
                          .udp(4000, 53)
                          .payload(792)
                          .bytes();
  PacketBytes later = PacketBuilder()
                          .ipv4("192.168.7.1", "192.168.7.2", {.id = 9, .fragment_offset = 800})
                          .ip_proto(kIpProtoUdp)
                          .payload(780)
                          .bytes();
  const auto part = [](const PacketBytes& bytes, std::size_t from, std::size_t to) {
    return PacketBytes(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(to));
  };
  const TestStore store;
  const Frames frames = {owned(outer(1, 0, true, part(first, 0, 600)), kStart),
                         owned(outer(1, 600, false, part(first, 600, first.size())), kStart + kMs),
                         owned(outer(2, 0, true, part(later, 0, 600)), kStart + 2 * kMs),
                         owned(outer(2, 600, false, part(later, 600, later.size())), kStart + 3 * kMs),
                         owned(outer(3, 600, false, part(later, 600, later.size())), kStart + 4 * kMs)};
  record(*store, frames);
  CHECK(of_session(*store, "ip", 4000) == Frames{frames[0], frames[1], frames[2], frames[3]});
}

TEST_CASE("an error within a tunnel is about the session of that tunnel") {
  const PacketBytes asked = datagram(4000, 1);
  const PacketBytes quote(asked.begin() + 14, asked.begin() + 14 + 28);
  const PacketBytes error =
      PacketBuilder().eth().ipv4("192.168.7.2", "192.168.7.1", {.id = 77}).icmp(3, 3).payload(quote).bytes();
  const TestStore store;
  const Frames frames = {owned(vxlan(1, asked), kStart), owned(datagram(4000, 2), kStart + kMs),
                         owned(vxlan(1, error, "10.0.0.2", "10.0.0.1"), kStart + 2 * kMs)};
  record(*store, frames);
  CHECK(of_session(*store, "vxlan:1", 4000) == Frames{frames[0], frames[2]});
  CHECK(of_session(*store, "", 4000) == Frames{frames[1]});
}

TEST_CASE("words about packets choose no fewer sessions than words about frames do") {
  const TestStore store;
  record(*store, traffic());
  const auto found = [&](const std::string& filter) { return extract(*store, ask(filter)).frames; };
  for (const char* filter :
       {"host 10.0.0.1 and port 4000", "port 4001", "not port 4000", "src host 192.168.7.2"}) {
    CAPTURE(filter);
    CHECK(found(std::string(filter) + " and packets > 0") == found(filter));
  }
}

TEST_CASE("the index of frames in tunnels is what reindex makes of them") {
  const TestStore store;
  record(*store, random_traffic(5, 3000), small_segments());
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    const std::string index = storage::index_path_of(segment.path);
    const ByteBuffer written = must(read_file(index));
    must(storage::rebuild_index(segment.path, index));
    CHECK(must(read_file(index)) == written);
  }
}
