// What belongs to a session without being of its five-tuple: later fragments, and ICMP errors.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <random>

#include "storage/catalog.hpp"
#include "storage/query/session_selection.hpp"
#include "storage/segment_index.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
constexpr TimeNs kMs = kNsPerSecond / 1000;
constexpr TimeNs kSecond = kNsPerSecond;
constexpr std::uint16_t kFirstBytes = 1480;  // of the datagram: header and payload

struct Host {
  std::string_view client = "10.0.0.5";
  std::string_view server = "203.0.113.9";
};

PacketBytes first_of(std::uint16_t port, std::uint16_t id, Host host = {}) {
  return PacketBuilder()
      .eth()
      .ipv4(host.client, host.server, {.id = id, .more_fragments = true})
      .udp(port, 9999)
      .payload(kFirstBytes - 8)
      .bytes();
}
PacketBytes later_of(std::uint16_t id, std::uint16_t number = 1, Host host = {}) {
  const auto offset = static_cast<std::uint16_t>(number * kFirstBytes);
  return PacketBuilder()
      .eth()
      .ipv4(host.client, host.server, {.id = id, .fragment_offset = offset})
      .ip_proto(kIpProtoUdp)
      .payload(100u + number)
      .bytes();
}
PacketBytes whole(std::uint16_t port, std::uint16_t id) {
  return PacketBuilder()
      .eth()
      .ipv4("10.0.0.5", "203.0.113.9", {.id = id})
      .udp(port, 9999)
      .payload(20)
      .bytes();
}
/// From a router to the client, about what the client has sent.
PacketBytes error_about(const PacketBytes& packet, std::size_t quote_bytes = 28) {
  constexpr std::size_t kEthernetBytes = 14;
  const PacketBytes quote(packet.begin() + kEthernetBytes,
                          packet.begin() + static_cast<long>(kEthernetBytes + quote_bytes));
  return PacketBuilder().eth().ipv4("198.51.100.1", "10.0.0.5").icmp(3, 3).payload(quote).bytes();
}

/// The session of the client's `port` that was open at `time_ns`.
SessionRecord session_of(const storage::Store& store, std::uint16_t port, TimeNs time_ns = kStart) {
  for (const SessionRecord& session : read_sessions(store)) {
    const bool of_port = session.key.port_a == port || session.key.port_b == port;
    if (of_port && session.final() && session.frames().contains(time_ns)) return session;
  }
  FAIL("no session of port " << port);
  return {};
}

std::vector<OwnedFrame> frames_of_port(const storage::Store& store, std::uint16_t port,
                                       TimeNs time_ns = kStart) {
  return extract(store, ask_flow(session_of(store, port, time_ns).uid)).frames;
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

using Frames = std::vector<OwnedFrame>;

}  // namespace

TEST_CASE("later fragments come with the session of their first one, and with no other") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart),         owned(first_of(4001, 8), kStart),
                         owned(later_of(7), kStart + kMs),         owned(later_of(8), kStart + kMs),
                         owned(later_of(7, 2), kStart + 2 * kMs),  owned(later_of(9), kStart + 2 * kMs),
                         owned(whole(4000, 10), kStart + 10 * kMs)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[2], frames[4], frames[6]});
  CHECK(frames_of_port(*store, 4001) == Frames{frames[1], frames[3]});
}

TEST_CASE("fragments of one identification are told apart by addresses and direction") {
  const TestStore store;
  const Host back{"203.0.113.9", "10.0.0.5"};
  const Host other{"10.0.0.6", "203.0.113.9"};
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7, 1, back), kStart + kMs),
                         owned(later_of(7, 1, other), kStart + kMs), owned(later_of(7), kStart + kMs)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[3]});
}

TEST_CASE("a later fragment may come before the first one") {
  const TestStore store;
  const Frames frames = {owned(later_of(7), kStart - 3 * kSecond), owned(later_of(7, 2), kStart - kMs),
                         owned(first_of(4000, 7), kStart)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == frames);
}

TEST_CASE("a record counts the later fragments that came behind their first one") {
  const TestStore store;
  const Frames frames = {owned(later_of(7, 3), kStart - kMs), owned(first_of(4000, 7), kStart),
                         owned(later_of(7), kStart + kMs), owned(later_of(7, 2), kStart + 2 * kMs)};
  record(*store, frames);
  const SessionRecord session = session_of(*store, 4000);
  CHECK(session.a_to_b.total.packets + session.b_to_a.total.packets == 3);
  CHECK(session.a_to_b.total.payload_bytes + session.b_to_a.total.payload_bytes == 1472 + 101 + 102);
  CHECK(session.last_ns == kStart + 2 * kMs);
  CHECK(frames_of_port(*store, 4000) == frames);
}

