#pragma once
// Decoding: bytes of a frame -> PacketMeta. Pure, allocation-free, never fails: what it cannot read it says
// in PacketMeta::status. Knows Ethernet II, LLC/SNAP, any stack of VLAN tags, MPLS, PPPoE, Cisco FabricPath
// and VN-Tag, 802.1BR, Cisco MetaData, NSH, 802.1ah, IPv4, IPv6 with extension headers, TCP, UDP, SCTP, ICMP,
// ICMPv6, ARP; link types of frame.hpp. Budget: 40 cycles a packet for plain Ethernet/IPv4/TCP; guarded by
// tests/bench (decode_bench).

#include <span>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline {

/// Decodes frames[i] into metas[i]; both spans have the same length. Reads no byte at or past
/// data + captured_bytes.
void decode_burst(std::span<const Frame> frames, std::span<PacketMeta> metas) noexcept;

/// One frame; the body of decode_burst, for rare callers.
void decode(const Frame& frame, PacketMeta& meta) noexcept;

}  // namespace tapline
