// Ethernet types and what they carry: tags, labels, PPPoE, LLC, Ethernet within Ethernet.

#include <algorithm>

#include "capture/base/bytes.hpp"
#include "capture/packet/link_walk.hpp"

namespace tapline::detail {
namespace {

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

// A tag, then another Ethernet header.
bool read_inner_frame(LinkWalk& walk, std::uint32_t tag_bytes) {
  if (!walk.captured(tag_bytes + kEthernetBytes)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.at += tag_bytes;
  walk.meta.ethertype = load_be16(walk.bytes() + 12);
  walk.at += kEthernetBytes;
  return true;
}

/// Of bytes that may be anything: what they name as their type is common, and IP begins as it says.
bool may_be_ethernet(const std::uint8_t* header) {
  const int version = header[kEthernetBytes] >> 4;
  switch (load_be16(header + 12)) {
    case kEtherTypeIpv4:
      return version == 4;
    case kEtherTypeIpv6:
      return version == 6;
    case kEtherTypeArp:
    case kEtherTypeVlan:
    case kEtherTypeServiceVlan:
    case kEtherTypeQinq1:
    case kEtherTypeMpls:
    case kEtherTypePppoeSession:
      return true;
    default:
      return false;
  }
}

// RFC 4448: an Ethernet frame, behind a control word (RFC 4385: four bytes, the first four bits 0) or not.
// Nothing says which, nor that it is Ethernet at all: a MAC address may begin with 0, too.
bool read_pseudo_wire(LinkWalk& walk) {
  constexpr std::uint32_t kControlWordBytes = 4;
  if (!walk.captured(kControlWordBytes + kEthernetBytes + 1))
    return walk.stop(DecodeStatus::kTruncatedLink), false;
  const bool controlled = walk.bytes()[0] >> 4 == 0 && may_be_ethernet(walk.bytes() + kControlWordBytes);
  if (!controlled && !may_be_ethernet(walk.bytes())) return walk.stop(DecodeStatus::kNotIp), false;
  return read_inner_frame(walk, controlled ? kControlWordBytes : 0);
}

// RFC 3032. What follows the bottom label has no type of its own: IP is told by its version (RFC 4928).
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
  if (version != 4 && version != 6) return read_pseudo_wire(walk);
  walk.meta.ethertype = version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  return true;
}

// RFC 2516: version and type 1, code, session, length; then PPP without its framing.
bool read_pppoe(LinkWalk& walk) {
  if (!walk.captured(6)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.meta.pppoe_session = load_be16(walk.bytes() + 2);
  walk.add_to_envelope(EnvelopeKind::kPppoe, walk.meta.pppoe_session);
  walk.at += 6;
  return read_ppp_protocol(walk);
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

// IEEE 802.1BR: port and channels of an extender, which differ by direction; then a type.
bool read_e_tag(LinkWalk& walk) {
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.meta.ethertype = load_be16(walk.bytes() + 6);
  walk.at += 8;
  return true;
}

// Cisco MetaData: version, length, and one option, the sender's security group; then a type.
bool read_meta_data(LinkWalk& walk) {
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.meta.ethertype = load_be16(walk.bytes() + 6);
  walk.at += 8;
  return true;
}

// RFC 8300, 2.2: its length in units of four bytes, and what follows, which is an Ethernet frame (3), too.
// The service path says how a frame goes, not whose it is.
bool read_service_header(LinkWalk& walk) {
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint32_t header_bytes = (walk.bytes()[1] & 0x3fu) * 4;
  const std::uint8_t next = walk.bytes()[3];
  if (header_bytes < 8) return walk.stop(DecodeStatus::kNotIp), false;
  if (!skip_header(walk, header_bytes)) return false;
  if (next == 3) return read_inner_frame(walk, 0);
  if (next != 1 && next != 2) return walk.stop(DecodeStatus::kNotIp), false;
  walk.meta.ethertype = next == 1 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  return true;
}

// IEEE 802.2 and, of its many forms, SNAP with an Ethernet type (RFC 1042; IEEE 802.1H for types that bridges
// must not translate).
bool read_llc(LinkWalk& walk) {
  walk.meta.ethertype = 0;
  if (!walk.captured(3)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint8_t* const llc = walk.bytes();
  if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03) return walk.stop(DecodeStatus::kNotIp), false;
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint32_t organisation = load_be32(llc + 2) & 0x00ff'ffff;
  if (organisation != 0 && organisation != 0x0000f8) return walk.stop(DecodeStatus::kNotIp), false;
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

}  // namespace

bool skip_header(LinkWalk& walk, std::uint32_t count) {
  if (count > kLinkHeaderBytesMax - std::min(walk.at, kLinkHeaderBytesMax))
    return walk.stop(DecodeStatus::kNotIp), false;
  if (!walk.captured(count)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  walk.at += count;
  return true;
}

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
      case kEtherTypeETag:
        more = read_e_tag(walk);
        break;
      case kEtherTypeMetaData:
        more = read_meta_data(walk);
        break;
      case kEtherTypeNsh:
        more = read_service_header(walk);
        break;
      default:
        if (walk.meta.ethertype > kLengthMax) return walk.stop(DecodeStatus::kNotIp);
        more = read_llc(walk);
    }
    if (!more) return;
  }
  walk.stop(DecodeStatus::kNotIp);
}

void read_layers_of_type(LinkWalk& walk, std::uint16_t ethertype) {
  if (ethertype <= kLengthMax) return walk.stop(DecodeStatus::kNotIp);
  walk.meta.ethertype = ethertype;
  read_layers(walk);
}

void decode_llc(LinkWalk& walk) {
  if (read_llc(walk)) read_layers(walk);
}

void decode_ethernet(LinkWalk& walk) {
  if (!walk.captured(kEthernetBytes)) return walk.stop(DecodeStatus::kTruncatedLink);
  walk.meta.ethertype = load_be16(walk.bytes() + 12);
  walk.at += kEthernetBytes;
  read_layers(walk);
}

}  // namespace tapline::detail
