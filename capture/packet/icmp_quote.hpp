#pragma once
// What an ICMP error says of the packet that it is about: the beginning of it.

#include <optional>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline {

struct QuotedPacket {
  Frame frame;  // from its IP header on; bytes of the error
  PacketMeta meta;
};

/// None where `meta` has no kMetaIcmpQuote, or what is quoted is no sound IP header. RFC 792 promises 64 bits
/// behind the header: enough for ports, less than the TCP or SCTP header that the decoder asks for.
std::optional<QuotedPacket> read_icmp_quote(const Frame& frame, const PacketMeta& meta);

}  // namespace tapline
