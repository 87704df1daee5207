#include "capture/af_packet/block_ring.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "capture/base/bytes.hpp"
#include "capture/base/check.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {

namespace {

constexpr std::uint32_t kStatusGsoTcp = 1U << 8U;  // TP_STATUS_GSO_TCP; not in Linux 6.1's header
constexpr std::uint32_t kEthernetAddressesBytes = 12;
constexpr std::uint32_t kVlanTagBytes = 4;
static_assert(kRingHeadroomBytes >= kVlanTagBytes);

/// Pairs with the kernel's: it writes a block before its status, and reads the status before it writes again.
std::atomic_ref<__u32> status_of(tpacket_block_desc* block) {
  return std::atomic_ref<__u32>(block->hdr.bh1.block_status);
}

/// IEEE 802.1Q: the tag stands between the addresses and the type.
void insert_vlan_tag(Frame& frame, std::uint8_t* data, const tpacket3_hdr& header) {
  const bool has_tpid = (header.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const std::uint16_t tpid = has_tpid ? header.hv1.tp_vlan_tpid : static_cast<std::uint16_t>(kEtherTypeVlan);
  const auto tci = static_cast<std::uint16_t>(header.hv1.tp_vlan_tci);
  std::uint8_t* const start = data - kVlanTagBytes;
  std::memmove(start, data, kEthernetAddressesBytes);
  store_be16(start + kEthernetAddressesBytes, tpid);
  store_be16(start + kEthernetAddressesBytes + 2, tci);
  frame.data = start;
  frame.captured_bytes += kVlanTagBytes;
  frame.wire_bytes += kVlanTagBytes;
}

}  // namespace

tpacket_block_desc* BlockRing::block_at(std::uint32_t index) const {
  return reinterpret_cast<tpacket_block_desc*>(memory_ + std::size_t{index} * block_bytes_);
}

std::uint32_t BlockRing::read(std::span<Frame> frames, SourceCounters& counters) {
  release_finished();
  std::uint32_t count = 0;
  while (count < frames.size() && (frames_left_ > 0 || begin_block())) {
    count += read_block(frames.subspan(count), counters);
  }
  return count;
}

void BlockRing::release_finished() {
  const std::uint32_t unfinished = frames_left_ > 0 ? 1 : 0;
  for (; blocks_held_ > unfinished; --blocks_held_) {
    status_of(block_at(oldest_held_)).store(TP_STATUS_KERNEL, std::memory_order_release);
    oldest_held_ = oldest_held_ + 1 == block_count_ ? 0 : oldest_held_ + 1;
  }
}

bool BlockRing::begin_block() {
  // Once round the ring the next block would be one that we hold.
  if (blocks_held_ == block_count_) return false;
  const std::uint32_t past_held = oldest_held_ + blocks_held_;
  tpacket_block_desc* const block = block_at(past_held < block_count_ ? past_held : past_held - block_count_);
  if ((status_of(block).load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return false;
  ++blocks_held_;
  frames_left_ = block->hdr.bh1.num_pkts;
  next_header_ = reinterpret_cast<std::uint8_t*>(block) + block->hdr.bh1.offset_to_first_pkt;
  return true;
}

std::uint32_t BlockRing::read_block(std::span<Frame> frames, SourceCounters& counters) {
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(frames.size(), frames_left_));
  for (Frame& frame : frames.first(count)) {
    const auto& header = *reinterpret_cast<const tpacket3_hdr*>(next_header_);
    frame = view(next_header_);
    counters.polled_captured_bytes += frame.captured_bytes;
    counters.polled_wire_bytes += frame.wire_bytes;
    const bool is_super =
        (header.tp_status & kStatusGsoTcp) != 0 || frame.wire_bytes > traits_.wire_frame_bytes_max;
    counters.super_frames += is_super ? 1 : 0;
    next_header_ += header.tp_next_offset;
  }
  frames_left_ -= count;
  counters.polled_frames += count;
  return count;
}

/// The frame behind a tpacket3_hdr: tp_mac and tp_net are offsets from it, tp_snaplen bytes of tp_len are
/// there.
Frame BlockRing::view(std::uint8_t* header_bytes) const {
  const auto& header = *reinterpret_cast<const tpacket3_hdr*>(header_bytes);
  Frame frame;
  frame.time_ns = TimeNs{header.tp_sec} * kNsPerSecond + header.tp_nsec;
  frame.link_type = traits_.link_type;
  frame.port = traits_.port;
  std::uint8_t* const data = header_bytes + header.tp_mac;
  frame.data = data;
  frame.captured_bytes = header.tp_snaplen;
  frame.wire_bytes = header.tp_len;
  frame.checksums_open = (header.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
  if (traits_.link_type != kLinkEthernet) {
    const auto link_bytes = static_cast<std::uint32_t>(header.tp_net - header.tp_mac);
    const std::uint32_t skipped_bytes = std::min(link_bytes, frame.captured_bytes);
    frame.data += skipped_bytes;
    frame.captured_bytes -= skipped_bytes;
    frame.wire_bytes -= skipped_bytes;
  } else if ((header.tp_status & TP_STATUS_VLAN_VALID) != 0 &&
             frame.captured_bytes >= kEthernetAddressesBytes) {
    insert_vlan_tag(frame, data, header);
  }
  frame.captured_bytes = std::min(frame.captured_bytes, kFrameBytesMax);
  return frame;
}

}  // namespace tapline
