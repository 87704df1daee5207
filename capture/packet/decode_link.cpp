#include "capture/packet/decode_link.hpp"

#include "capture/base/bytes.hpp"
#include "capture/packet/decode_ip.hpp"

namespace tapline::detail {
namespace {

// Tags, labels, PPPoE and inner Ethernet headers of one frame; what has more is not a frame that anybody sent
// on purpose. Keeps the offset of the IP header small.
constexpr int kLinkLayersMax = 64;

constexpr std::uint32_t kEthernetBytes = 14;

// IEEE 802.3: a type field below 0x0600 is a length, LLC follows.
constexpr std::uint16_t kLengthMax = 0x05ff;

enum class EnvelopeKind : std::uint64_t { kVlan = 1, kMpls = 2, kPppoe = 3, kBackbone = 4 };

// A frame while its link layer is walked: what comes next, and where.
struct LinkWalk {
  const Frame& frame;
  PacketMeta& meta;
  std::uint32_t at;
  std::uint64_t envelope = 0;

  const std::uint8_t* bytes() const { return frame.data + at; }
  bool captured(std::uint32_t count) const { return frame.captured_bytes >= at + count; }
  void stop(DecodeStatus status) const { stop_at(frame, meta, at, status); }

  // Only compared with the previous frame's, never stored: any good mix will do.
  void add_to_envelope(EnvelopeKind kind, std::uint32_t value) {
    envelope = (envelope ^ (static_cast<std::uint64_t>(kind) << 32 | value)) * 0x9e37'79b9'7f4a'7c15;
    envelope ^= envelope >> 32;
    const auto hash = static_cast<std::uint32_t>(envelope);
    meta.envelope_hash = hash != 0 ? hash : 1;
  }
};

// Each reader of a layer leaves walk.at behind its header and says what follows; false: the walk has ended,
// and the status is set.

bool read_vlan(LinkWalk& walk) {
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint16_t tci = load_be16(walk.bytes());
  if (walk.meta.vlan_count < 2) walk.meta.vlan_tci[walk.meta.vlan_count] = tci;
  ++walk.meta.vlan_count;
  walk.add_to_envelope(EnvelopeKind::kVlan, tci & 0x0fff);
  walk.meta.ethertype = load_be16(walk.bytes() + 2);
  walk.at += 4;
  return true;
}

// RFC 3032. What follows the bottom label has no type of its own: IP is told by its version (RFC 4928),
// anything else (pseudo-wires, whose control word begins with 0) is not IP.
bool read_mpls(LinkWalk& walk) {
  for (bool bottom = false; !bottom;) {
    if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink), false;
    if (walk.meta.mpls_count == kLinkLayersMax) return walk.stop(DecodeStatus::kNotIp), false;
    const std::uint32_t entry = load_be32(walk.bytes());
    if (walk.meta.mpls_count == 0) walk.meta.mpls_label = entry >> 12;
    ++walk.meta.mpls_count;
    walk.add_to_envelope(EnvelopeKind::kMpls, entry >> 12);
    bottom = (entry & 0x100) != 0;
    walk.at += 4;
  }
  if (!walk.captured(1)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const int version = walk.bytes()[0] >> 4;
  if (version != 4 && version != 6) return walk.stop(DecodeStatus::kNotIp), false;
  walk.meta.ethertype = version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  return true;
}

// RFC 2516: version and type 1, code, session, length; then the PPP protocol.
bool read_pppoe(LinkWalk& walk) {
  constexpr std::uint16_t kPppIpv4 = 0x0021;
  constexpr std::uint16_t kPppIpv6 = 0x0057;
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.meta.pppoe_session = load_be16(walk.bytes() + 2);
  walk.add_to_envelope(EnvelopeKind::kPppoe, walk.meta.pppoe_session);
  const std::uint16_t ppp_protocol = load_be16(walk.bytes() + 6);
  walk.at += 8;
  if (ppp_protocol != kPppIpv4 && ppp_protocol != kPppIpv6) return walk.stop(DecodeStatus::kNotIp), false;
  walk.meta.ethertype = ppp_protocol == kPppIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  return true;
}

// A tag, then another Ethernet header.
bool read_inner_frame(LinkWalk& walk, std::uint32_t tag_bytes) {
  if (!walk.captured(tag_bytes + kEthernetBytes)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.at += tag_bytes;
  walk.meta.ethertype = load_be16(walk.bytes() + 12);
  walk.at += kEthernetBytes;
  return true;
}

// Cisco FabricPath: laid out as an Ethernet header (switch addresses and type) and a tag of tree and hops;
// then the frame that came into the fabric. Tree and hops say how a frame went, not whose it is: they are no
// part of the envelope.
bool read_fabric_path(LinkWalk& walk) {
  return read_inner_frame(walk, 2);
}

// IEEE 802.1ah: flags and the 24 bits that name the customer's service, then the customer's frame.
bool read_backbone(LinkWalk& walk) {
  const std::uint32_t service = walk.captured(4) ? load_be32(walk.bytes()) & 0x00ff'ffff : 0;
  if (!read_inner_frame(walk, 4)) return false;
  walk.add_to_envelope(EnvelopeKind::kBackbone, service);
  return true;
}

// Cisco VN-Tag: virtual interfaces, which differ by direction; then a type.
bool read_vn_tag(LinkWalk& walk) {
  if (!walk.captured(6)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.meta.ethertype = load_be16(walk.bytes() + 4);
  walk.at += 6;
  return true;
}

// IEEE 802.2 and, of its many forms, SNAP with an Ethernet type (RFC 1042).
bool read_llc(LinkWalk& walk) {
  walk.meta.ethertype = 0;
  if (!walk.captured(3)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint8_t* const llc = walk.bytes();
  if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03) return walk.stop(DecodeStatus::kNotIp), false;
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  if ((load_be32(llc + 2) & 0x00ff'ffff) != 0) return walk.stop(DecodeStatus::kNotIp), false;
  walk.meta.ethertype = load_be16(llc + 6);
  walk.at += 8;
  // A length has no meaning here, and must not start over.
  if (walk.meta.ethertype <= kLengthMax) return walk.stop(DecodeStatus::kNotIp), false;
  return true;
}

// RFC 826 and RFC 903, for six-byte hardware and IPv4 addresses; others have their addresses elsewhere.
void read_arp(LinkWalk& walk) {
  constexpr std::uint32_t kFixedBytes = 8;
  constexpr std::uint32_t kWithAddressesBytes = 28;
  if (!walk.captured(kFixedBytes)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t* const arp = walk.bytes();
  if (load_be16(arp + 2) != kEtherTypeIpv4 || arp[4] != 6 || arp[5] != 4)
    return walk.stop(DecodeStatus::kNotIp);
  walk.stop(walk.captured(kWithAddressesBytes) ? DecodeStatus::kArp : DecodeStatus::kTruncatedLink);
}

// meta.ethertype is what comes next, at walk.at.
void read_layers(LinkWalk& walk) {
  for (int layer = 0; layer < kLinkLayersMax; ++layer) {
    bool more = false;
    switch (walk.meta.ethertype) {
      case kEtherTypeIpv4:
        return decode_ipv4(walk.frame, walk.meta, walk.at);
      case kEtherTypeIpv6:
        return decode_ipv6(walk.frame, walk.meta, walk.at);
      case kEtherTypeArp:
      case kEtherTypeRarp:
        return read_arp(walk);
      case kEtherTypeVlan:
      case kEtherTypeServiceVlan:
      case kEtherTypeQinq1:
      case kEtherTypeQinq2:
      case kEtherTypeQinq3:
        more = read_vlan(walk);
        break;
      case kEtherTypeMpls:
      case kEtherTypeMplsMulticast:
        more = read_mpls(walk);
        break;
      case kEtherTypePppoeSession:
        more = read_pppoe(walk);
        break;
      case kEtherTypeFabricPath:
        more = read_fabric_path(walk);
        break;
      case kEtherTypeBackbone:
        more = read_backbone(walk);
        break;
      case kEtherTypeVnTag:
        more = read_vn_tag(walk);
        break;
      default:
        if (walk.meta.ethertype > kLengthMax) return walk.stop(DecodeStatus::kNotIp);
        more = read_llc(walk);
    }
    if (!more) return;
  }
  walk.stop(DecodeStatus::kNotIp);
}

void decode_ethernet(LinkWalk& walk) {
  if (!walk.captured(kEthernetBytes)) return walk.stop(DecodeStatus::kTruncatedLink);
  walk.meta.ethertype = load_be16(walk.bytes() + 12);
  walk.at += kEthernetBytes;
  read_layers(walk);
}

// The protocol field of Linux cooked captures is an Ethernet type, unless the hardware type gives it another
// meaning or it is one of the small numbers for frames without a type (tcpdump.org/linktypes,
// LINKTYPE_LINUX_SLL).
void read_cooked(LinkWalk& walk, std::uint16_t hardware_type, std::uint16_t protocol,
                 std::uint32_t header_bytes) {
  constexpr std::uint16_t kFrameRelay = 770;
  constexpr std::uint16_t kRadiotap = 803;
  constexpr std::uint16_t kNetlink = 824;
  walk.at += header_bytes;
  const bool typed = hardware_type != kFrameRelay && hardware_type != kRadiotap && hardware_type != kNetlink;
  if (!typed || protocol <= kLengthMax) return walk.stop(DecodeStatus::kNotIp);
  walk.meta.ethertype = protocol;
  read_layers(walk);
}

void decode_linux_sll(LinkWalk& walk) {
  if (!walk.captured(16)) return walk.stop(DecodeStatus::kTruncatedLink);
  read_cooked(walk, load_be16(walk.bytes() + 2), load_be16(walk.bytes() + 14), 16);
}

void decode_linux_sll2(LinkWalk& walk) {
  if (!walk.captured(20)) return walk.stop(DecodeStatus::kTruncatedLink);
  read_cooked(walk, load_be16(walk.bytes() + 8), load_be16(walk.bytes()), 20);
}

// The family is in the byte order of the host that wrote the file, and AF_INET6 differs between the BSDs.
void decode_loopback(LinkWalk& walk) {
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink);
  std::uint32_t family = load_be32(walk.bytes());
  if (family > 0xffff) family = __builtin_bswap32(family);
  walk.at += 4;
  switch (family) {
    case 2:
      walk.meta.ethertype = kEtherTypeIpv4;
      return decode_ipv4(walk.frame, walk.meta, walk.at);
    case 24:  // NetBSD, OpenBSD
    case 28:  // FreeBSD
    case 30:  // macOS
      walk.meta.ethertype = kEtherTypeIpv6;
      return decode_ipv6(walk.frame, walk.meta, walk.at);
    default:
      return walk.stop(DecodeStatus::kNotIp);
  }
}

void decode_raw(LinkWalk& walk) {
  if (!walk.captured(1)) return walk.stop(DecodeStatus::kTruncatedIp);
  switch (walk.bytes()[0] >> 4) {
    case 4:
      walk.meta.ethertype = kEtherTypeIpv4;
      return decode_ipv4(walk.frame, walk.meta, walk.at);
    case 6:
      walk.meta.ethertype = kEtherTypeIpv6;
      return decode_ipv6(walk.frame, walk.meta, walk.at);
    default:
      return walk.stop(DecodeStatus::kBadIpHeader);
  }
}

}  // namespace

void decode_link(const Frame& frame, PacketMeta& meta) noexcept {
  LinkWalk walk{frame, meta, 0};
  switch (frame.link_type) {
    case kLinkEthernet:
      return decode_ethernet(walk);
    case kLinkLinuxSll:
      return decode_linux_sll(walk);
    case kLinkLinuxSll2:
      return decode_linux_sll2(walk);
    case kLinkNull:
    case kLinkLoop:
      return decode_loopback(walk);
    case kLinkRaw:
      return decode_raw(walk);
    case kLinkIpv4:
      meta.ethertype = kEtherTypeIpv4;
      return decode_ipv4(frame, meta, 0);
    case kLinkIpv6:
      meta.ethertype = kEtherTypeIpv6;
      return decode_ipv6(frame, meta, 0);
    default:
      return walk.stop(DecodeStatus::kUnknownLinkType);
  }
}

}  // namespace tapline::detail
