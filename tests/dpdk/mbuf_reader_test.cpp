// What virtual devices do not do: tags taken off, clocks of NICs. mbufs made by hand, without an EAL.

#include "capture/dpdk/mbuf_reader.hpp"

#include <rte_mbuf_dyn.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

using namespace tapline;

namespace {

constexpr TimeNs kClockNs = 1'800'000'000LL * kNsPerSecond;
constexpr std::uint64_t kTimeFlag = 1ULL << 40;
constexpr std::size_t kTimeOffset = offsetof(rte_mbuf, dynfield1) + 4;  // aligned as DPDK does it

/// One buffer; bytes count up from `first`.
struct Buffer {
  Buffer(std::uint16_t bytes, std::uint8_t first, std::uint16_t headroom = RTE_PKTMBUF_HEADROOM)
      : memory(headroom + bytes) {
    std::iota(memory.begin() + headroom, memory.end(), first);
    mbuf.buf_addr = memory.data();
    mbuf.data_off = headroom;
    mbuf.data_len = bytes;
    mbuf.pkt_len = bytes;
    mbuf.nb_segs = 1;
  }
  void set_time(std::uint64_t time) {
    mbuf.ol_flags |= kTimeFlag;
    std::memcpy(RTE_MBUF_DYNFIELD(&mbuf, kTimeOffset, void*), &time, sizeof time);
  }

  std::vector<std::uint8_t> memory;
  std::unique_ptr<rte_mbuf> owned = std::make_unique<rte_mbuf>();
  rte_mbuf& mbuf = *owned;
};

MbufFormat format(DeviceClock clock = DeviceClock::kNone) {
  return {.clock = clock,
          .timestamp_offset = kTimeOffset,
          .timestamp_flag = clock == DeviceClock::kNone ? 0 : kTimeFlag,
          .frame_bytes_max = 1'522,
          .port = 2};
}

Frame read_one(MbufReader& reader, rte_mbuf& mbuf) {
  rte_mbuf* const mbufs[] = {&mbuf};
  std::array<Frame, 1> frames;
  reader.read(mbufs, kClockNs, frames);
  CHECK(frames[0].port == 2);
  CHECK(frames[0].link_type == kLinkEthernet);
  return frames[0];
}

std::vector<std::uint8_t> bytes_of(const Frame& frame) {
  return {frame.data, frame.data + frame.captured_bytes};
}

/// `tags` behind the 12 bytes of the addresses, the rest of `bytes` counting up from 1.
std::vector<std::uint8_t> tagged(std::size_t bytes, const std::vector<std::uint8_t>& tags) {
  std::vector<std::uint8_t> frame(bytes);
  std::iota(frame.begin(), frame.end(), 1);
  frame.insert(frame.begin() + 12, tags.begin(), tags.end());
  return frame;
}

TimeNs time_read(DeviceClock clock, std::uint64_t device_time, std::uint64_t& refused) {
  MbufReader reader(format(clock));
  Buffer buffer(60, 1);
  buffer.set_time(device_time);
  const TimeNs time_ns = read_one(reader, buffer.mbuf).time_ns;
  refused = reader.counters().device_times_refused;
  return time_ns;
}

}  // namespace

TEST_CASE("a frame is a view of its buffer") {
  MbufReader reader(format());
  Buffer buffer(60, 1);
  const Frame frame = read_one(reader, buffer.mbuf);
  CHECK(frame.data == buffer.memory.data() + RTE_PKTMBUF_HEADROOM);
  CHECK(frame.captured_bytes == 60);
  CHECK(frame.wire_bytes == 60);
  CHECK(frame.time_ns == kClockNs);
}

TEST_CASE("a tag that the driver took off is put back") {
  for (const std::uint16_t headroom : {0, 2, 128}) {  // without room it is copied
    MbufReader reader(format());
    Buffer buffer(60, 1, headroom);
    buffer.mbuf.ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    buffer.mbuf.vlan_tci = 0xa123;
    const Frame frame = read_one(reader, buffer.mbuf);
    CHECK(bytes_of(frame) == tagged(60, {0x81, 0x00, 0xa1, 0x23}));
    CHECK(frame.wire_bytes == 64);
    CHECK(reader.counters().frames_retagged == 1);
  }
}

