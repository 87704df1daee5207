#pragma once
// FramePrint: what identifies a frame's datagram, so that a second copy of it can be told from another one.
//
// A copy has the same addresses, identification and lengths, and the same bytes from the transport header on.
// Link header, tags, labels, TTL and the IP header's checksum may differ: routers and switches write them
// anew. Two datagrams of one sender differ in the identification, in TCP's numbers, options or in payload
// that both checksums cover; where none of it says so (`certain` is false: a UDP datagram or a bare
// acknowledgment without identification), equal ones may follow each other.

#include "capture/base/bytes.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "flowgen/flow_hash.hpp"
#include "capture/packet/tcp_flags.hpp"

namespace tapline::flowgen {

struct FramePrint {
  std::uint64_t digest;   // seeded; 0: too little was captured to tell
  std::uint16_t vantage;  // of TTL and tags: where on its path it was seen
  bool certain;           // no other datagram of this sender has this digest
};

/// Not of RST: each segment that a closed port is sent is answered by the same one.
inline bool is_certain_segment(const PacketMeta& meta, std::uint8_t data_offset) {
  constexpr std::uint8_t kWithoutOptions = 5u << 4;
  return meta.payload_bytes != 0 || (meta.tcp_flags & (kTcpSyn | kTcpFin)) != 0 ||
         ((meta.tcp_flags & kTcpRst) == 0 && data_offset > (kWithoutOptions | 0x0f));
}

/// Of a frame whose status is kIp. `flow_hash`: of its key.
inline FramePrint print_of(const FlowHash& hash, std::uint64_t flow_hash, Direction direction,
                           const Frame& frame, const PacketMeta& meta) {
  constexpr std::uint32_t kSampleBytes = 24;  // TCP header; UDP header and payload
  constexpr std::uint32_t kLeastBytes = 8;
  const std::uint32_t captured_bytes = frame.captured_bytes - meta.l4_offset;
  if (frame.captured_bytes < meta.l4_offset + kLeastBytes) return {0, 0, false};
  const std::uint8_t* const at = frame.data + meta.l4_offset;
  std::array<std::uint64_t, 4> words{
      load_le<std::uint64_t>(at), 0, 0,
      meta.ip_id | std::uint64_t{meta.ip_bytes & 0xffff} << 32 | std::uint64_t{meta.fragment_offset} << 48};
  bool certain = meta.ip_id != 0;
  if (meta.ip_proto == kIpProtoTcp && meta.has(kMetaL4)) {
    words[1] = load_le<std::uint64_t>(at + 8);
    words[2] = load_le<std::uint32_t>(at + 16);
    certain = certain || is_certain_segment(meta, at[12]);
  } else if (!certain && captured_bytes >= kSampleBytes) {
    words[1] = load_le<std::uint64_t>(at + 8);
    words[2] = load_le<std::uint64_t>(at + 16);
  }
  const std::uint32_t tags = meta.envelope_hash ^ meta.envelope_hash >> 16;
  return {hash.mix(flow_hash ^ static_cast<std::uint64_t>(direction), words),
          static_cast<std::uint16_t>(meta.ttl | ((tags ^ tags >> 8) & 0xff) << 8), certain};
}

}  // namespace tapline::flowgen
