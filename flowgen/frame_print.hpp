#pragma once
// FramePrint: what identifies a frame's datagram, so that a second copy of it can be told from another one.
//
// A copy has the same addresses, identification and lengths, and the same bytes from the transport header on.
// Link header, tags, labels, TTL and the IP header's checksum may differ: routers and switches write them
// anew. Two datagrams of one sender differ in the identification, in TCP's numbers or options, or in payload;
// where none of it says so, equal ones may follow each other.

#include <algorithm>
#include <cstring>

#include "capture/base/bytes.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tcp_flags.hpp"
#include "flowgen/flow_hash.hpp"

namespace tapline::flowgen {

/// What an equal datagram of the same sender is.
enum class Equal : std::uint8_t {
  kUnknown,  // perhaps the next one
  kLikely,   // a copy, if it comes at once
  kCertain,  // a copy
};

struct FramePrint {
  std::uint64_t digest;   // seeded; 0: too little was captured to tell
  std::uint16_t vantage;  // of TTL and tags: where on its path it was seen
  Equal equal;
};

/// A closed port answers each segment that it is sent by the same RST. Receivers without SACK acknowledge
/// each segment out of order by the same bare segment; nearly all have it, and then its option differs.
inline Equal equal_segment(const PacketMeta& meta, std::uint8_t data_offset) {
  constexpr std::uint8_t kWithoutOptions = 5u << 4 | 0x0f;
  if (meta.payload_bytes != 0 || (meta.tcp_flags & (kTcpSyn | kTcpFin)) != 0) return Equal::kCertain;
  if ((meta.tcp_flags & kTcpRst) != 0) return Equal::kUnknown;
  return data_offset > kWithoutOptions ? Equal::kCertain : Equal::kLikely;
}

/// Payload that is looked at where nothing in the headers tells datagrams apart: beyond what QUIC repeats.
inline constexpr std::uint32_t kSampleBytes = 64;

/// Whether a checksum covers the payload (ESP: a number counts). What carries other packets without one, as
/// VXLAN and GTP-U do, repeats its first bytes in each.
inline bool has_payload_checksum(const PacketMeta& meta, const std::uint8_t* header) {
  switch (meta.ip_proto) {
    case kIpProtoUdp:
      return load_be16(header + 6) != 0;
    case kIpProtoIcmp:
    case kIpProtoIcmpv6:
    case kIpProtoSctp:
    case kIpProtoEsp:
      return true;
    default:
      return false;
  }
}

/// Of a frame whose status is kIp. `flow_hash`: of its key.
inline FramePrint print_of(const FlowHash& hash, std::uint64_t flow_hash, Direction direction,
                           const Frame& frame, const PacketMeta& meta) {
  constexpr std::uint32_t kLeastBytes = 8;
  if (frame.captured_bytes < meta.l4_offset + kLeastBytes) return {0, 0, Equal::kUnknown};
  const std::uint8_t* const at = frame.data + meta.l4_offset;
  std::array<std::uint64_t, 4> words{
      load_le<std::uint64_t>(at), 0, 0,
      meta.ip_id | std::uint64_t{meta.ip_bytes & 0xffff} << 32 | std::uint64_t{meta.fragment_offset} << 48};
  Equal equal = meta.ip_id != 0 ? Equal::kCertain : Equal::kUnknown;
  if (meta.ip_proto == kIpProtoTcp && meta.has(kMetaL4)) {
    words[1] = load_le<std::uint64_t>(at + 8);
    words[2] = load_le<std::uint32_t>(at + 16);
    if (equal != Equal::kCertain) equal = equal_segment(meta, at[12]);
  } else if (equal != Equal::kCertain) {
    const std::uint32_t captured_bytes = frame.captured_bytes - meta.l4_offset - kLeastBytes;
    const std::size_t sample_bytes = std::min({captured_bytes, meta.payload_bytes, kSampleBytes});
    std::array<std::array<std::uint64_t, 4>, 2> sample{};
    std::memcpy(sample.data(), at + kLeastBytes, sample_bytes);
    words[1] = hash.mix(flow_hash, sample[0]);
    words[2] = hash.mix(flow_hash, sample[1]);
    if (sample_bytes != 0 && has_payload_checksum(meta, at)) equal = Equal::kLikely;
  }
  const std::uint32_t tags = meta.envelope_hash ^ meta.envelope_hash >> 16;
  return {hash.mix(flow_hash ^ static_cast<std::uint64_t>(direction), words),
          static_cast<std::uint16_t>(meta.ttl | ((tags ^ tags >> 8) & 0xff) << 8), equal};
}

}  // namespace tapline::flowgen
