#include "capture/packet/tunnel_walk.hpp"

#include <algorithm>

#include "capture/base/bytes.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tunnel_id.hpp"

namespace tapline::detail {
namespace {

/// What comes next is at `at`, which never passes `end`.
struct TunnelWalk {
  const Frame& frame;
  std::uint32_t at;
  std::uint32_t end;

  const std::uint8_t* bytes() const { return frame.data + at; }
  bool captured(std::uint32_t count) const { return end - at >= count; }
  bool skip(std::uint32_t count) {
    if (!captured(count)) return false;
    at += count;
    return true;
  }
  std::optional<TunnelContent> content(std::uint16_t ethertype, std::uint32_t tunnel_id) const {
    if (at == end) return std::nullopt;
    return TunnelContent{at, end, ethertype, tunnel_id};
  }
  /// IP, told by its version.
  std::optional<TunnelContent> ip_content(std::uint32_t tunnel_id) const {
    if (at == end) return std::nullopt;
    const int version = bytes()[0] >> 4;
    if (version != 4 && version != 6) return std::nullopt;
    return content(version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6, tunnel_id);
  }
};

using Content = std::optional<TunnelContent>;

/// Cisco's draft-foschiano-erspan: type II has 8 bytes (version 1), type III (version 2) 12, and 8 more where
/// its last bit says so. Type I has none.
Content read_erspan(TunnelWalk walk, bool type_one) {
  if (type_one) return walk.content(kEtherTypeBridgedEthernet, make_tunnel_id(TunnelKind::kErspan));
  constexpr std::uint32_t kTypeTwoBytes = 8;
  constexpr std::uint32_t kTypeThreeBytes = 12;
  if (!walk.captured(kTypeTwoBytes)) return std::nullopt;
  const std::uint8_t* const header = walk.bytes();
  const std::uint32_t id = make_tunnel_id(TunnelKind::kErspan, load_be16(header + 2) & 0x03ffu);
  if (header[0] >> 4 == 1) {
    walk.at += kTypeTwoBytes;
    return walk.content(kEtherTypeBridgedEthernet, id);
  }
  if (header[0] >> 4 != 2 || !walk.captured(kTypeThreeBytes)) return std::nullopt;
  const std::uint8_t frame_type = header[10] >> 2 & 0x1f;  // 0: Ethernet, 2: IP
  const std::uint32_t platform_bytes = (header[11] & 1) != 0 ? 8 : 0;
  if (!walk.skip(kTypeThreeBytes + platform_bytes)) return std::nullopt;
  if (frame_type == 2) return walk.ip_content(id);
  return frame_type == 0 ? walk.content(kEtherTypeBridgedEthernet, id) : std::nullopt;
}

/// RFC 2637, 4.1: the key is a length and a call id; a packet without sequence number only acknowledges.
Content read_pptp(TunnelWalk walk, std::uint16_t flags, std::uint16_t ethertype) {
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  const bool has_acknowledgment = (flags & 0x0080) != 0;
  if (ethertype != kEtherTypePpp || !has_key || !has_sequence) return std::nullopt;
  if (!walk.skip(has_acknowledgment ? 12 : 8)) return std::nullopt;
  return walk.content(kEtherTypePpp, make_tunnel_id(TunnelKind::kPptp));
}

/// Both ends of an NVGRE network may put other values into the key's last byte; subnets below 0x1000 are
/// reserved (RFC 7637, 3.2), so that small keys are keys of bridges.
std::uint32_t gre_tunnel_id(std::uint16_t ethertype, std::optional<std::uint32_t> key) {
  constexpr std::uint32_t kNvgreKeyMin = 0x1000u << 8;
  if (!key) return make_tunnel_id(TunnelKind::kGre);
  if (ethertype == kEtherTypeBridgedEthernet && *key >= kNvgreKeyMin)
    return make_tunnel_id(TunnelKind::kNvgre, *key >> 8);
  if (*key <= kTunnelNumberMax) return make_tunnel_id(TunnelKind::kGre, *key);
  return make_tunnel_id(TunnelKind::kGreHashed, ((*key ^ *key >> 15) * 0x9e37'79b1u) >> 5);
}

/// What Cisco's WCCP version 2 puts before a redirected packet; version 1 put nothing there.
Content read_wccp(TunnelWalk walk, std::uint32_t tunnel_id) {
  if (const Content bare = walk.ip_content(tunnel_id)) return bare;
  return walk.skip(4) ? walk.ip_content(tunnel_id) : std::nullopt;
}

/// Cisco MetaData stands behind the type of what follows it here, not in front of it.
Content read_meta_data(TunnelWalk walk, std::uint32_t tunnel_id) {
  if (!walk.skip(8)) return std::nullopt;
  return walk.content(load_be16(walk.bytes() - 8), tunnel_id);
}

/// RFC 2784 and RFC 2890; source routes (RFC 1701) are not followed.
Content read_gre(TunnelWalk walk) {
  constexpr std::uint16_t kWccp = 0x883e;
  if (!walk.captured(4)) return std::nullopt;
  const std::uint16_t flags = load_be16(walk.bytes());
  const std::uint16_t ethertype = load_be16(walk.bytes() + 2);
  walk.at += 4;
  const int version = flags & 7;
  if (version == 1) return read_pptp(walk, flags, ethertype);
  const bool has_checksum = (flags & 0x8000) != 0;
  const bool has_route = (flags & 0x4000) != 0;
  const bool has_key = (flags & 0x2000) != 0;
  const bool has_sequence = (flags & 0x1000) != 0;
  if (version != 0 || has_route || (has_checksum && !walk.skip(4))) return std::nullopt;
  std::optional<std::uint32_t> key;
  if (has_key) {
    if (!walk.captured(4)) return std::nullopt;
    key = load_be32(walk.bytes());
    walk.at += 4;
  }
  if (has_sequence && !walk.skip(4)) return std::nullopt;
  if (ethertype == kEtherTypeErspan3) return read_erspan(walk, false);
  if (ethertype == kEtherTypeErspan) return read_erspan(walk, !has_sequence);  // type II numbers its packets
  const std::uint32_t id = gre_tunnel_id(ethertype, key);
  if (ethertype == kEtherTypeMetaData) return read_meta_data(walk, id);
  return ethertype == kWccp ? read_wccp(walk, id) : walk.content(ethertype, id);
}

/// RFC 7348, section 5, and its extension for other protocols (draft-ietf-nvo3-vxlan-gpe, 3.1), whose flag
/// for them is not always set.
Content read_vxlan(TunnelWalk walk, bool generic) {
  constexpr std::uint8_t kHasNetwork = 0x08;
  constexpr std::uint16_t kEthertypes[] = {0, kEtherTypeIpv4, kEtherTypeIpv6, kEtherTypeBridgedEthernet,
                                           kEtherTypeNsh};
  if (!walk.captured(8)) return std::nullopt;
  const std::uint8_t* const header = walk.bytes();
  if ((header[0] & kHasNetwork) == 0) return std::nullopt;
  std::uint16_t ethertype = kEtherTypeBridgedEthernet;
  if (generic && header[3] != 0) {
    if (header[3] >= std::size(kEthertypes)) return std::nullopt;
    ethertype = kEthertypes[header[3]];
  }
  walk.at += 8;
  return walk.content(ethertype, make_tunnel_id(TunnelKind::kVxlan, load_be32(header + 4) >> 8));
}

/// RFC 8926, 3.4.
Content read_geneve(TunnelWalk walk) {
  if (!walk.captured(8)) return std::nullopt;
  const std::uint8_t* const header = walk.bytes();
  const std::uint32_t options_bytes = (header[0] & 0x3fu) * 4;
  if (header[0] >> 6 != 0 || !walk.skip(8 + options_bytes)) return std::nullopt;
  return walk.content(load_be16(header + 2), make_tunnel_id(TunnelKind::kGeneve, load_be32(header + 4) >> 8));
}

/// 3GPP TS 29.281, 5: version 1, and of its messages the one that carries a packet. Extension headers give
/// their length in units of four bytes, and their last byte says what follows.
Content read_gtp_u(TunnelWalk walk) {
  constexpr std::uint8_t kVersionOne = 0x30;  // and protocol type GTP
  constexpr std::uint8_t kHasMore = 0x07;     // extension header, sequence number, N-PDU number
  constexpr std::uint8_t kHasExtension = 0x04;
  constexpr std::uint8_t kPacketFollows = 0xff;
  constexpr int kExtensionsMax = 16;
  if (!walk.captured(8)) return std::nullopt;
  const std::uint8_t flags = walk.bytes()[0];
  if ((flags & 0xf0) != kVersionOne || walk.bytes()[1] != kPacketFollows) return std::nullopt;
  if (!walk.skip(8) || ((flags & kHasMore) != 0 && !walk.skip(4))) return std::nullopt;
  std::uint8_t next = (flags & kHasExtension) != 0 ? walk.bytes()[-1] : 0;
  for (int count = 0; next != 0; ++count) {
    if (count == kExtensionsMax || !walk.captured(1) || walk.bytes()[0] == 0) return std::nullopt;
    if (!walk.skip(walk.bytes()[0] * 4u)) return std::nullopt;
    next = walk.bytes()[-1];
  }
  return walk.ip_content(make_tunnel_id(TunnelKind::kGtpU));
}

/// RFC 4380, 5.1.1: an authentication header and an origin may stand before the IPv6 packet, whose length has
/// to be right, because nothing else tells Teredo from what else uses its port.
Content read_teredo(TunnelWalk walk, std::uint32_t payload_bytes) {
  constexpr std::uint32_t kOriginBytes = 8;
  constexpr std::uint32_t kIpv6Bytes = 40;
  const std::uint32_t begin = walk.at;
  if (walk.captured(4) && load_be16(walk.bytes()) == 1) {
    const std::uint32_t identifier_bytes = walk.bytes()[2];
    const std::uint32_t value_bytes = walk.bytes()[3];
    if (!walk.skip(4 + identifier_bytes + value_bytes + 9)) return std::nullopt;  // nonce and confirmation
  }
  if (walk.captured(2) && load_be16(walk.bytes()) == 0 && !walk.skip(kOriginBytes)) return std::nullopt;
  if (!walk.captured(kIpv6Bytes) || walk.bytes()[0] >> 4 != 6) return std::nullopt;
  const std::uint32_t inner_bytes = kIpv6Bytes + load_be16(walk.bytes() + 4);
  if (inner_bytes > payload_bytes - std::min(payload_bytes, walk.at - begin)) return std::nullopt;
  return walk.content(kEtherTypeIpv6, make_tunnel_id(TunnelKind::kTeredo));
}

/// RFC 2661, 3.1: version 2, and data, not control.
Content read_l2tp(TunnelWalk walk) {
  if (!walk.captured(6)) return std::nullopt;
  const std::uint16_t flags = load_be16(walk.bytes());
  const bool is_control = (flags & 0x8000) != 0;
  const bool has_length = (flags & 0x4000) != 0;
  const bool has_sequence = (flags & 0x0800) != 0;
  const bool has_offset = (flags & 0x0200) != 0;
  if (is_control || (flags & 0x000f) != 2) return std::nullopt;
  if (!walk.skip(6u + (has_length ? 2 : 0) + (has_sequence ? 4 : 0))) return std::nullopt;
  if (has_offset) {
    if (!walk.captured(2) || !walk.skip(2u + load_be16(walk.bytes()))) return std::nullopt;
  }
  return walk.content(kEtherTypePpp, make_tunnel_id(TunnelKind::kL2tp));
}

/// RFC 3378: version 3, the rest 0.
Content read_ether_ip(TunnelWalk walk) {
  if (!walk.captured(2) || load_be16(walk.bytes()) != 0x3000) return std::nullopt;
  walk.at += 2;
  return walk.content(kEtherTypeBridgedEthernet, make_tunnel_id(TunnelKind::kEtherIp));
}

/// draft-massar-v6ops-ayiya: lengths of identity (a power of two) and signature (words), operation (1:
/// forward), next header.
Content read_ayiya(TunnelWalk walk) {
  constexpr std::uint32_t kFixedBytes = 8;
  if (!walk.captured(kFixedBytes)) return std::nullopt;
  const std::uint8_t* const header = walk.bytes();
  const std::uint32_t identity_bytes = 1u << (header[0] >> 4);
  const std::uint32_t signature_bytes = (header[1] >> 4) * 4u;
  const bool forwards = (header[2] & 0x0f) == 1;
  const bool has_ip = header[3] == kIpProtoIpv4 || header[3] == kIpProtoIpv6;
  if (!forwards || !has_ip || !walk.skip(kFixedBytes + identity_bytes + signature_bytes)) return std::nullopt;
  return walk.ip_content(make_tunnel_id(TunnelKind::kAyiya));
}

Content read_udp_tunnel(const TunnelWalk& walk, const PacketMeta& meta, std::uint16_t port) {
  switch (port) {
    case kPortL2tp:
      return read_l2tp(walk);
    case kPortGtpU:
      return read_gtp_u(walk);
    case kPortTeredo:
      return read_teredo(walk, meta.payload_bytes);
    case kPortVxlan:
    case kPortVxlanLinux:
      return read_vxlan(walk, false);
    case kPortVxlanGpe:
      return read_vxlan(walk, true);
    case kPortAyiya:
      return read_ayiya(walk);
    case kPortGeneve:
      return read_geneve(walk);
    case kPortMplsInUdp:
      return walk.content(kEtherTypeMpls, make_tunnel_id(TunnelKind::kMpls));
    default:
      return std::nullopt;
  }
}

/// Most go to their port; answers may come from it.
Content read_udp_tunnel(const TunnelWalk& walk, const PacketMeta& meta) {
  const Content content = read_udp_tunnel(walk, meta, meta.dst_port);
  return content ? content : read_udp_tunnel(walk, meta, meta.src_port);
}

}  // namespace

std::optional<TunnelContent> read_tunnel(const Frame& frame, const PacketMeta& meta) noexcept {
  if (!meta.has(kMetaTunnel)) return std::nullopt;
  const std::uint32_t ip_end = meta.l3_offset + meta.ip_bytes;
  const std::uint32_t end = std::min(frame.captured_bytes, ip_end);
  const TunnelWalk walk{frame, std::min<std::uint32_t>(meta.payload_offset, end), end};
  switch (meta.ip_proto) {
    case kIpProtoIpv4:
      return walk.content(kEtherTypeIpv4, make_tunnel_id(TunnelKind::kIp));
    case kIpProtoIpv6:
      return walk.content(kEtherTypeIpv6, make_tunnel_id(TunnelKind::kIp));
    case kIpProtoGre:
      return read_gre(walk);
    case kIpProtoEtherIp:
      return read_ether_ip(walk);
    case kIpProtoMpls:
      return walk.content(kEtherTypeMpls, make_tunnel_id(TunnelKind::kMpls));
    case kIpProtoUdp:
      return read_udp_tunnel(walk, meta);
    default:
      return std::nullopt;
  }
}

}  // namespace tapline::detail

namespace tapline {

bool is_tunnel_port(std::uint16_t port) noexcept {
  switch (port) {
    case kPortL2tp:
    case kPortGtpU:
    case kPortTeredo:
    case kPortVxlan:
    case kPortVxlanGpe:
    case kPortAyiya:
    case kPortGeneve:
    case kPortMplsInUdp:
    case kPortVxlanLinux:
      return true;
    default:
      return false;
  }
}

}  // namespace tapline
