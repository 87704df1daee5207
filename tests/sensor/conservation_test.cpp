// Every frame is accounted for and comes back as it was, however odd. record() asserts the conservation law.

#include <catch2/catch.hpp>

#include "tests/packet/packet_builder.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::test;
using namespace tapline::storage;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;

// Each frame has an identification of its own: none is a copy of another.
ByteBuffer udp(std::uint16_t source_port, std::size_t payload_bytes = 20) {
  static std::uint16_t ip_id = 0;
  return PacketBuilder()
      .eth()
      .ipv4("10.0.0.1", "10.0.0.2", {.id = ++ip_id})
      .udp(source_port, 53)
      .payload(payload_bytes)
      .bytes();
}

std::vector<OwnedFrame> udp_at(std::initializer_list<TimeNs> times) {
  std::vector<OwnedFrame> frames;
  for (const TimeNs time_ns : times) {
    frames.push_back(owned(udp(static_cast<std::uint16_t>(4000 + frames.size() % 3)), time_ns));
  }
  return frames;
}

}  // namespace

TEST_CASE("frames of many kinds come back with bytes, times and order") {
  const std::uint64_t seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(seed, 3000);
  const Recording recording = record(*store, frames, small_segments());
  CHECK(recording.segments.segments_published > 3);
  CHECK(frames_of(read_frames(*store)) == frames);
}

TEST_CASE("frames beyond the limit are cut to it and counted") {
  const TestStore store;
  std::vector<OwnedFrame> frames;
  for (const std::size_t bytes : {262'143, 262'144, 262'145, 300'000}) {
    ByteBuffer frame = udp(4000);
    frame.resize(bytes, 0x5a);
    frames.push_back(owned(std::move(frame), kStart + static_cast<TimeNs>(frames.size())));
  }
  const Recording recording = record(*store, frames);
  CHECK(recording.count(kFrameStoredWhole) == 2);
  CHECK(recording.count(kFrameStoredCut) == 2);
  CHECK(recording.count(kFrameCutByUsBytes) == 1 + (300'000 - 262'144));
  for (OwnedFrame& frame : frames)
    frame.bytes.resize(std::min<std::size_t>(frame.bytes.size(), kFrameBytesMax));
  CHECK(frames_of(read_frames(*store)) == frames);
}

TEST_CASE("a session knows how many of its packets are not wholly in the store") {
  const TestStore store;
  ByteBuffer long_frame = udp(4000);
  long_frame.resize(300'000);
  record(*store, std::vector{owned(udp(4000), kStart), owned(std::move(long_frame), kStart + 1)});
  const std::vector<SessionRecord> sessions = read_sessions(*store);
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].unstored_packets == 1);
}

TEST_CASE("without packets all frames are filtered and the sessions stay the same") {
  const TestStore whole;
  const TestStore sessions_only;
  const std::vector<OwnedFrame> frames = random_traffic(7, 1000);
  record(*whole, frames);
  RecordOptions options;
  options.store_packets = false;
  const Recording recording = record(*sessions_only, frames, options);
  CHECK(recording.count(kFrameFiltered) == 1000);
  CHECK(scan(*sessions_only).segments.empty());
  const std::vector<SessionRecord> expected = read_sessions(*whole);
  const std::vector<SessionRecord> actual = read_sessions(*sessions_only);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(actual[i].uid == expected[i].uid);
    CHECK(actual[i].a_to_b.total == expected[i].a_to_b.total);
    CHECK(actual[i].b_to_a.total == expected[i].b_to_a.total);
  }
}

TEST_CASE("without packets no session claims to have stored any") {
  const TestStore store;
  RecordOptions options;
  options.store_packets = false;
  record(*store, random_traffic(8, 500), options);
  for (const SessionRecord& session : read_sessions(*store)) {
    if (!session.final()) continue;  // an interim record may precede what its burst's frames became
    CHECK(session.unstored_packets == session.a_to_b.total.packets + session.b_to_a.total.packets);
  }
}

