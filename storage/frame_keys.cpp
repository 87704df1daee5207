#include "storage/frame_keys.hpp"

#include "capture/base/bytes.hpp"
#include "capture/packet/decode.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint8_t kProtoTcp = 6;
constexpr std::uint8_t kProtoUdp = 17;
constexpr std::uint8_t kProtoSctp = 132;
constexpr std::uint16_t kVlanIdMask = 0x0fff;

bool has_real_ports(const PacketMeta& meta) {
  return meta.ip_proto == kProtoTcp || meta.ip_proto == kProtoUdp || meta.ip_proto == kProtoSctp;
}

/// Addresses, flow and ports of one IP header.
void add_ip_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint, FrameKeys& keys) {
  IpAddress source;
  IpAddress destination;
  load_addresses(frame, meta, source, destination);
  keys.add({IndexKeyKind::kFlow, flow_key_value(fingerprint)});
  keys.add(address_key(source));
  keys.add(address_key(destination));
  keys.add({IndexKeyKind::kIpProto, meta.ip_proto});
  if (!has_real_ports(meta) || !meta.has(kMetaPorts)) return;
  keys.add({IndexKeyKind::kProtoPort, proto_port_key_value(meta.ip_proto, meta.src_port)});
  keys.add({IndexKeyKind::kProtoPort, proto_port_key_value(meta.ip_proto, meta.dst_port)});
}

/// RFC 792 promises 64 bits behind the quoted IP header: ports, but less than a TCP or SCTP header, which is
/// what the decoder asks for.
void load_quoted_ports(const Frame& quoted, PacketMeta& meta) {
  constexpr std::uint32_t kPortsBytes = 4;
  if (!has_real_ports(meta) || meta.has(kMetaPorts) || meta.has(kMetaLaterFragment)) return;
  if (meta.l4_offset + kPortsBytes > quoted.captured_bytes) return;
  meta.src_port = load_be16(quoted.data + meta.l4_offset);
  meta.dst_port = load_be16(quoted.data + meta.l4_offset + 2);
  meta.flags = static_cast<std::uint16_t>(meta.flags | kMetaPorts);
}

/// The packet that an ICMP error quotes, so that the error can be found by the conversation it is about.
void add_quoted_keys(const Frame& frame, const PacketMeta& meta, FrameKeys& keys) {
  Frame quoted = frame;
  quoted.data += meta.payload_offset;
  quoted.captured_bytes -= meta.payload_offset;
  quoted.wire_bytes = quoted.captured_bytes;
  quoted.link_type = kLinkRaw;
  PacketMeta quoted_meta;
  decode(quoted, quoted_meta);
  if (quoted_meta.status != DecodeStatus::kIp) return;
  load_quoted_ports(quoted, quoted_meta);
  add_ip_keys(quoted, quoted_meta, frame_fingerprint(quoted, quoted_meta), keys);
}

}  // namespace

void FrameKeys::add(IndexKey key) {
  TAPLINE_CHECK(count_ < keys_.size());
  keys_[count_++] = key;
}

std::uint64_t frame_fingerprint(const Frame& frame, const PacketMeta& meta) {
  if (meta.status != DecodeStatus::kIp) return 0;
  FlowKey key;
  make_flow_key(frame, meta, 0, key);
  return flow_fingerprint(key);
}

FrameKeys collect_frame_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint) {
  FrameKeys keys;
  if (meta.status == DecodeStatus::kIp) {
    add_ip_keys(frame, meta, fingerprint, keys);
    if (meta.has(kMetaIcmpQuote)) add_quoted_keys(frame, meta, keys);
  } else {
    keys.add({IndexKeyKind::kEthertype, meta.ethertype});
    IpAddress sender;
    IpAddress target;
    if (arp_addresses(frame, meta, sender, target)) {
      keys.add(address_key(sender));
      keys.add(address_key(target));
    }
  }
  for (unsigned i = 0; i < 2 && i < meta.vlan_count; ++i) {
    keys.add({IndexKeyKind::kVlan, static_cast<std::uint64_t>(meta.vlan_tci[i] & kVlanIdMask)});
  }
  if (meta.mpls_count > 0) keys.add({IndexKeyKind::kMplsLabel, meta.mpls_label});
  return keys;
}

}  // namespace tapline::storage
