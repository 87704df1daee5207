#pragma once
// IPv4 and IPv6 headers. Part of the decoder, not of its interface.

#include "capture/packet/decode_transport.hpp"

namespace tapline::detail {

/// Says that decoding ended at `at` without an IP header.
inline void stop_at(const Frame& frame, PacketMeta& meta, std::uint32_t at, DecodeStatus status) {
  const auto offset = static_cast<std::uint16_t>(std::min({at, frame.captured_bytes, kHeaderOffsetMax}));
  meta.l3_offset = offset;
  meta.l4_offset = offset;
  meta.payload_offset = offset;
  meta.status = status;
}

/// Headers between a fixed IP header and the transport: meta.ip_proto is the first one, extent.at its place.
/// IPv4 comes here for AH only.
void decode_extension_headers(const Frame& frame, PacketMeta& meta, IpExtent extent) noexcept;

/// An IPv6 header at `at`; meta.ethertype is set already.
void decode_ipv6(const Frame& frame, PacketMeta& meta, std::uint32_t at) noexcept;

/// Total length 0 is written by segmentation offload and by packets beyond 64 KiB: what the wire length
/// leaves then. Not less than what was captured: wire lengths lie, too.
inline std::uint32_t ipv4_offload_bytes(const Frame& frame, std::uint32_t at) {
  return std::max(frame.wire_bytes, frame.captured_bytes) - at;
}

/// An IPv4 header at `at`; meta.ethertype is set already.
inline void decode_ipv4(const Frame& frame, PacketMeta& meta, std::uint32_t at) {
  constexpr std::uint16_t kMoreFragments = 0x2000;
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  if (frame.captured_bytes < at + kIpv4FixedBytes) [[unlikely]]
    return stop_at(frame, meta, at, DecodeStatus::kTruncatedIp);

  const std::uint8_t* const ip = frame.data + at;
  const std::uint32_t header_bytes = (ip[0] & 0x0f) * 4u;
  std::uint32_t ip_bytes = load_be16(ip + 2);
  if (ip_bytes == 0) [[unlikely]]
    ip_bytes = ipv4_offload_bytes(frame, at);
  if ((ip[0] >> 4) != 4 || header_bytes < kIpv4FixedBytes || ip_bytes < header_bytes) [[unlikely]]
    return stop_at(frame, meta, at, DecodeStatus::kBadIpHeader);

  const std::uint32_t ip_end = at + ip_bytes;
  const IpExtent extent{at + header_bytes, std::min(ip_end, frame.captured_bytes), ip_end};
  meta.l3_offset = static_cast<std::uint16_t>(at);
  meta.ip_bytes = ip_bytes;
  meta.ip_id = load_be16(ip + 4);
  meta.ttl = ip[8];
  meta.ip_proto = ip[9];
  meta.flags = static_cast<std::uint16_t>(kMetaIpv4 | (ip_end > frame.captured_bytes ? kMetaIpTruncated : 0));

  const std::uint16_t fragment = load_be16(ip + 6);
  if ((fragment & (kMoreFragments | kFragmentOffset)) != 0) [[unlikely]] {
    set_flag(meta, kMetaFragment);
    meta.fragment_offset = static_cast<std::uint16_t>((fragment & kFragmentOffset) * 8);
    if (meta.fragment_offset != 0) {
      set_flag(meta, kMetaLaterFragment);
      return set_payload(meta, extent, 0);
    }
  }
  if (meta.ip_proto == kIpProtoAh) [[unlikely]]
    return decode_extension_headers(frame, meta,
                                    {extent.at, std::min(extent.readable_end, kOffsetMax), ip_end});
  decode_transport(frame, meta, extent);
}

}  // namespace tapline::detail
