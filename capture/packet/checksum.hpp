#pragma once
// Checksums of IPv4, TCP, UDP, ICMP and ICMPv6 (RFC 1071). On a tap they tell of damage on the way, and of
// network cards that compute them after a host's own capture.

#include <span>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline {

/// Sets kMetaBadChecksum where a checksum is wrong. Verified is the header of IPv4, and what is behind it
/// where that is whole: captured to its end, no fragment, without IP options or extension headers (some of
/// which change what the checksum covers), and not left to the network card (Frame::checksums_open).
void verify_checksums(std::span<const Frame> frames, std::span<PacketMeta> metas);

}  // namespace tapline
