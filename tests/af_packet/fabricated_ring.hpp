#pragma once
// A TPACKET_V3 ring in ordinary memory, filled as the kernel does (linux/if_packet.h,
// net/packet/af_packet.c).

#include <linux/if_packet.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "capture/af_packet/block_ring.hpp"

namespace tapline {

struct FabricatedFrame {
  std::vector<std::uint8_t> bytes;  // what is in the ring: without the outer tag
  std::uint32_t status = 0;         // TP_STATUS_ bits
  std::uint16_t tpid = 0;
  std::uint16_t tci = 0;
  std::uint32_t cut_bytes = 0;  // on the wire, but not in the ring
  std::uint16_t link_header_bytes = 14;
};

class FabricatedRing {
 public:
  static constexpr std::uint32_t kBlockBytes = 8192;

  explicit FabricatedRing(std::uint32_t blocks) : memory_(std::size_t{blocks} * kBlockBytes / 8) {}

  std::uint8_t* memory() { return reinterpret_cast<std::uint8_t*>(memory_.data()); }
  BlockRing reader(RingTraits traits = {}) {
    return {memory(), kBlockBytes, static_cast<std::uint32_t>(memory_.size() * 8 / kBlockBytes), traits};
  }
  std::uint32_t status(std::uint32_t block) { return block_at(block)->hdr.bh1.block_status; }

  /// Writes the frames and gives the block to the reader.
  void fill(std::uint32_t block, const std::vector<FabricatedFrame>& frames) {
    constexpr std::uint32_t kFirstOffset = 48;
    tpacket_block_desc* const descriptor = block_at(block);
    descriptor->hdr.bh1.num_pkts = static_cast<std::uint32_t>(frames.size());
    descriptor->hdr.bh1.offset_to_first_pkt = kFirstOffset;
    std::uint8_t* at = reinterpret_cast<std::uint8_t*>(descriptor) + kFirstOffset;
    for (const FabricatedFrame& frame : frames) at += write(at, frame, &frame == &frames.back());
    descriptor->hdr.bh1.block_status = TP_STATUS_USER;
  }

 private:
  tpacket_block_desc* block_at(std::uint32_t block) {
    return reinterpret_cast<tpacket_block_desc*>(memory() + std::size_t{block} * kBlockBytes);
  }

  std::uint32_t write(std::uint8_t* at, const FabricatedFrame& frame, bool last) {
    const std::uint32_t net_offset = TPACKET_ALIGN(TPACKET3_HDRLEN + 16) + kRingHeadroomBytes;
    tpacket3_hdr header{};
    header.tp_net = static_cast<std::uint16_t>(net_offset);
    header.tp_mac = static_cast<std::uint16_t>(net_offset - frame.link_header_bytes);
    header.tp_snaplen = static_cast<std::uint32_t>(frame.bytes.size());
    header.tp_len = header.tp_snaplen + frame.cut_bytes;
    header.tp_sec = 1'800'000'000;
    header.tp_nsec = ++written_;
    header.tp_status = TP_STATUS_USER | frame.status;
    header.hv1.tp_vlan_tci = frame.tci;
    header.hv1.tp_vlan_tpid = frame.tpid;
    const auto taken = static_cast<std::uint32_t>(TPACKET_ALIGN(header.tp_mac + frame.bytes.size()));
    header.tp_next_offset = last ? 0 : taken;
    std::memcpy(at, &header, sizeof header);
    if (!frame.bytes.empty()) std::memcpy(at + header.tp_mac, frame.bytes.data(), frame.bytes.size());
    return taken;
  }

  std::vector<std::uint64_t> memory_;  // for its alignment
  std::uint32_t written_ = 0;          // becomes tp_nsec: 1, 2, ...
};

}  // namespace tapline