TEST_CASE("where an identification was used again the first fragment nearest in time counts") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7), kStart + kSecond),
                         owned(later_of(7), kStart + 3 * kSecond),
                         owned(first_of(4001, 7), kStart + 4 * kSecond)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[1]});
  CHECK(frames_of_port(*store, 4001, kStart + 4 * kSecond) == Frames{frames[2], frames[3]});
}

TEST_CASE("fragments that no record counts are within 10 s of the session") {
  const TestStore store;
  const Frames frames = {owned(later_of(7), kStart - kStrayNs - 1), owned(later_of(7, 2), kStart - kStrayNs),
                         owned(first_of(4000, 7), kStart)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[1], frames[2]});
}

TEST_CASE("65 s from the first fragment nobody waits for another one") {
  const TestStore store;
  Frames frames = {owned(later_of(7, 2), kStart - kTiedNs - 1), owned(later_of(7), kStart - kTiedNs)};
  const TimeNs begin = kStart - kTiedNs;  // the session is open all the time
  for (std::uint16_t i = 0; i < 7; ++i)
    frames.push_back(owned(whole(4000, 100 + i), begin + i * 10 * kSecond));
  frames.push_back(owned(first_of(4000, 7), kStart));
  record(*store, frames);
  Frames expected(frames.begin() + 1, frames.end());
  std::ranges::sort(expected, {}, &OwnedFrame::time_ns);
  Frames found = frames_of_port(*store, 4000);
  std::ranges::sort(found, {}, &OwnedFrame::time_ns);
  CHECK(found == expected);
}

TEST_CASE("fragments that another worker, or another import, has stored are found") {
  const TestStore store;
  const Frames here = {owned(first_of(4000, 7), kStart), owned(whole(4000, 8), kStart + kSecond)};
  const Frames there = {owned(later_of(7), kStart + kMs), owned(later_of(6), kStart + kMs)};
  record(*store, here);
  RecordOptions other;
  other.source = 2;
  other.worker = 1;
  record(*store, there, other);
  CHECK(frames_of_port(*store, 4000) == Frames{here[0], there[0], here[1]});
}

TEST_CASE("words about ports and sides hold for later fragments as for the first one") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(first_of(4001, 8), kStart),
                         owned(later_of(7), kStart + kMs), owned(later_of(8), kStart + kMs)};
  record(*store, frames);
  CHECK(extract(*store, ask("orig_packets > 0 and port 4000")).frames == Frames{frames[0], frames[2]});
  CHECK(extract(*store, ask("orig_packets > 0 and dst port 4000")).frames.empty());
  CHECK(extract(*store, ask("orig_packets > 0 and src port 4001")).frames == Frames{frames[1], frames[3]});
  const Uid uid = session_of(*store, 4000).uid;
  CHECK(extract(*store, ask_flow(uid, SessionSide::kOriginator)).frames == Frames{frames[0], frames[2]});
  CHECK(extract(*store, ask_flow(uid, SessionSide::kResponder)).frames.empty());
}

TEST_CASE("fragments outside of the window that was asked for are not given") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7), kStart + kMs),
                         owned(later_of(7, 2), kStart + 5 * kMs)};
  record(*store, frames);
  PacketQuestion question = ask_flow(session_of(*store, 4000).uid);
  question.window = {kStart, kStart + 5 * kMs};
  CHECK(extract(*store, question).frames == Frames{frames[0], frames[1]});
}

TEST_CASE("fragments of IPv6 come with their session") {
  const auto v6 = [](std::uint16_t offset, std::uint32_t id) {
    PacketBuilder packet;
    packet.eth().ipv6("2001:db8::5", "2001:db8:9::9").fragment(offset, offset == 0, id);
    return offset == 0 ? packet.udp(4000, 9999).payload(kFirstBytes - 8)
                       : packet.ip_proto(kIpProtoUdp).payload(9);
  };
  const TestStore store;
  const Frames frames = {owned(v6(0, 0x10007).bytes(), kStart),
                         owned(v6(kFirstBytes, 0x20007).bytes(), kStart),
                         owned(v6(kFirstBytes, 0x10007).bytes(), kStart + kMs)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[2]});
}

