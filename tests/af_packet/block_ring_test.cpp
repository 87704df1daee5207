// BlockRing over fabricated memory: order, return of blocks, wrapping, VLAN tags put back, cut frames.

#include "capture/af_packet/block_ring.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "tests/af_packet/fabricated_ring.hpp"
#include "tests/af_packet/pair_frames.hpp"

using namespace tapline;

namespace {

FabricatedFrame numbered(std::uint8_t number) {
  return {.bytes = std::vector<std::uint8_t>(60, number)};
}

std::vector<FabricatedFrame> numbered_from(std::uint8_t first, std::uint8_t count) {
  std::vector<FabricatedFrame> frames;
  for (std::uint8_t i = 0; i < count; ++i) frames.push_back(numbered(static_cast<std::uint8_t>(first + i)));
  return frames;
}

/// The first byte of each frame of one read.
std::vector<int> read_numbers(BlockRing& ring, std::size_t burst_frames) {
  std::array<Frame, kBurstFramesMax> frames;
  SourceCounters counters;
  const std::uint32_t count = ring.read(std::span(frames).first(burst_frames), counters);
  std::vector<int> numbers;
  for (std::uint32_t i = 0; i < count; ++i) numbers.push_back(frames.at(i).data[0]);
  return numbers;
}

/// What the ring makes of a single frame.
std::vector<std::uint8_t> read_one(const FabricatedFrame& fabricated, Frame& frame, SourceCounters& counters,
                                   RingTraits traits = {}) {
  FabricatedRing memory(1);
  memory.fill(0, {fabricated});
  BlockRing ring = memory.reader(traits);
  REQUIRE(ring.read({&frame, 1}, counters) == 1);
  return {frame.data, frame.data + frame.captured_bytes};
}

FrameBytes without_outer_tag(FrameBytes tagged) {
  tagged.erase(tagged.begin() + 12, tagged.begin() + 16);
  return tagged;
}

}  // namespace

TEST_CASE("an empty ring has no frames") {
  FabricatedRing memory(2);
  BlockRing ring = memory.reader();
  CHECK(read_numbers(ring, 8).empty());
  CHECK_FALSE(ring.holds_blocks());
}

TEST_CASE("frames come in order, over blocks and round the ring") {
  FabricatedRing memory(3);
  BlockRing ring = memory.reader();
  for (std::uint8_t round = 0; round < 5; ++round) {
    const auto first = static_cast<std::uint8_t>(round * 10);
    memory.fill((round * 2U) % 3, numbered_from(first, 3));
    memory.fill((round * 2U + 1) % 3, numbered_from(static_cast<std::uint8_t>(first + 3), 2));
    CHECK(read_numbers(ring, 4) == std::vector<int>{first, first + 1, first + 2, first + 3});
    CHECK(read_numbers(ring, 4) == std::vector<int>{first + 4});
    CHECK(read_numbers(ring, 4).empty());
  }
}

TEST_CASE("a block goes back with the first read after its last frame was handed out") {
  FabricatedRing memory(2);
  memory.fill(0, numbered_from(0, 2));
  memory.fill(1, numbered_from(2, 2));
  BlockRing ring = memory.reader();
  CHECK(read_numbers(ring, 3).size() == 3);
  CHECK(memory.status(0) == TP_STATUS_USER);
  CHECK(read_numbers(ring, 1).size() == 1);
  CHECK(memory.status(0) == TP_STATUS_KERNEL);
  CHECK(memory.status(1) == TP_STATUS_USER);
  CHECK(ring.holds_blocks());
  CHECK(read_numbers(ring, 0).empty());
  CHECK(memory.status(1) == TP_STATUS_KERNEL);
  CHECK_FALSE(ring.holds_blocks());
}

TEST_CASE("a burst over the whole ring ends there, although the first block still is ours") {
  FabricatedRing memory(2);
  memory.fill(0, numbered_from(0, 1));
  memory.fill(1, numbered_from(1, 1));
  BlockRing ring = memory.reader();
  CHECK(read_numbers(ring, 64) == std::vector<int>{0, 1});
}

TEST_CASE("a block without frames is passed over") {
  FabricatedRing memory(3);
  memory.fill(0, {});
  memory.fill(1, numbered_from(7, 1));
  BlockRing ring = memory.reader();
  CHECK(read_numbers(ring, 64) == std::vector<int>{7});
}

