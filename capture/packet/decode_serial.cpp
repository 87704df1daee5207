// Link types of serial lines: PPP, Cisco HDLC, Frame Relay.

#include "capture/base/bytes.hpp"
#include "capture/packet/link_walk.hpp"

namespace tapline::detail {
namespace {

// The first bytes of HDLC's frames (RFC 1662, 3.1; RFC 1547, 4.3.1) and of Frame Relay's (RFC 2427, 3).
constexpr std::uint8_t kAllStations = 0xff;
constexpr std::uint8_t kUnnumbered = 0x03;
constexpr std::uint8_t kCiscoUnicast = 0x0f;
constexpr std::uint8_t kCiscoMulticast = 0x8f;

// IANA's PPP numbers of what is walked; 0: something else.
std::uint16_t ethertype_of_ppp(std::uint16_t protocol) {
  switch (protocol) {
    case 0x0021:
      return kEtherTypeIpv4;
    case 0x0057:
      return kEtherTypeIpv6;
    case 0x0281:
      return kEtherTypeMpls;
    case 0x0283:
      return kEtherTypeMplsMulticast;
    default:
      return 0;
  }
}

// The identifier, an organisation, and its type: Ethernet's where the organisation is 0.
void read_snap(LinkWalk& walk) {
  if (!walk.captured(6)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint32_t organisation = load_be32(walk.bytes()) & 0x00ff'ffff;
  const std::uint16_t ethertype = load_be16(walk.bytes() + 4);
  walk.at += 6;
  if (organisation != 0) return walk.stop(DecodeStatus::kNotIp);
  read_layers_of_type(walk, ethertype);
}

// ISO/IEC TR 9577 identifiers of what is walked, behind the control byte and an optional byte of padding.
void read_network_layer_id(LinkWalk& walk) {
  constexpr std::uint8_t kIpv4 = 0xcc;
  constexpr std::uint8_t kIpv6 = 0x8e;
  constexpr std::uint8_t kSnap = 0x80;
  walk.at += walk.bytes()[1] == 0 ? 2 : 1;
  if (!walk.captured(1)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t id = walk.bytes()[0];
  if (id == kSnap) return read_snap(walk);
  walk.at += 1;
  if (id != kIpv4 && id != kIpv6) return walk.stop(DecodeStatus::kNotIp);
  walk.meta.ethertype = id == kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  read_layers(walk);
}

}  // namespace

// RFC 1661, 6.5: protocol numbers end with an odd byte and begin with an even one, so that an odd first byte
// is a number without its leading zero.
bool read_ppp_protocol(LinkWalk& walk) {
  if (!walk.captured(1)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint32_t count = walk.bytes()[0] % 2 == 1 ? 1 : 2;
  if (!walk.captured(count)) return walk.stop(DecodeStatus::kTruncatedLink), false;
  const std::uint16_t ethertype = ethertype_of_ppp(count == 1 ? walk.bytes()[0] : load_be16(walk.bytes()));
  walk.at += count;
  if (ethertype == 0) return walk.stop(DecodeStatus::kNotIp), false;
  walk.meta.ethertype = ethertype;
  return true;
}

// With address and control (RFC 1662) or without (RFC 1661, 6.6); Cisco's framing has addresses of its own,
// which are no PPP protocol.
void decode_ppp(LinkWalk& walk) {
  if (!walk.captured(2)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t* const ppp = walk.bytes();
  if ((ppp[0] == kCiscoUnicast || ppp[0] == kCiscoMulticast) && ppp[1] == 0) return decode_cisco_hdlc(walk);
  if (ppp[0] == kAllStations && ppp[1] == kUnnumbered) walk.at += 2;
  if (read_ppp_protocol(walk)) read_layers(walk);
}

// Address, control, Ethernet type; the number of RARP is Cisco's keepalive here (SLARP).
void decode_cisco_hdlc(LinkWalk& walk) {
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint16_t ethertype = load_be16(walk.bytes() + 2);
  walk.at += 4;
  if (ethertype == kEtherTypeRarp) return walk.stop(DecodeStatus::kNotIp);
  read_layers_of_type(walk, ethertype);
}

// An address, whose last byte is odd (ITU-T Q.922, 3.3), of two to four bytes; then an Ethernet type (Cisco),
// or a control byte, padding and the network layer's identifier (RFC 2427, 4).
void decode_frame_relay(LinkWalk& walk) {
  constexpr std::uint32_t kAddressBytesMax = 4;
  std::uint32_t address_bytes = 1;
  for (bool last = false; !last; ++address_bytes) {
    if (address_bytes == kAddressBytesMax) return walk.stop(DecodeStatus::kNotIp);
    if (!walk.captured(address_bytes + 1)) return walk.stop(DecodeStatus::kTruncatedLink);
    last = walk.bytes()[address_bytes] % 2 == 1;
  }
  if (walk.bytes()[0] % 2 == 1) return walk.stop(DecodeStatus::kNotIp);
  if (!walk.captured(address_bytes + 2)) return walk.stop(DecodeStatus::kTruncatedLink);
  walk.at += address_bytes;
  if (walk.bytes()[0] != kUnnumbered) {
    const std::uint16_t ethertype = load_be16(walk.bytes());
    walk.at += 2;
    return read_layers_of_type(walk, ethertype);
  }
  read_network_layer_id(walk);
}

}  // namespace tapline::detail
