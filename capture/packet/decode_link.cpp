#include "capture/packet/decode_link.hpp"

#include "capture/base/bytes.hpp"
#include "capture/packet/link_walk.hpp"

namespace tapline::detail {
namespace {

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
  if (!typed) return walk.stop(DecodeStatus::kNotIp);
  read_layers_of_type(walk, protocol);
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

// A pseudo-header of the interface, then IB's four bytes: an Ethernet type and padding (RFC 4391, 6).
void decode_ip_over_infiniband(LinkWalk& walk) {
  constexpr std::uint32_t kHeaderBytes = 44;
  if (!walk.captured(kHeaderBytes)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint16_t ethertype = load_be16(walk.bytes() + 40);
  walk.at += kHeaderBytes;
  read_layers_of_type(walk, ethertype);
}

// ISO 9314-2: frame control, two addresses, then LLC where the control says so.
void decode_fddi(LinkWalk& walk) {
  if (!walk.captured(13)) return walk.stop(DecodeStatus::kTruncatedLink);
  const bool has_llc = (walk.bytes()[0] & 0xf0) == 0x50;
  walk.at += 13;
  if (!has_llc) return walk.stop(DecodeStatus::kNotIp);
  decode_llc(walk);
}

void decode_family(LinkWalk& walk, bool ipv4, bool ipv6) {
  if (!ipv4 && !ipv6) return walk.stop(DecodeStatus::kNotIp);
  walk.meta.ethertype = ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  read_layers(walk);
}

// Addresses, an offset, the protocol; RFC 1201 (not the older RFC 1051) then has a fragment flag, which is
// even in later fragments, and a number.
void decode_arcnet(LinkWalk& walk) {
  constexpr std::uint8_t kIpRfc1051 = 240;
  constexpr std::uint8_t kIpRfc1201 = 212;
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t protocol = walk.bytes()[4];
  const std::uint8_t split = walk.bytes()[5];
  walk.at += protocol == kIpRfc1051 ? 5 : 8;
  const bool first = split == 0 || split % 2 == 1;
  decode_family(walk, protocol == kIpRfc1051 || (protocol == kIpRfc1201 && first), false);
}

// Solaris: version, address family (its AF_INET6 is 26), hook, lengths, interfaces and zones.
void decode_ipnet(LinkWalk& walk) {
  if (!walk.captured(24)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t family = walk.bytes()[1];
  walk.at += 24;
  decode_family(walk, family == 2, family == 26);
}

// Linux netfilter: address family (its AF_INET6 is 10), version, resource; then attributes in the byte order
// of the host, which their small type numbers tell. One of them is the packet.
void decode_nflog(LinkWalk& walk) {
  constexpr std::uint16_t kPayload = 9;
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t family = walk.bytes()[0];
  walk.at += 4;
  for (int attribute = 0; attribute < kLinkLayersMax; ++attribute) {
    if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink);
    const bool little = load_le<std::uint16_t>(walk.bytes() + 2) <= 0xff;
    const std::uint16_t length = little ? load_le<std::uint16_t>(walk.bytes()) : load_be16(walk.bytes());
    const std::uint16_t type =
        little ? load_le<std::uint16_t>(walk.bytes() + 2) : load_be16(walk.bytes() + 2);
    if (length < 4) return walk.stop(DecodeStatus::kNotIp);
    if (type == kPayload) {
      walk.at += 4;
      return decode_family(walk, family == 2, family == 10);
    }
    if (!skip_header(walk, (length + 3u) & ~3u)) return;
  }
  walk.stop(DecodeStatus::kNotIp);
}

void decode_as(LinkWalk& walk, std::uint32_t link_type);

// What captures put before a frame of another link type; never twice.
void decode_wrapped(LinkWalk& walk, std::uint32_t header_bytes, std::uint32_t link_type) {
  if (!skip_header(walk, header_bytes)) return;
  if (link_type == kLinkPpi || link_type == kLinkPktap) return walk.stop(DecodeStatus::kNotIp);
  decode_as(walk, link_type);
}

// CACE's Per-Packet Information: version, flags, length of the header, link type; little endian.
void decode_ppi(LinkWalk& walk) {
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint16_t header_bytes = load_le<std::uint16_t>(walk.bytes() + 2);
  if (header_bytes < 8) return walk.stop(DecodeStatus::kNotIp);
  decode_wrapped(walk, header_bytes, load_le<std::uint32_t>(walk.bytes() + 4));
}

// macOS: length of the header, record type (1: a packet), link type, then the interface and the process;
// little endian.
void decode_pktap(LinkWalk& walk) {
  if (!walk.captured(12)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint32_t header_bytes = load_le<std::uint32_t>(walk.bytes());
  const std::uint32_t record = load_le<std::uint32_t>(walk.bytes() + 4);
  if (header_bytes < 12 || record != 1) return walk.stop(DecodeStatus::kNotIp);
  decode_wrapped(walk, header_bytes, load_le<std::uint32_t>(walk.bytes() + 8));
}

// Link types of serial lines, of 802.11 and of captures that wrap others.
void decode_rare(LinkWalk& walk, std::uint32_t link_type) {
  switch (link_type) {
    case kLinkPpp:
    case kLinkPppHdlc:
      return decode_ppp(walk);
    case kLinkCiscoHdlc:
      return decode_cisco_hdlc(walk);
    case kLinkFrameRelay:
      return decode_frame_relay(walk);
    case kLinkWifi:
      return decode_wifi(walk);
    case kLinkWifiRadiotap:
      return decode_radiotap(walk);
    case kLinkWifiPrism:
      return decode_prism(walk);
    case kLinkWifiAvs:
      return decode_avs(walk);
    case kLinkFddi:
      return decode_fddi(walk);
    case kLinkArcnetLinux:
      return decode_arcnet(walk);
    case kLinkIpnet:
      return decode_ipnet(walk);
    case kLinkNflog:
      return decode_nflog(walk);
    case kLinkInfiniband:
      return decode_ip_over_infiniband(walk);
    case kLinkPpi:
      return decode_ppi(walk);
    case kLinkPktap:
      return decode_pktap(walk);
    default:
      return walk.stop(DecodeStatus::kUnknownLinkType);
  }
}

void decode_as(LinkWalk& walk, std::uint32_t link_type) {
  switch (link_type) {
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
    case kLinkRawBsd:
      return decode_raw(walk);
    case kLinkIpv4:
      return decode_family(walk, true, false);
    case kLinkIpv6:
      return decode_family(walk, false, true);
    default:
      return decode_rare(walk, link_type);
  }
}

}  // namespace

void decode_link(const Frame& frame, PacketMeta& meta) noexcept {
  LinkWalk walk{frame, meta, 0};
  decode_as(walk, frame.link_type);
}

}  // namespace tapline::detail
