#include "storage/frame_keys.hpp"

#include "capture/packet/flow_key.hpp"
#include "capture/packet/icmp_quote.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint16_t kVlanIdMask = 0x0fff;

/// Addresses, flow and ports of one IP header.
void add_ip_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint, FrameKeys& keys) {
  IpAddress source;
  IpAddress destination;
  load_addresses(frame, meta, source, destination);
  keys.add({IndexKeyKind::kFlow, flow_key_value(fingerprint)});
  keys.add(address_key(source));
  keys.add(address_key(destination));
  keys.add({IndexKeyKind::kIpProto, meta.ip_proto});
  if (meta.is_first_fragment()) {
    FlowKey key;
    make_flow_key(frame, meta, 0, key);
    keys.add({IndexKeyKind::kFlow, flow_key_value(flow_fingerprint(fragment_key(key)))});
  }
  if (!proto_has_ports(meta.ip_proto) || !meta.has(kMetaPorts)) return;
  keys.add({IndexKeyKind::kProtoPort, proto_port_key_value(meta.ip_proto, meta.src_port)});
  keys.add({IndexKeyKind::kProtoPort, proto_port_key_value(meta.ip_proto, meta.dst_port)});
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

namespace {

void add_packet_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint, FrameKeys& keys) {
  if (meta.status == DecodeStatus::kIp) {
    add_ip_keys(frame, meta, fingerprint, keys);
    if (const std::optional<QuotedPacket> quoted = read_icmp_quote(frame, meta))
      add_ip_keys(quoted->frame, quoted->meta, frame_fingerprint(quoted->frame, quoted->meta), keys);
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
}

}  // namespace

FrameKeys collect_frame_keys(const Frame& frame, const PacketMeta& meta, std::uint64_t fingerprint) {
  FrameKeys keys;
  add_packet_keys(frame, meta, fingerprint, keys);
  if (!meta.has(kMetaTunnel)) return keys;
  any_inner_packet(frame, meta, [&keys](const Frame& inner, const PacketMeta& inner_meta) {
    add_packet_keys(inner, inner_meta, frame_fingerprint(inner, inner_meta), keys);
    return false;
  });
  return keys;
}

}  // namespace tapline::storage