TEST_CASE("two tags that the driver took off are put back, the outer one in front") {
  for (const std::uint16_t headroom : {0, 128}) {
    MbufReader reader(format());
    Buffer buffer(60, 1, headroom);
    buffer.mbuf.ol_flags =
        RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED;
    buffer.mbuf.vlan_tci = 5;
    buffer.mbuf.vlan_tci_outer = 9;
    CHECK(bytes_of(read_one(reader, buffer.mbuf)) == tagged(60, {0x88, 0xa8, 0, 9, 0x81, 0, 0, 5}));
  }
}

TEST_CASE("a tag that the driver only reports is in the frame already") {
  MbufReader reader(format());
  Buffer buffer(60, 1);
  buffer.mbuf.ol_flags = RTE_MBUF_F_RX_VLAN;
  buffer.mbuf.vlan_tci = 7;
  CHECK(bytes_of(read_one(reader, buffer.mbuf)) == tagged(60, {}));
}

TEST_CASE("a chain comes whole, with its tag, cut at the limit") {
  Buffer first(8, 1);  // less than the addresses
  Buffer second(52, 9);
  Buffer third(2'000, 61);
  first.mbuf.next = &second.mbuf;
  second.mbuf.next = &third.mbuf;
  first.mbuf.nb_segs = 3;
  first.mbuf.pkt_len = 2'060;
  std::vector<std::uint8_t> expected = tagged(2'060, {});
  MbufReader reader(format());
  Frame frame = read_one(reader, first.mbuf);
  CHECK(frame.wire_bytes == 2'060);
  CHECK(bytes_of(frame) == std::vector<std::uint8_t>(expected.begin(), expected.begin() + 1'522));
  CHECK(reader.counters().frames_chained == 1);
  CHECK(reader.counters().frames_cut == 1);

  first.mbuf.ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
  first.mbuf.vlan_tci = 1;
  expected = tagged(2'060, {0x81, 0, 0, 1});
  frame = read_one(reader, first.mbuf);
  CHECK(frame.wire_bytes == 2'064);
  CHECK(bytes_of(frame) == std::vector<std::uint8_t>(expected.begin(), expected.begin() + 1'522));
}

TEST_CASE("a runt without room for addresses gets its tag at the end") {
  MbufReader reader(format());
  Buffer buffer(3, 1, 0);
  buffer.mbuf.ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
  CHECK(bytes_of(read_one(reader, buffer.mbuf)) == std::vector<std::uint8_t>{1, 2, 3, 0x81, 0, 0, 0});
}

TEST_CASE("times of net_pcap are microseconds, as they are in the file") {
  std::uint64_t refused = 0;
  CHECK(time_read(DeviceClock::kMicroseconds, 1'000'001, refused) == 1'000'001'000);
  CHECK(refused == 0);
}

TEST_CASE("times of other devices count where they agree with the clock to 10 s") {
  std::uint64_t refused = 0;
  const auto clock = static_cast<std::uint64_t>(kClockNs);
  constexpr std::uint64_t kLimit = kDeviceClockOffsetMaxNs;
  for (const std::uint64_t good : {clock, clock + 1, clock - kLimit, clock + kLimit}) {
    CHECK(time_read(DeviceClock::kUnproven, good, refused) == static_cast<TimeNs>(good));
    CHECK(refused == 0);
  }
  // Ticks since the start, TAI, microseconds, rubbish.
  for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{123'456'789}, clock + 37 * kNsPerSecond,
                                  clock / 1'000, clock - kLimit - 1, clock + kLimit + 1, ~std::uint64_t{0}}) {
    CHECK(time_read(DeviceClock::kUnproven, bad, refused) == kClockNs);
    CHECK(refused == 1);
  }
}
