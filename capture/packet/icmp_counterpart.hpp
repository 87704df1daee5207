#pragma once
// ICMP and ICMPv6 types that come in pairs (request and reply), as Community ID v1 and Zeek pair them.
// Endpoints of other types are not sorted by Community ID: they have no way back.

#include <array>
#include <cstdint>

namespace tapline {

namespace detail {

// Index: type. Value: the counterpart + 1, so that 0 says that there is none.
using CounterpartTable = std::array<std::uint16_t, 256>;

constexpr void pair_types(CounterpartTable& table, std::uint8_t one, std::uint8_t other) {
  table[one] = static_cast<std::uint16_t>(other + 1);
  table[other] = static_cast<std::uint16_t>(one + 1);
}

constexpr CounterpartTable make_icmp_counterparts() {
  CounterpartTable table{};
  pair_types(table, 8, 0);    // echo (RFC 792)
  pair_types(table, 10, 9);   // router solicitation, advertisement (RFC 1256)
  pair_types(table, 13, 14);  // timestamp (RFC 792)
  pair_types(table, 15, 16);  // information (RFC 792)
  pair_types(table, 17, 18);  // address mask (RFC 950)
  return table;
}

constexpr CounterpartTable make_icmpv6_counterparts() {
  CounterpartTable table{};
  pair_types(table, 128, 129);  // echo (RFC 4443)
  pair_types(table, 130, 131);  // multicast listener query, report (RFC 2710)
  pair_types(table, 133, 134);  // router solicitation, advertisement (RFC 4861)
  pair_types(table, 135, 136);  // neighbour solicitation, advertisement (RFC 4861)
  pair_types(table, 139, 140);  // node information (RFC 4620)
  pair_types(table, 144, 145);  // home agent address discovery (RFC 6275)
  return table;
}

inline constexpr CounterpartTable kIcmpCounterparts = make_icmp_counterparts();
inline constexpr CounterpartTable kIcmpv6Counterparts = make_icmpv6_counterparts();

}  // namespace detail

/// The counterpart of an ICMP type, or -1.
constexpr int icmp_counterpart(std::uint8_t type) {
  return int{detail::kIcmpCounterparts[type]} - 1;
}
/// The counterpart of an ICMPv6 type, or -1.
constexpr int icmpv6_counterpart(std::uint8_t type) {
  return int{detail::kIcmpv6Counterparts[type]} - 1;
}

}  // namespace tapline
