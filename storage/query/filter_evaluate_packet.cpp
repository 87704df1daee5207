#include "capture/base/bytes.hpp"
#include "capture/packet/packet_layers.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "storage/index_key.hpp"
#include "storage/query/filter_evaluate.hpp"

namespace tapline::query {
namespace {

constexpr std::uint16_t kVlanIdMask = 0x0fff;
constexpr std::uint8_t kVlanTagsKept = 2;

bool in_family(Family family, const PacketMeta& meta) {
  switch (family) {
    case Family::kAny:
      return true;
    case Family::kIpv4:
      return meta.has(kMetaIpv4);
    case Family::kIpv6:
      return meta.has(kMetaIpv6);
    case Family::kArp:
      return meta.status == DecodeStatus::kArp && meta.ethertype == kEtherTypeArp;
    case Family::kRarp:
      return meta.status == DecodeStatus::kArp && meta.ethertype == kEtherTypeRarp;
  }
  return false;
}

bool has_ports(const PacketMeta& meta) {
  return meta.status == DecodeStatus::kIp && meta.has(kMetaPorts) && !meta.has(kMetaLaterFragment);
}

bool matches_network(const Term& term, PacketView& packet) {
  if (!in_family(term.family, packet.meta) || !packet.load_addresses()) return false;
  return either_or_both(term.side, in_network(term, packet.source()), in_network(term, packet.destination()));
}

bool matches_port(const Term& term, const PacketMeta& meta) {
  if (!has_ports(meta) || !proto_has_ports(meta.ip_proto)) return false;
  if (term.ip_proto != 0 && term.ip_proto != meta.ip_proto) return false;
  return either_or_both(term.side, meta.src_port >= term.port_low && meta.src_port <= term.port_high,
                        meta.dst_port >= term.port_low && meta.dst_port <= term.port_high);
}

bool matches_protocol(const Term& term, const PacketMeta& meta) {
  return meta.status == DecodeStatus::kIp && meta.ip_proto == term.ip_proto && in_family(term.family, meta);
}

bool matches_vlan(const Term& term, const PacketMeta& meta) {
  if (term.value < 0) return meta.vlan_count > 0;
  for (std::uint8_t i = 0; i < meta.vlan_count && i < kVlanTagsKept; ++i) {
    if ((meta.vlan_tci[i] & kVlanIdMask) == term.value) return true;
  }
  return false;
}

bool matches_five_tuple(const Term& term, PacketView& packet) {
  const PacketMeta& meta = packet.meta;
  if (meta.status != DecodeStatus::kIp || meta.ip_proto != term.ip_proto) return false;
  if ((term.has_port_low || term.has_port_high) && !has_ports(meta)) return false;
  if (!packet.load_addresses()) return false;
  const auto is_endpoint = [](const IpAddress& wanted, bool has_port, std::uint16_t port,
                              const IpAddress& address, std::uint16_t seen) {
    return wanted == address && (!has_port || port == seen);
  };
  const bool forward =
      is_endpoint(term.address, term.has_port_low, term.port_low, packet.source(), meta.src_port) &&
      is_endpoint(term.other, term.has_port_high, term.port_high, packet.destination(), meta.dst_port);
  return forward ||
         (is_endpoint(term.address, term.has_port_low, term.port_low, packet.destination(), meta.dst_port) &&
          is_endpoint(term.other, term.has_port_high, term.port_high, packet.source(), meta.src_port));
}

}  // namespace

bool PacketView::load_addresses() {
  if (loaded_ == Loaded::kNotYet) {
    loaded_ = Loaded::kAbsent;
    if (meta.status == DecodeStatus::kIp) [[likely]] {
      tapline::load_addresses(frame, meta, source_, destination_);
      loaded_ = Loaded::kPresent;
    } else if (storage::arp_addresses(frame, meta, source_, destination_)) {
      loaded_ = Loaded::kPresent;
    }
  }
  return loaded_ == Loaded::kPresent;
}

const PacketView::InnerPackets& PacketView::inner() {
  if (inner_) return *inner_;
  InnerPackets& found = inner_.emplace();
  any_inner_packet(frame, meta, [&found](const Frame& packet, const PacketMeta& packet_meta) {
    found.frames[found.count] = packet;
    found.metas[found.count++] = packet_meta;
    return false;
  });
  return found;
}

bool in_network(const Term& term, const IpAddress& address) noexcept {
  const auto half = [&](std::size_t at) {
    return (load_le<std::uint64_t>(address.bytes.data() + at) &
            load_le<std::uint64_t>(term.other.bytes.data() + at)) ==
           load_le<std::uint64_t>(term.address.bytes.data() + at);
  };
  return half(8) && half(0) && !(term.skips_mapped && address.is_v4_mapped());
}

bool either_or_both(Side side, bool source, bool destination) noexcept {
  switch (side) {
    case Side::kEither:
      return source || destination;
    case Side::kSource:
      return source;
    case Side::kDestination:
      return destination;
    case Side::kBoth:
      return source && destination;
  }
  return false;
}

bool compare(Relation relation, std::int64_t left, std::int64_t right) noexcept {
  switch (relation) {
    case Relation::kEqual:
      return left == right;
    case Relation::kNotEqual:
      return left != right;
    case Relation::kLess:
      return left < right;
    case Relation::kLessEqual:
      return left <= right;
    case Relation::kGreater:
      return left > right;
    case Relation::kGreaterEqual:
      return left >= right;
    case Relation::kAnyBit:
      return (left & right) != 0;
  }
  return false;
}

namespace {

bool matches_layer(const Term& term, PacketView& packet) {
  const PacketMeta& meta = packet.meta;
  switch (term.kind) {
    case TermKind::kNetwork:
      return matches_network(term, packet);
    case TermKind::kPort:
      return matches_port(term, meta);
    case TermKind::kProtocol:
      return matches_protocol(term, meta);
    case TermKind::kEthertype:
      return meta.ethertype == term.value && meta.status != DecodeStatus::kUnknownLinkType;
    case TermKind::kVlan:
      return matches_vlan(term, meta);
    case TermKind::kMpls:
      return meta.mpls_count > 0 && (term.value < 0 || meta.mpls_label == term.value);
    case TermKind::kLength:
      return compare(term.relation, packet.frame.wire_bytes, term.value);
    case TermKind::kFiveTuple:
      return matches_five_tuple(term, packet);
    case TermKind::kUid:
    case TermKind::kCommunityId:
    case TermKind::kAddressField:
    case TermKind::kNumberField:
      break;
  }
  return false;
}

}  // namespace

bool matches_packet_term(const Term& term, PacketView& packet) noexcept {
  if (matches_layer(term, packet)) return true;
  if (!packet.meta.has(kMetaTunnel) || term.kind == TermKind::kLength) return false;
  const PacketView::InnerPackets& inner = packet.inner();
  for (std::uint32_t i = 0; i < inner.count; ++i) {
    PacketView within(inner.frames[i], inner.metas[i]);
    if (matches_layer(term, within)) return true;
  }
  return false;
}

}  // namespace tapline::query
