#include "capture/packet/decode_transport.hpp"
#include "capture/packet/icmp_counterpart.hpp"

namespace tapline::detail {
namespace {

// Types whose message is the beginning of the offending packet, 8 bytes in: RFC 792 and RFC 4443, section 3.
bool is_icmp_error(std::uint8_t ip_proto, std::uint8_t type) {
  if (ip_proto == kIpProtoIcmpv6) return type >= 1 && type <= 4;
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

// Whether the fixed IP header of the quoted packet was captured, and is one.
bool quote_captured(std::uint8_t ip_proto, const std::uint8_t* quote, std::uint32_t quote_bytes) {
  if (ip_proto == kIpProtoIcmpv6) return quote_bytes >= 40 && (quote[0] >> 4) == 6;
  return quote_bytes >= 20 && (quote[0] >> 4) == 4;
}

}  // namespace

void decode_icmp(const Frame& frame, PacketMeta& meta, const IpExtent& extent) noexcept {
  constexpr std::uint32_t kFixedBytes = 4;
  constexpr std::uint32_t kHeaderBytes = 8;  // with the four bytes whose meaning depends on the type
  set_payload(meta, extent, kHeaderBytes);
  const std::uint32_t readable_bytes = extent.readable_bytes();
  if (readable_bytes < kFixedBytes) return;

  const std::uint8_t* const icmp = frame.data + extent.at;
  meta.icmp_type = icmp[0];
  meta.icmp_code = icmp[1];
  const int counterpart =
      meta.ip_proto == kIpProtoIcmp ? icmp_counterpart(meta.icmp_type) : icmpv6_counterpart(meta.icmp_type);
  meta.src_port = meta.icmp_type;
  meta.dst_port = counterpart < 0 ? meta.icmp_code : static_cast<std::uint16_t>(counterpart);
  set_flag(meta, kMetaL4 | kMetaPorts);
  if (counterpart < 0) set_flag(meta, kMetaIcmpOneWay);
  if (readable_bytes > kHeaderBytes && is_icmp_error(meta.ip_proto, meta.icmp_type) &&
      quote_captured(meta.ip_proto, icmp + kHeaderBytes, readable_bytes - kHeaderBytes))
    set_flag(meta, kMetaIcmpQuote);
}

}  // namespace tapline::detail
