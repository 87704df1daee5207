#pragma once
// What the random terms over packets and those over sessions share.

#include <algorithm>
#include <array>
#include <string_view>

#include "capture/packet/protocol_numbers.hpp"
#include "tests/query/filter_random_filter.hpp"

namespace tapline::query::test {

inline constexpr std::array<const char*, 7> kRelations = {"=", "==", "!=", "<", "<=", ">", ">="};

inline Answer answer(bool yes) {
  return yes ? Answer::kYes : Answer::kNo;
}

inline bool combine(std::size_t side, bool source, bool destination) {
  if (side == 1) return source;
  if (side == 2) return destination;
  return side == 3 ? source && destination : source || destination;
}

inline bool compare_as(std::string_view relation, std::int64_t a, std::int64_t b) {
  if (relation == "=" || relation == "==") return a == b;
  if (relation == "!=") return a != b;
  if (relation == "<") return a < b;
  if (relation == "<=") return a <= b;
  return relation == ">" ? a > b : a >= b;
}

inline const IpAddress& orig_address(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.address_a : s.key.address_b;
}
inline const IpAddress& resp_address(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.address_b : s.key.address_a;
}
inline const DirectionState& orig_state(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.a_to_b : s.b_to_a;
}
inline const DirectionState& resp_state(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.b_to_a : s.a_to_b;
}
inline int orig_port(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.port_a : s.key.port_b;
}
inline int resp_port(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.port_b : s.key.port_a;
}
inline bool is_ipv6(const SessionRecord& s) {
  return (s.key.flags & kKeyIpv6) != 0;
}
inline bool is_fragment(const SessionRecord& s) {
  return (s.key.flags & kKeyFragment) != 0;
}

inline bool port_proto(std::uint8_t proto) {
  return proto == kIpProtoTcp || proto == kIpProtoUdp || proto == kIpProtoSctp;
}

inline bool session_has_vlan(const SessionRecord& s, int vlan) {
  const std::array seen = {s.a_to_b.vlan_outer, s.a_to_b.vlan_inner, s.b_to_a.vlan_outer,
                           s.b_to_a.vlan_inner};
  return std::any_of(seen.begin(), seen.end(),
                     [=](int id) { return id > 0 && (vlan < 0 || id - 1 == vlan); });
}

/// The first `bits` of two addresses are the same; both of one family.
inline bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  if (a.is_v4_mapped() != b.is_v4_mapped()) return false;
  const unsigned first = a.is_v4_mapped() ? 96 : 0;
  for (unsigned i = first; i < first + bits; ++i) {
    const auto bit = [&](const IpAddress& address) { return address.bytes[i / 8] >> (7 - i % 8) & 1; };
    if (bit(a) != bit(b)) return false;
  }
  return true;
}

inline IpAddress cut_to_prefix(IpAddress address, unsigned bits) {
  for (unsigned i = (address.is_v4_mapped() ? 96 : 0) + bits; i < 128; ++i) {
    address.bytes[i / 8] &= static_cast<std::uint8_t>(~(1 << (7 - i % 8)));
  }
  return address;
}

/// A term that asks of sessions: numbers, times, names, bytes across the border, identity.
RandomFilter random_session_term(Random& random);

}  // namespace tapline::query::test