TEST_CASE("time, port and lengths") {
  FabricatedFrame cut = numbered(1);
  cut.status = TP_STATUS_COPY | TP_STATUS_CSUMNOTREADY;
  cut.cut_bytes = 1000;
  Frame frame;
  SourceCounters counters;
  CHECK(read_one(cut, frame, counters, {.port = 3}).size() == 60);
  CHECK(frame.time_ns == 1'800'000'000'000'000'001);
  CHECK(frame.wire_bytes == 1060);
  CHECK(frame.port == 3);
  CHECK(frame.link_type == kLinkEthernet);
  CHECK(counters.polled_frames == 1);
  CHECK(counters.polled_captured_bytes == 60);
  CHECK(counters.polled_wire_bytes == 1060);
  CHECK(counters.super_frames == 0);
}

TEST_CASE("an outer VLAN tag is put back as it was on the wire") {
  const FrameBytes packet = ipv4_packet(1, 2);
  struct Tagged {
    FrameBytes types;
    std::uint32_t status;
    std::uint16_t tpid;
    std::uint16_t tci;
  };
  const std::uint32_t both = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
  for (const Tagged& tagged : {Tagged{{0x81, 0, 0x60, 0x05, 8, 0}, both, 0x8100, 0x6005},
                               Tagged{{0x81, 0, 0, 0, 8, 0}, TP_STATUS_VLAN_VALID, 0, 0},
                               Tagged{{0x88, 0xa8, 0x0f, 0xff, 8, 0}, both, 0x88a8, 0x0fff},
                               Tagged{{0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 8, 0}, both, 0x88a8, 9}}) {
    const FrameBytes on_the_wire = ethernet_frame(tagged.types, packet);
    Frame frame;
    SourceCounters counters;
    const FabricatedFrame in_the_ring{.bytes = without_outer_tag(on_the_wire),
                                      .status = tagged.status,
                                      .tpid = tagged.tpid,
                                      .tci = tagged.tci,
                                      .cut_bytes = 11};
    CHECK(read_one(in_the_ring, frame, counters) == on_the_wire);
    CHECK(frame.wire_bytes == on_the_wire.size() + 11);
    CHECK(counters.polled_captured_bytes == on_the_wire.size());
  }
}

TEST_CASE("a tag that the kernel did not take out stays where it is") {
  const FrameBytes tagged = ethernet_frame({0x81, 0, 0, 5, 8, 0}, ipv4_packet(1, 2));
  Frame frame;
  SourceCounters counters;
  CHECK(read_one({.bytes = tagged}, frame, counters) == tagged);
  CHECK(read_one({.bytes = tagged, .tpid = 0x8100, .tci = 5}, frame, counters) == tagged);
}

TEST_CASE("a frame without whole addresses gets no tag") {
  Frame frame;
  SourceCounters counters;
  const FabricatedFrame stub{
      .bytes = std::vector<std::uint8_t>(11, 1), .status = TP_STATUS_VLAN_VALID, .tci = 5};
  CHECK(read_one(stub, frame, counters).size() == 11);
  CHECK(frame.wire_bytes == 11);
}

TEST_CASE("raw IP begins at the network header") {
  const FrameBytes packet = ipv4_packet(1, 2);
  Frame frame;
  SourceCounters counters;
  CHECK(read_one({.bytes = packet, .link_header_bytes = 0}, frame, counters, {.link_type = kLinkRaw}) ==
        packet);
  CHECK(frame.link_type == kLinkRaw);
  FrameBytes with_header(4, 0xff);
  append(with_header, packet);
  CHECK(read_one({.bytes = with_header, .link_header_bytes = 4}, frame, counters, {.link_type = kLinkRaw}) ==
        packet);
  CHECK(frame.wire_bytes == packet.size());
}

TEST_CASE("super-frames: by the kernel's word, or longer than the wire carries") {
  Frame frame;
  SourceCounters counters;
  read_one({.bytes = FrameBytes(1522, 1)}, frame, counters);
  CHECK(counters.super_frames == 0);
  read_one({.bytes = FrameBytes(1523, 1)}, frame, counters);
  CHECK(counters.super_frames == 1);
  read_one({.bytes = FrameBytes(100, 1), .status = 1U << 8U}, frame, counters);  // TP_STATUS_GSO_TCP
  CHECK(counters.super_frames == 2);
  CHECK(counters.polled_frames == 3);
}