TEST_CASE("ICMP errors come with the session that they quote, also after its end") {
  const TestStore store;
  const Frames frames = {owned(whole(4000, 1), kStart), owned(whole(4001, 2), kStart),
                         owned(error_about(whole(4000, 1)), kStart + kMs),
                         owned(error_about(whole(4001, 2)), kStart + kStrayNs),
                         owned(error_about(whole(4000, 3), 40), kStart + kStrayNs + kMs)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[2]});
  CHECK(frames_of_port(*store, 4001) == Frames{frames[1], frames[3]});
}

TEST_CASE("an error goes the other way than the packet that it quotes") {
  const TestStore store;
  const Frames frames = {owned(whole(4000, 1), kStart), owned(error_about(whole(4000, 1)), kStart + kMs)};
  record(*store, frames);
  const Uid uid = session_of(*store, 4000).uid;
  CHECK(extract(*store, ask_flow(uid, SessionSide::kOriginator)).frames == Frames{frames[0]});
  CHECK(extract(*store, ask_flow(uid, SessionSide::kResponder)).frames == Frames{frames[1]});
}

TEST_CASE("where a five-tuple was used again an error is about the latest session") {
  const TestStore store;
  const TimeNs again = kStart + 40 * kSecond;  // the first has ended after 15 s of silence
  const Frames frames = {owned(whole(4000, 1), kStart), owned(error_about(whole(4000, 1)), kStart + kSecond),
                         owned(whole(4000, 2), again), owned(error_about(whole(4000, 2)), again + kMs)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0], frames[1]});
  CHECK(frames_of_port(*store, 4000, again) == Frames{frames[2], frames[3]});
}

TEST_CASE("an error about a datagram in fragments quotes the first one") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart),
                         owned(error_about(first_of(4000, 7)), kStart + 60 * kSecond)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == frames);
}

TEST_CASE("what comes behind a later fragment is found by its ports, in whatever block") {
  Frames frames = {owned(first_of(4000, 7), kStart)};
  for (std::uint16_t i = 0; i < 20; ++i) {  // more than a block of others
    frames.push_back(
        owned(PacketBuilder().eth().ipv4("10.1.0.1", "10.1.0.2", {.id = i}).udp(1, 2).payload(1400).bytes(),
              kStart + i));
  }
  frames.push_back(owned(later_of(7), kStart + kMs));
  for (std::uint16_t i = 0; i < 5; ++i) frames.push_back(owned(whole(4000, 100 + i), kStart + (2 + i) * kMs));
  const TestStore store;
  record(*store, frames, small_segments());
  CHECK(extract(*store, ask("host 10.0.0.5 and port 4000")).frames.size() == 6);
  CHECK(extract(*store, ask("10.0.0.5:4000-203.0.113.9:9999/udp")).frames.size() == 6);
  CHECK(frames_of_port(*store, 4000).size() == 7);
}

TEST_CASE("the first fragment may be outside of the window that was asked for") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7), kStart + kMs),
                         owned(later_of(8), kStart + 20 * kSecond - kMs),
                         owned(first_of(4000, 8), kStart + 20 * kSecond - kMs / 2)};
  record(*store, frames, small_segments());
  PacketQuestion question = ask_flow(session_of(*store, 4000).uid);
  question.window = {kStart + kMs, kStart + 20 * kSecond};
  CHECK(extract(*store, question).frames == Frames{frames[1]});
  question.flow = session_of(*store, 4000, frames[3].time_ns).uid;
  question.window = {kStart + kSecond, frames[3].time_ns};
  CHECK(extract(*store, question).frames == Frames{frames[2]});
}

TEST_CASE("a session that began anew with a later fragment has it") {
  const TestStore store;
  const TimeNs again = kStart + 40 * kSecond;  // the first instance has ended after 15 s of silence
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7), again),
                         owned(whole(4000, 9), again + kSecond)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 4000) == Frames{frames[0]});
  CHECK(frames_of_port(*store, 4000, again) == Frames{frames[1], frames[2]});
}

TEST_CASE("a session of fragments has all of its time, also those that other sessions count") {
  const TestStore store;
  const Frames frames = {owned(later_of(5), kStart - kMs), owned(later_of(7), kStart - kMs / 2),
                         owned(first_of(4000, 7), kStart), owned(later_of(7, 2), kStart + kMs),
                         owned(later_of(6), kStart + 2 * kMs)};
  record(*store, frames);
  CHECK(session_of(*store, 0).a_to_b.total.packets == 3);
  CHECK(frames_of_port(*store, 0) == Frames{frames[0], frames[1], frames[3], frames[4]});
  CHECK(frames_of_port(*store, 4000) == Frames{frames[1], frames[2], frames[3]});
}

