#pragma once
// Frame keys: every index key by which one frame can be found. The writer posts them, reindex posts them
// again from the stored frames, and tests compare both with a full scan: one function, so that they cannot
// differ.

#include <array>
#include <cstdint>
#include <span>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_layers.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/index_key.hpp"

namespace tapline::storage {

class FrameKeys {
 public:
  std::span<const IndexKey> keys() const { return {keys_.data(), count_}; }
  void add(IndexKey key);
  static constexpr std::size_t kKeysMax = 20 * kPacketLayersMax;

 private:
  std::array<IndexKey, kKeysMax> keys_;
  std::size_t count_ = 0;
};

/// flow_fingerprint() of the frame's flow, the same at every port; 0 where it has no session.
std::uint64_t frame_fingerprint(const Frame& frame, const PacketMeta& meta);

/// Keys of every packet within the frame, and of every layer: addresses, ports, protocol and flow of the IP
/// header; the outermost two VLAN ids and the top MPLS label; addresses of ARP; the five-tuple that an ICMP
/// error quotes; of a first fragment the flow of those that follow it; the ethertype of frames without a
/// session. `meta` and `fingerprint` are the outermost packet's.
FrameKeys collect_frame_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint);

/// True where frames of one flow and envelope may have different keys, so that each must be posted. Ports
/// that are really 0 make the same flow as frames that were cut in front of their ports.
inline bool keys_vary_by_frame(const PacketMeta& meta) {
  return meta.status != DecodeStatus::kIp || meta.has(kMetaIcmpQuote) || meta.has(kMetaFragment) ||
         (meta.has(kMetaPorts) && meta.src_port == 0 && meta.dst_port == 0);
}

}  // namespace tapline::storage
