#include <optional>

#include "capture/packet/decode_ip.hpp"

namespace tapline::detail {
namespace {

// More than any stack sends; RFC 8200 has each header at most once (destination options twice).
constexpr int kExtensionHeadersMax = 32;

// RFC 2675: payload length 0, and the true one in a hop-by-hop option, which is found at the front in
// practice (its alignment is 4n + 2). Linux writes it for its "big TCP" packets.
std::optional<std::uint32_t> jumbo_payload_bytes(const Frame& frame, std::uint32_t at) {
  constexpr std::uint8_t kJumboOption = 0xc2;
  constexpr std::uint32_t kJumboBytesMax = 0x7fff'ffff;  // keeps offset arithmetic within 32 bits
  if (frame.captured_bytes < at + kIpv6FixedBytes + 8) return std::nullopt;
  const std::uint8_t* const ip = frame.data + at;
  const std::uint8_t* const hop_by_hop = ip + kIpv6FixedBytes;
  if (ip[6] != kIpProtoHopByHop || hop_by_hop[2] != kJumboOption || hop_by_hop[3] != 4) return std::nullopt;
  const std::uint32_t bytes = load_be32(hop_by_hop + 4);
  if (bytes <= UINT16_MAX || bytes > kJumboBytesMax) return std::nullopt;
  return bytes;
}

bool is_extension_header(std::uint8_t ip_proto) {
  switch (ip_proto) {
    case kIpProtoHopByHop:
    case kIpProtoRouting:
    case kIpProtoFragment:
    case kIpProtoAh:
    case kIpProtoDestinationOptions:
    case kIpProtoMobility:
    case kIpProtoHip:
    case kIpProtoShim6:
      return true;
    default:
      return false;
  }
}

std::uint32_t extension_header_bytes(std::uint8_t ip_proto, std::uint8_t length_field) {
  if (ip_proto == kIpProtoFragment) return 8;
  if (ip_proto == kIpProtoAh) return (length_field + 2u) * 4;  // RFC 4302, section 2.2
  return (length_field + 1u) * 8;
}

// RFC 8200, section 4.5. An atomic fragment (RFC 6946: offset 0, nothing follows) is a whole datagram.
void read_fragment_header(PacketMeta& meta, const std::uint8_t* header) {
  const std::uint16_t offset_and_more = load_be16(header + 2);
  meta.ip_id = load_be32(header + 4);
  meta.fragment_offset = offset_and_more & 0xfff8;
  if (meta.fragment_offset != 0) {
    set_flag(meta, kMetaFragment | kMetaLaterFragment);
  } else if ((offset_and_more & 1) != 0) {
    set_flag(meta, kMetaFragment);
  }
}

}  // namespace

void decode_extension_headers(const Frame& frame, PacketMeta& meta, IpExtent extent) noexcept {
  constexpr std::uint32_t kShortestBytes = 8;
  for (int count = 0; is_extension_header(meta.ip_proto); ++count) {
    const bool readable = extent.at <= kHeaderOffsetMax && extent.readable_bytes() >= kShortestBytes;
    if (!readable || count == kExtensionHeadersMax) return set_payload(meta, extent, 0);
    const std::uint8_t* const header = frame.data + extent.at;
    if (meta.ip_proto == kIpProtoFragment) read_fragment_header(meta, header);
    extent.at += extension_header_bytes(meta.ip_proto, header[1]);
    meta.ip_proto = header[0];
    if (meta.has(kMetaLaterFragment)) return set_payload(meta, extent, 0);
  }
  decode_transport(frame, meta, extent);
}

void decode_ipv6(const Frame& frame, PacketMeta& meta, std::uint32_t at) noexcept {
  if (frame.captured_bytes < at + kIpv6FixedBytes)
    return stop_at(frame, meta, at, DecodeStatus::kTruncatedIp);
  const std::uint8_t* const ip = frame.data + at;
  if ((ip[0] >> 4) != 6) return stop_at(frame, meta, at, DecodeStatus::kBadIpHeader);

  std::uint32_t payload_bytes = load_be16(ip + 4);
  if (payload_bytes == 0) payload_bytes = jumbo_payload_bytes(frame, at).value_or(0);
  const std::uint32_t ip_end = at + kIpv6FixedBytes + payload_bytes;
  const IpExtent extent{at + kIpv6FixedBytes, std::min({ip_end, frame.captured_bytes, kOffsetMax}), ip_end};
  meta.l3_offset = static_cast<std::uint16_t>(at);
  meta.ip_bytes = kIpv6FixedBytes + payload_bytes;
  meta.ip_proto = ip[6];
  meta.ttl = ip[7];
  meta.flags = static_cast<std::uint16_t>(kMetaIpv6 | (ip_end > frame.captured_bytes ? kMetaIpTruncated : 0));
  decode_extension_headers(frame, meta, extent);
}

}  // namespace tapline::detail