TEST_CASE("a fragment that nobody joins, long after its first one, is in the session that counts it") {
  const TestStore store;
  const Frames frames = {owned(first_of(4000, 7), kStart), owned(later_of(7), kStart + 62 * kSecond)};
  record(*store, frames);
  CHECK(frames_of_port(*store, 0, kStart + 62 * kSecond) == Frames{frames[1]});
  CHECK(extract(*store, ask("orig_packets > 0")).frames == frames);
}

TEST_CASE("an address that speaks to itself has fragments of both sides") {
  const auto fragment = [](std::uint16_t from, std::uint16_t to, bool first, std::uint16_t id) {
    PacketBuilder packet;
    packet.eth().ipv4("10.0.0.5", "10.0.0.5",
                      {.id = id,
                       .fragment_offset = static_cast<std::uint16_t>(first ? 0 : kFirstBytes),
                       .more_fragments = first});
    return first ? packet.udp(from, to).payload(kFirstBytes - 8).bytes()
                 : packet.ip_proto(kIpProtoUdp).payload(9).bytes();
  };
  const TestStore store;
  const Frames frames = {
      owned(fragment(4000, 53, true, 7), kStart), owned(fragment(4000, 53, false, 7), kStart + 1),
      owned(fragment(53, 4000, true, 8), kStart + 2), owned(fragment(53, 4000, false, 8), kStart + 3)};
  record(*store, frames);
  const Uid uid = session_of(*store, 4000).uid;
  CHECK(extract(*store, ask_flow(uid)).frames == frames);
  CHECK(extract(*store, ask_flow(uid, SessionSide::kOriginator)).frames == Frames{frames[0], frames[1]});
  CHECK(extract(*store, ask("orig_packets > 0 and dst port 53")).frames == Frames{frames[0], frames[1]});
}

TEST_CASE("datagrams in random fragments, with errors, come back whole by their sessions") {
  const std::uint64_t seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  constexpr std::uint16_t kPorts = 8;
  std::vector<Frames> of_port(kPorts);
  std::vector<std::pair<TimeNs, OwnedFrame>> all;
  const auto put = [&](std::uint16_t port, PacketBytes bytes, TimeNs time_ns) {
    all.emplace_back(time_ns, owned(std::move(bytes), time_ns));
    of_port[port].push_back(all.back().second);
  };
  for (std::uint16_t datagram = 0; datagram < 300; ++datagram) {
    const auto port = static_cast<std::uint16_t>(random() % kPorts);
    const TimeNs time_ns = kStart + datagram * 10 * kMs + static_cast<TimeNs>(random() % 5) * kMs;
    const auto tuple_port = static_cast<std::uint16_t>(4000 + port);
    // 32 identifications are used again after 320 ms; fragments come within 9 ms.
    const auto id = static_cast<std::uint16_t>(datagram % 32);
    put(port, first_of(tuple_port, id), time_ns);
    const unsigned fragments = random() % 4;
    for (std::uint16_t number = 1; number <= fragments; ++number)
      put(port, later_of(id, number),
          time_ns - 4 * kMs + static_cast<TimeNs>(random() % 10'000) * kMs / 1000);
    if (random() % 2 == 0)
      put(port, whole(tuple_port, static_cast<std::uint16_t>(1000 + datagram)), time_ns + 5 * kMs);
    if (random() % 4 == 0) put(port, error_about(first_of(tuple_port, id)), time_ns + 100 * kMs + datagram);
  }
  std::ranges::stable_sort(all, {}, &std::pair<TimeNs, OwnedFrame>::first);
  Frames frames;
  for (auto& [time_ns, frame] : all) frames.push_back(std::move(frame));
  const TestStore store;
  record(*store, frames, small_segments());
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    const std::string written = read_bytes(storage::index_path_of(segment.path));
    must(storage::rebuild_index(segment.path, storage::index_path_of(segment.path)));
    CHECK(read_bytes(storage::index_path_of(segment.path)) == written);
  }
  for (std::uint16_t port = 0; port < kPorts; ++port) {
    CAPTURE(port);
    Frames found = frames_of_port(*store, static_cast<std::uint16_t>(4000 + port), kStart + kSecond);
    std::ranges::sort(found);
    std::ranges::sort(of_port[port]);
    CHECK(found == of_port[port]);
  }
}
