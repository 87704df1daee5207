#pragma once
// Made-up traffic for tests: frames of many kinds from a seed, and the least that has to stand around a
// FrameSegmentWriter (order keys, decoding, one AppendSlot a flow and direction) to store them as a sensor
// would.

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/packet/frame.hpp"
#include "tests/storage/frame_segment_writer.hpp"

namespace tapline::storage {

/// One frame as a source would deliver it, with bytes of its own.
struct TestFrame {
  ByteBuffer bytes;
  TimeNs time_ns = 0;
  std::uint32_t wire_bytes = 0;
  OrderKey order;
  bool cut = false;
  bool opaque = false;  // what the flow table would say about its flow

  Frame view(std::uint16_t link_type = kLinkEthernet) const;
  FrameCut frame_cut() const { return {cut ? static_cast<std::uint32_t>(bytes.size()) + 1 : 0, 0}; }
};

ByteBuffer make_udp_frame(std::uint32_t source, std::uint32_t destination, std::uint16_t source_port,
                          std::uint16_t destination_port, std::size_t payload_bytes);

/// Ethernet frames of a few hundred flows: TCP, UDP, SCTP and ICMP over IPv4 and IPv6, VLAN tags (also two)
/// that change within a flow, MPLS, tunnels (VXLAN, GRE, IP in IP), fragments, ICMP errors, ARP, LLC, and
/// frames cut short anywhere.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}

  TestFrame next();
  std::vector<TestFrame> take(std::size_t frames);
  std::uint64_t number(std::uint64_t below) { return random_() % below; }
  std::mt19937_64& random() { return random_; }

 private:
  ByteBuffer make_ip(std::uint64_t flow);
  ByteBuffer make_icmp_error(std::uint64_t flow);
  ByteBuffer make_tunnel(std::uint64_t flow);
  ByteBuffer make_frame();

  std::mt19937_64 random_;
  std::uint16_t frame_number_ = 0;  // in each frame: none is a copy of another
  std::map<std::pair<std::uint64_t, bool>, std::uint16_t> fragment_ids_;  // by flow and direction
  TimeNs now_ns_ = 1'700'000'000 * kNsPerSecond;
};

/// Gives order keys to frames in the order in which they arrive (Frame::order).
void number_frames(std::vector<TestFrame>& frames);

/// What a flow table would say about frames: one AppendSlot a flow and direction; later fragments are of the
/// flow of their first one.
class TestFlows {
 public:
  struct Found {
    std::vector<PacketMeta> packets;  // of the frame, outermost first
    FlowHit hit;                      // of the innermost that has a session
  };
  Found find(const TestFrame& frame, const Frame& view);

 private:
  FlowHit find_packet(const TestFrame& frame, const Frame& view, const PacketMeta& meta);

  std::map<std::array<std::uint8_t, 44>, AppendSlot> slots_;  // by key layout, direction and tunnel
  std::map<std::tuple<std::uint64_t, Direction, std::uint32_t>, FlowKey> firsts_;  // of datagrams
};

/// The rest of the pipeline. Owns the slots; the caller owns the writer.
class TestPipeline {
 public:
  explicit TestPipeline(FrameSegmentWriter& writer) : writer_(writer) {}
  Status append(const TestFrame& frame);
  Status append_all(const std::vector<TestFrame>& frames);

 private:
  FrameSegmentWriter& writer_;
  TestFlows flows_;
};

}  // namespace tapline::storage