TEST_CASE("link types of one source go to segments of their own and keep their common order") {
  const TestStore store;
  std::vector<OwnedFrame> frames;
  for (int i = 0; i < 300; ++i) {
    const auto port = static_cast<std::uint16_t>(4000 + i % 7);
    PacketBuilder packet;
    if (i % 3 == 0) packet.eth();
    if (i % 3 == 1) packet.linux_sll();
    packet.ipv4("10.0.0.1", "10.0.0.2", {.id = static_cast<std::uint16_t>(i + 1)}).udp(port, 53).payload(100);
    const std::uint16_t link_types[] = {kLinkEthernet, kLinkLinuxSll, kLinkRaw};
    frames.push_back(owned(packet.bytes(), kStart + i / 2, link_types[i % 3]));
  }
  const Recording recording = record(*store, frames);
  CHECK(recording.segments.segments_published == 3);
  CHECK(recording.count(kFrameInSession) == 300);
  CHECK(frames_of(read_frames(*store)) == frames);
}

TEST_CASE("frames of an unknown link type are stored, have no session and are counted as such") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = {owned(udp(4000), kStart, 147), owned(udp(4000), kStart + 1, 147)};
  const Recording recording = record(*store, frames);
  CHECK(recording.count(kFrameNoSession + static_cast<std::size_t>(DecodeStatus::kUnknownLinkType)) == 2);
  CHECK(recording.count(kFrameStoredWhole) == 2);
  CHECK(read_sessions(*store).empty());
  CHECK(frames_of(read_frames(*store)) == frames);
}

TEST_CASE("a frame without bytes is a frame") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = {OwnedFrame{{}, kStart, 60, kLinkEthernet}};
  const Recording recording = record(*store, frames);
  CHECK(recording.count(kFrameCutAtSourceBytes) == 60);
  CHECK(frames_of(read_frames(*store)) == frames);
}

TEST_CASE("times that run backwards, stand still, lie before 1970 or jump are kept") {
  constexpr TimeNs kDay = 86'400 * kNsPerSecond;
  const std::vector<OwnedFrame> frames = GENERATE_REF(
      udp_at({kStart + 5, kStart + 3, kStart + 4, kStart + 6, kStart + 1}),
      udp_at({kStart, kStart, kStart, kStart}), udp_at({-5 * kNsPerSecond - 1, -kNsPerSecond, -1, 0, 1}),
      udp_at({kStart, kStart + 365 * kDay, kStart + 1, kStart + 366 * kDay}),
      udp_at({kStart, kStart - 20'000 * kDay, kStart + 1}),
      udp_at({std::numeric_limits<TimeNs>::min(), 0, std::numeric_limits<TimeNs>::max()}));
  const TestStore store;
  const Recording recording = record(*store, frames);
  CHECK(frames_of(read_frames(*store)) == frames);
  CHECK(recording.first_ns == std::ranges::min(frames, {}, &OwnedFrame::time_ns).time_ns);
  CHECK(recording.last_ns == std::ranges::max(frames, {}, &OwnedFrame::time_ns).time_ns);
}

TEST_CASE("order keys are the running maximum and the count within it") {
  const TestStore store;
  record(*store, udp_at({kStart + 5, kStart + 3, kStart + 5, kStart + 9, kStart + 8}));
  const std::vector<ReadFrame> read = read_frames(*store);
  const OrderKey expected[] = {
      {kStart + 5, 0}, {kStart + 5, 1}, {kStart + 5, 2}, {kStart + 9, 0}, {kStart + 9, 1}};
  REQUIRE(read.size() == std::size(expected));
  for (std::size_t i = 0; i < read.size(); ++i) CHECK(read[i].order == expected[i]);
}

TEST_CASE("an empty source finishes and publishes nothing") {
  const TestStore store;
  const Recording recording = record(*store, {});
  CHECK(recording.segments.segments_published == 0);
  const Catalog catalog = scan(*store);
  CHECK(catalog.segments.empty());
  CHECK(catalog.sessions.empty());
  CHECK(catalog.ledgers.empty());
}
