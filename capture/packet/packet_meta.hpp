#pragma once
// PacketMeta: what the decoder found in one frame, one cache line; of what tunnels carry, each packet has one
// of its own (packet_layers.hpp). Offsets count from Frame::data and are
// valid for reading only where the flag that names the layer is set: the decoder sets it after checking that
// the layer's fixed header was captured.

#include <cstdint>

namespace tapline {

/// How far decoding got. Everything but kIp has no session; the ledger counts frames by this value.
enum class DecodeStatus : std::uint8_t {
  kIp,               // an IPv4 or IPv6 header was decoded: the frame has a session
  kArp,              // ARP or RARP, decoded
  kNotIp,            // another ethertype, LLC or SAP: stored, no session
  kUnknownLinkType,  // stored, not decoded
  kTruncatedLink,    // the capture ends within the link layer, tags or labels
  kTruncatedIp,      // the capture ends within the IPv4 or IPv6 fixed header
  kBadIpHeader,      // version, header length or total length contradict themselves
};
inline constexpr std::uint32_t kDecodeStatusCount = 7;

/// Short lower-case name for ledgers and reports: "ip", "arp", "not_ip", ...
const char* decode_status_name(DecodeStatus status);

enum MetaFlag : std::uint16_t {
  kMetaIpv4 = 1 << 0,
  kMetaIpv6 = 1 << 1,
  kMetaL4 = 1 << 2,        // the fixed transport header (TCP 20, UDP 8, SCTP 12, ICMP 4 bytes) was captured
  kMetaPorts = 1 << 3,     // src_port and dst_port are meaningful (TCP, UDP, SCTP; ICMP: see icmp ports)
  kMetaFragment = 1 << 4,  // part of a fragmented datagram (first or later)
  kMetaLaterFragment = 1 << 5,  // fragment offset > 0: bytes after the IP header are payload, never ports
  kMetaIpTruncated = 1 << 6,    // captured less than the IP length says (cut at the source)
  kMetaIcmpOneWay = 1 << 7,     // ICMP type without a counterpart (Community ID does not sort its endpoints)
  kMetaIcmpQuote = 1 << 8,      // ICMP error: an IP header of the offending packet begins at payload_offset
  kMetaBadChecksum = 1 << 9,    // set by verify_checksums(), not by the decoder
  kMetaTunnel = 1 << 10,        // by its protocol or port it may carry another packet: packet_layers.hpp
};

struct alignas(64) PacketMeta {
  std::uint16_t l3_offset;       // IP or ARP header
  std::uint16_t l4_offset;       // first byte after IP header and extension headers (valid with kMetaIpv4/6)
  std::uint16_t payload_offset;  // first byte of transport payload; capped at captured_bytes
  std::uint16_t ethertype;       // innermost; raw IP: the equivalent (0x0800, 0x86dd); LLC without SNAP: 0

  // IP header and payload as the header says (IPv4 total length 0, as by TSO: what the wire length leaves;
  // IPv6: 40 + payload length).
  std::uint32_t ip_bytes;
  // Transport payload as the headers say, not what was captured; fragments: IP payload.
  std::uint32_t payload_bytes;

  // For ICMP and ICMPv6 these hold type and counterpart type or code as in Zeek and Community ID v1, so that
  // a request and its reply have mirrored ports: request (type, counterpart), one-way (type, code).
  std::uint16_t src_port;
  std::uint16_t dst_port;
  std::uint32_t tcp_seq;
  std::uint32_t tcp_ack;

  std::uint32_t ip_id;            // IPv4 identification, or that of the IPv6 fragment header; 0 without
  std::uint16_t fragment_offset;  // in bytes
  std::uint16_t flags;            // MetaFlag

  std::uint16_t vlan_tci[2];  // outermost two, tag control information in host order
  std::uint32_t mpls_label;   // top label (20 bits), valid where mpls_count > 0
  // Over all VLAN ids, MPLS labels, 802.1ah services and the PPPoE session; in a tunnel over the packets that
  // carry this one, too. 0 where there are none.
  std::uint32_t envelope_hash;
  std::uint32_t tunnel_id;  // of the tunnel that the packet was found in (tunnel_id.hpp); 0: of none

  std::uint16_t tcp_window;
  std::uint16_t pppoe_session;  // 0 without
  std::uint8_t ip_proto;        // of the last header found: transport, or what stopped the walk
  std::uint8_t ttl;             // or hop limit
  std::uint8_t tcp_flags;       // byte 13 of the TCP header
  DecodeStatus status;

  std::uint8_t vlan_count;  // tags seen, also beyond two
  std::uint8_t mpls_count;
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;

  bool has(MetaFlag flag) const { return (flags & flag) != 0; }
  /// Of a datagram of several.
  bool is_first_fragment() const { return (flags & (kMetaFragment | kMetaLaterFragment)) == kMetaFragment; }
};
static_assert(sizeof(PacketMeta) == 64);

}  // namespace tapline
