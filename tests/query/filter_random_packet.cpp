#include "tests/query/filter_random_packet.hpp"

#include <algorithm>
#include <array>

#include "capture/base/byte_writer.hpp"
#include "capture/base/bytes.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline::query::test {
namespace {

constexpr std::array kAddresses4 = {0x0a000001U, 0x0a000002U, 0x0a010203U,
                                    0xc0a80101U, 0xcb007109U, 0xe00000fbU};
constexpr std::array kAddresses6 = {"2001:db8::1", "2001:db8::2",     "2001:db8:0:1::1", "fe80::1",
                                    "ff02::fb",    "::ffff:10.0.0.1", "fd00::5"};
constexpr std::array<std::uint16_t, 7> kPorts = {0, 53, 80, 443, 8080, 51000, 65535};
constexpr std::array<std::uint16_t, 5> kVlans = {0, 1, 5, 100, 4095};
constexpr std::array<std::uint32_t, 3> kLabels = {16, 1000, 0xfffff};
constexpr std::array<std::uint8_t, 5> kProtos4 = {kIpProtoTcp, kIpProtoUdp, kIpProtoSctp, kIpProtoIcmp, 47};
constexpr std::array<std::uint8_t, 5> kProtos6 = {kIpProtoTcp, kIpProtoUdp, kIpProtoSctp, kIpProtoIcmpv6, 47};

void put_be16(ByteBuffer& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_be32(ByteBuffer& out, std::uint32_t value) {
  put_be16(out, static_cast<std::uint16_t>(value >> 16));
  put_be16(out, static_cast<std::uint16_t>(value));
}

bool has_port_fields(std::uint8_t proto) {
  return proto == kIpProtoTcp || proto == kIpProtoUdp || proto == kIpProtoSctp;
}

/// 32 bytes that begin with ports, or with ICMP type 3 (v6: 1) and code.
void put_transport(ByteBuffer& out, PacketTruth& truth, Random& random, bool later_fragment) {
  const std::size_t begin = out.size();
  if (has_port_fields(truth.ip_proto)) {
    const std::uint16_t source = random_port(random);
    const std::uint16_t destination = random_port(random);
    put_be16(out, source);
    put_be16(out, destination);
    if (!later_fragment) {
      truth.source_port = source;
      truth.destination_port = destination;
    }
  } else if (truth.ip_proto == kIpProtoIcmp || truth.ip_proto == kIpProtoIcmpv6) {
    const std::uint8_t type = truth.ip_proto == kIpProtoIcmp ? 3 : 1;  // unreachable: one way, (type, code)
    const auto code = static_cast<std::uint8_t>(below(random, 4));
    out.push_back(type);
    out.push_back(code);
    if (!later_fragment) {
      truth.source_port = type;
      truth.destination_port = code;
    }
  }
  out.resize(begin + 32);
  if (truth.ip_proto == kIpProtoTcp) out[begin + 12] = 5 << 4;
  if (truth.ip_proto == kIpProtoUdp) out[begin + 5] = 32;
}

void put_ipv4(ByteBuffer& out, PacketTruth& truth, Random& random) {
  const bool later_fragment = one_in(random, 8);
  truth.ip_proto = random_proto(random, false);
  out.push_back(0x45);
  out.push_back(0);
  put_be16(out, 20 + 32);
  put_be16(out, 7);
  put_be16(out, later_fragment ? 0x0010 : 0);
  out.push_back(64);
  out.push_back(truth.ip_proto);
  put_be16(out, 0);
  put_be32(out, truth.source.v4());
  put_be32(out, truth.destination.v4());
  put_transport(out, truth, random, later_fragment);
}

void put_ipv6(ByteBuffer& out, PacketTruth& truth, Random& random) {
  truth.ip_proto = random_proto(random, true);
  const bool later_fragment = one_in(random, 8);
  const bool with_options = one_in(random, 4);
  const std::uint8_t last = later_fragment ? std::uint8_t{kIpProtoFragment} : truth.ip_proto;
  put_be32(out, 0x60000000);
  put_be16(out, static_cast<std::uint16_t>(32 + (later_fragment ? 8 : 0) + (with_options ? 8 : 0)));
  out.push_back(with_options ? std::uint8_t{kIpProtoHopByHop} : last);
  out.push_back(64);
  put_bytes(out, truth.source.bytes);
  put_bytes(out, truth.destination.bytes);
  if (with_options) {
    out.push_back(last);
    out.push_back(0);
    put_be16(out, 0x0104);  // PadN over the remaining six bytes
    put_be32(out, 0);
  }
  if (later_fragment) {
    out.push_back(truth.ip_proto);
    out.push_back(0);
    put_be16(out, 0x0100);
    put_be32(out, 77);
  }
  put_transport(out, truth, random, later_fragment);
}

void put_arp(ByteBuffer& out, const PacketTruth& truth) {
  put_be16(out, 1);
  put_be16(out, kEtherTypeIpv4);
  out.push_back(6);
  out.push_back(4);
  put_be16(out, 1);
  out.resize(out.size() + 6);
  put_be32(out, truth.source.v4());
  out.resize(out.size() + 6);
  put_be32(out, truth.destination.v4());
}

void choose_network_layer(PacketTruth& truth, Random& random) {
  const std::uint64_t choice = below(random, 16);
  truth.is_ipv6 = choice < 6;
  truth.is_arp = choice == 6;
  truth.is_rarp = choice == 7;
  truth.is_ip = truth.is_ipv6 || choice >= 9;
  truth.ethertype = 0x88cc;  // LLDP: neither
  if (truth.is_ip) truth.ethertype = truth.is_ipv6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  if (truth.is_arp) truth.ethertype = kEtherTypeArp;
  if (truth.is_rarp) truth.ethertype = kEtherTypeRarp;
  truth.source = random_address(random, truth.is_ipv6);
  truth.destination = random_address(random, truth.is_ipv6);
}

void put_tags(ByteBuffer& out, PacketTruth& truth, Random& random) {
  for (std::uint64_t count = one_in(random, 3) ? 1 + below(random, 2) : 0; count > 0; --count) {
    truth.vlans.push_back(random_vlan(random));
    put_be16(out, kEtherTypeVlan);
    put_be16(out, static_cast<std::uint16_t>(truth.vlans.back() | 0x6000));
  }
  if (!truth.is_ip || !one_in(random, 6)) {
    put_be16(out, truth.ethertype);
    return;
  }
  put_be16(out, kEtherTypeMpls);
  for (std::uint64_t count = 1 + below(random, 2); count > 0; --count) {
    truth.labels.push_back(pick(random, kLabels));
    put_be32(out, truth.labels.back() << 12 | (count == 1 ? 0x100 : 0) | 64);
  }
}

void count_up(DirectionState& direction, Random& random) {
  direction.total.packets = below(random, 4);
  if (direction.total.packets == 0) return;
  direction.total.frame_bytes = direction.total.packets * (60 + below(random, 3));
  direction.total.ip_bytes = direction.total.packets * (40 + below(random, 3));
  direction.total.payload_bytes = direction.total.packets * below(random, 3);
  direction.tcp_flags_union = static_cast<std::uint8_t>(below(random, 256));
  direction.ttl_min = static_cast<std::uint8_t>(60 + below(random, 3));
  direction.ttl_max = static_cast<std::uint8_t>(direction.ttl_min + below(random, 3));
  if (one_in(random, 3)) direction.vlan_outer = static_cast<std::uint16_t>(random_vlan(random) + 1);
  if (direction.vlan_outer != 0 && one_in(random, 2)) {
    direction.vlan_inner = static_cast<std::uint16_t>(random_vlan(random) + 1);
  }
}

}  // namespace

IpAddress random_address(Random& random, bool ipv6) {
  return ipv6 ? parse_address(pick(random, kAddresses6)).value()
              : IpAddress::from_v4(pick(random, kAddresses4));
}

std::uint16_t random_port(Random& random) {
  return pick(random, kPorts);
}
std::uint16_t random_vlan(Random& random) {
  return pick(random, kVlans);
}
std::uint8_t random_proto(Random& random, bool ipv6) {
  return ipv6 ? pick(random, kProtos6) : pick(random, kProtos4);
}

void make_random_packet(Random& random, RandomPacket& packet) {
  PacketTruth truth;
  choose_network_layer(truth, random);
  packet.bytes.assign(12, 2);
  put_tags(packet.bytes, truth, random);
  if (truth.is_ipv6) {
    put_ipv6(packet.bytes, truth, random);
  } else if (truth.is_ip) {
    put_ipv4(packet.bytes, truth, random);
  } else if (truth.is_arp || truth.is_rarp) {
    put_arp(packet.bytes, truth);
  }
  packet.bytes.resize(packet.bytes.size() + below(random, 40));
  truth.wire_bytes = static_cast<std::uint32_t>(packet.bytes.size() + below(random, 40));
  packet.frame = Frame{};
  packet.frame.data = packet.bytes.data();
  packet.frame.captured_bytes = static_cast<std::uint32_t>(packet.bytes.size());
  packet.frame.wire_bytes = truth.wire_bytes;
  decode(packet.frame, packet.meta);
  packet.truth = std::move(truth);
}

SessionRecord make_random_session(Random& random) {
  SessionRecord session;
  for (std::uint8_t& byte : session.uid.bytes) byte = static_cast<std::uint8_t>(below(random, 2));
  const bool ipv6 = one_in(random, 2);
  FlowKey& key = session.key;
  key.address_a = random_address(random, ipv6);
  key.address_b = random_address(random, ipv6);
  key.ip_proto = random_proto(random, ipv6);
  key.flags = ipv6 ? kKeyIpv6 : 0;
  if (one_in(random, 8)) {
    key.flags |= kKeyFragment;
  } else if (key.ip_proto != 47) {
    key.port_a = random_port(random);
    key.port_b = random_port(random);
  }
  canonicalise(key);
  count_up(session.a_to_b, random);
  count_up(session.b_to_a, random);
  session.first_ns = 1'700'000'000 * kNsPerSecond + static_cast<TimeNs>(below(random, 3)) * kNsPerSecond;
  session.last_ns = session.first_ns + static_cast<TimeNs>(below(random, 3)) * 60 * kNsPerSecond;
  session.unstored_packets = below(random, 3);
  session.untracked = one_in(random, 4);
  for (DirectionState* const state : {&session.a_to_b, &session.b_to_a}) {
    state->tcp.retransmitted_bytes = below(random, state->total.payload_bytes + 1);
    state->tcp.retransmitted_packets = below(random, 3);
    state->tcp.gap_bytes = 60 * below(random, 3);
  }
  session.seq = static_cast<std::uint32_t>(below(random, 3));
  session.mpls_label = one_in(random, 4) ? pick(random, kLabels) + 1 : 0;
  session.worker = static_cast<std::uint16_t>(below(random, 3));
  session.end_reason = static_cast<EndReason>(below(random, 8));
  session.originator = static_cast<Direction>(below(random, 2));
  session.orient_rule = static_cast<OrientRule>(below(random, kOrientRuleCount));
  session.orient_confidence = static_cast<std::uint8_t>(50 + below(random, 3));
  return session;
}

std::vector<storage::IndexKey> index_keys_of(const Frame& frame, const PacketMeta& meta) {
  using storage::IndexKeyKind;
  std::vector<storage::IndexKey> keys;
  for (std::uint8_t i = 0; i < meta.vlan_count && i < 2; ++i) {
    keys.push_back({IndexKeyKind::kVlan, meta.vlan_tci[i] & 0xfffU});
  }
  if (meta.mpls_count > 0) keys.push_back({IndexKeyKind::kMplsLabel, meta.mpls_label});
  IpAddress source;
  IpAddress destination;
  if (meta.status != DecodeStatus::kIp) {
    keys.push_back({IndexKeyKind::kEthertype, meta.ethertype});
    if (storage::arp_addresses(frame, meta, source, destination)) {
      keys.push_back(storage::address_key(source));
      keys.push_back(storage::address_key(destination));
    }
    return keys;
  }
  FlowKey key;
  make_flow_key(frame, meta, 0, key);
  keys.push_back({IndexKeyKind::kFlow, storage::flow_key_value(flow_fingerprint(key))});
  load_addresses(frame, meta, source, destination);
  keys.push_back(storage::address_key(source));
  keys.push_back(storage::address_key(destination));
  keys.push_back({IndexKeyKind::kIpProto, meta.ip_proto});
  if (meta.has(kMetaPorts) && has_port_fields(meta.ip_proto)) {
    keys.push_back({IndexKeyKind::kProtoPort, storage::proto_port_key_value(meta.ip_proto, meta.src_port)});
    keys.push_back({IndexKeyKind::kProtoPort, storage::proto_port_key_value(meta.ip_proto, meta.dst_port)});
  }
  return keys;
}

bool is_true_for(const IndexQuery& query, const std::vector<storage::IndexKey>& keys) {
  const auto holds = [&](const IndexQuery& operand) { return is_true_for(operand, keys); };
  switch (query.kind) {
    case IndexQuery::Kind::kAll:
      return true;
    case IndexQuery::Kind::kNone:
      return false;
    case IndexQuery::Kind::kKeyRange:
      return std::any_of(keys.begin(), keys.end(), [&](const storage::IndexKey& key) {
        return key.kind == query.range.kind && key.value >= query.range.low && key.value <= query.range.high;
      });
    case IndexQuery::Kind::kAnd:
      return std::all_of(query.operands.begin(), query.operands.end(), holds);
    case IndexQuery::Kind::kOr:
      return std::any_of(query.operands.begin(), query.operands.end(), holds);
  }
  return false;
}

}  // namespace tapline::query::test
