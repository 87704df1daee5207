#pragma once
// The transport header behind an IP header. Part of the decoder, not of its interface; inline, because every
// packet comes through here.

#include <algorithm>
#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/header_bytes.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline::detail {

/// No header is read past this offset, so that the offset behind any transport header fits PacketMeta's 16
/// bits. Only chains of extension headers in frames beyond every real MTU get there. What such a chain's last
/// header covers may end past 16 bits: offsets stop at kOffsetMax, by readable_end.
inline constexpr std::uint32_t kHeaderOffsetMax = 0xff00;
inline constexpr std::uint32_t kOffsetMax = 0xffff;

/// What is known about the place of a header: its offset (which may lie past both ends), where the captured
/// bytes of the IP packet end (kOffsetMax at most), and where the IP packet ends according to its header. The
/// link's padding is outside both.
struct IpExtent {
  std::uint32_t at;
  std::uint32_t readable_end;
  std::uint32_t ip_end;

  std::uint32_t readable_bytes() const { return readable_end > at ? readable_end - at : 0; }
  std::uint32_t ip_payload_bytes() const { return ip_end > at ? ip_end - at : 0; }
};

inline void set_flag(PacketMeta& meta, std::uint16_t flags) {
  meta.flags = static_cast<std::uint16_t>(meta.flags | flags);
}

/// Sets l4_offset and, behind `header_bytes` of transport header, the payload's place.
inline void set_payload(PacketMeta& meta, const IpExtent& extent, std::uint32_t header_bytes) {
  meta.l4_offset = static_cast<std::uint16_t>(std::min(extent.at, extent.readable_end));
  meta.payload_offset = static_cast<std::uint16_t>(std::min(extent.at + header_bytes, extent.readable_end));
  const std::uint32_t ip_payload_bytes = extent.ip_payload_bytes();
  meta.payload_bytes = ip_payload_bytes > header_bytes ? ip_payload_bytes - header_bytes : 0;
}

inline void load_ports(PacketMeta& meta, const std::uint8_t* header) {
  meta.src_port = load_be16(header);
  meta.dst_port = load_be16(header + 2);
  set_flag(meta, kMetaL4 | kMetaPorts);
}

inline void decode_tcp(const Frame& frame, PacketMeta& meta, const IpExtent& extent) {
  if (extent.readable_bytes() < kTcpFixedBytes) return set_payload(meta, extent, kTcpFixedBytes);
  const std::uint8_t* const tcp = frame.data + extent.at;
  load_ports(meta, tcp);
  meta.tcp_seq = load_be32(tcp + 4);
  meta.tcp_ack = load_be32(tcp + 8);
  meta.tcp_flags = tcp[13];
  meta.tcp_window = load_be16(tcp + 14);
  const std::uint32_t header_bytes = (tcp[12] >> 4) * 4u;
  set_payload(meta, extent, header_bytes);
  // A data offset that contradicts itself: nothing is payload.
  if (header_bytes < kTcpFixedBytes) [[unlikely]] {
    set_payload(meta, extent, kTcpFixedBytes);
    meta.payload_bytes = 0;
  }
}

/// Most datagrams have both ports outside of the range of those.
inline bool may_be_tunnel(std::uint16_t src_port, std::uint16_t dst_port) {
  const auto in_range = [](unsigned port) {
    return port - kTunnelPortMin <= kTunnelPortMax - kTunnelPortMin;
  };
  if (!in_range(src_port) && !in_range(dst_port)) [[likely]]
    return false;
  return is_tunnel_port(src_port) || is_tunnel_port(dst_port);
}

inline void decode_udp(const Frame& frame, PacketMeta& meta, const IpExtent& extent) {
  if (extent.readable_bytes() >= kUdpFixedBytes) {
    load_ports(meta, frame.data + extent.at);
    if (may_be_tunnel(meta.src_port, meta.dst_port)) [[unlikely]]
      set_flag(meta, kMetaTunnel);
  }
  set_payload(meta, extent, kUdpFixedBytes);
}

inline void decode_sctp(const Frame& frame, PacketMeta& meta, const IpExtent& extent) {
  constexpr std::uint32_t kFixedBytes = 12;
  if (extent.readable_bytes() >= kFixedBytes) load_ports(meta, frame.data + extent.at);
  set_payload(meta, extent, kFixedBytes);
}

/// ICMP or ICMPv6, by meta.ip_proto.
void decode_icmp(const Frame& frame, PacketMeta& meta, const IpExtent& extent) noexcept;

/// meta.ip_proto says which transport. Where its fixed header was not captured, the payload's length assumes
/// the shortest header; protocols that are not known have no header, all is payload.
inline void decode_transport(const Frame& frame, PacketMeta& meta, const IpExtent& extent) {
  if (extent.at > kHeaderOffsetMax) [[unlikely]]
    return set_payload(meta, extent, 0);
  if (meta.ip_proto == kIpProtoTcp) return decode_tcp(frame, meta, extent);
  if (meta.ip_proto == kIpProtoUdp) return decode_udp(frame, meta, extent);
  switch (meta.ip_proto) {
    case kIpProtoIcmp:
    case kIpProtoIcmpv6:
      return decode_icmp(frame, meta, extent);
    case kIpProtoSctp:
      return decode_sctp(frame, meta, extent);
    case kIpProtoIpv4:
    case kIpProtoIpv6:
    case kIpProtoGre:
    case kIpProtoEtherIp:
    case kIpProtoMpls:
      set_flag(meta, kMetaTunnel);
      return set_payload(meta, extent, 0);
    default:
      return set_payload(meta, extent, 0);
  }
}

}  // namespace tapline::detail
