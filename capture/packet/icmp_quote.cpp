#include "capture/packet/icmp_quote.hpp"

#include "capture/base/bytes.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {
namespace {

void load_ports(const Frame& frame, PacketMeta& meta) {
  constexpr std::uint32_t kPortsBytes = 4;
  if (!proto_has_ports(meta.ip_proto) || meta.has(kMetaPorts) || meta.has(kMetaLaterFragment)) return;
  if (meta.l4_offset + kPortsBytes > frame.captured_bytes) return;
  meta.src_port = load_be16(frame.data + meta.l4_offset);
  meta.dst_port = load_be16(frame.data + meta.l4_offset + 2);
  meta.flags = static_cast<std::uint16_t>(meta.flags | kMetaPorts);
}

}  // namespace

std::optional<QuotedPacket> read_icmp_quote(const Frame& frame, const PacketMeta& meta) {
  if (!meta.has(kMetaIcmpQuote)) return std::nullopt;
  QuotedPacket quoted{frame, {}};
  quoted.frame.data += meta.payload_offset;
  quoted.frame.captured_bytes -= meta.payload_offset;
  quoted.frame.wire_bytes = quoted.frame.captured_bytes;
  quoted.frame.link_type = kLinkRaw;
  decode(quoted.frame, quoted.meta);
  if (quoted.meta.status != DecodeStatus::kIp) return std::nullopt;
  // Found in the same tunnel as the error; what it may carry is not looked into.
  quoted.meta.tunnel_id = meta.tunnel_id;
  quoted.meta.flags = static_cast<std::uint16_t>(quoted.meta.flags & ~unsigned{kMetaTunnel});
  load_ports(quoted.frame, quoted.meta);
  return quoted;
}

}  // namespace tapline
