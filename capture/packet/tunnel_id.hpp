#pragma once
// The tunnel that a packet was found in: its kind, and the number that both directions share, where there is
// one. Part of the flow key, so that the same five-tuple in two virtual networks, or in and outside of a
// tunnel, is two sessions. The ends of the tunnel are not: traffic may go one way by one of them and come
// back by another.

#include <cstdint>
#include <optional>
#include <string>

namespace tapline {

/// Numbers are on disk, never reused; 15 is the last that fits.
enum class TunnelKind : std::uint8_t {
  kNone = 0,
  kIp = 1,         // IPv4 or IPv6 in either (RFC 2003, RFC 4213, RFC 2473)
  kGre = 2,        // RFC 2784; number: the key (RFC 2890)
  kGreHashed = 3,  // the same; number: a hash, of a key that needs more than 28 bits
  kNvgre = 4,      // RFC 7637; number: the virtual subnet
  kErspan = 5,     // types I to III; number: the session
  kVxlan = 6,      // RFC 7348, and GPE; number: the network
  kGeneve = 7,     // RFC 8926; number: the network
  kGtpU = 8,       // 3GPP TS 29.281; its endpoint ids differ by direction
  kTeredo = 9,     // RFC 4380
  kL2tp = 10,      // RFC 2661; its session ids differ by direction
  kPptp = 11,      // RFC 2637, section 4; its call ids differ by direction
  kMpls = 12,      // in IP or UDP (RFC 4023, RFC 7510); the labels are the packet's own
  kEtherIp = 13,   // RFC 3378
  kAyiya = 14,
};
inline constexpr std::uint32_t kTunnelKindCount = 15;

/// "ip", "gre", "vxlan", ...; "unknown" for numbers of a later version.
const char* tunnel_kind_name(TunnelKind kind);

/// 4 bits of kind, then the number + 1, or 0 where there is none.
constexpr std::uint32_t make_tunnel_id(TunnelKind kind, std::optional<std::uint32_t> number = {}) {
  constexpr std::uint32_t kNumberMask = (1u << 28) - 1;
  const std::uint32_t low = number ? (*number + 1) & kNumberMask : 0;
  return static_cast<std::uint32_t>(kind) << 28 | low;
}
/// Numbers that fit an id.
inline constexpr std::uint32_t kTunnelNumberMax = (1u << 28) - 2;

constexpr TunnelKind tunnel_kind(std::uint32_t tunnel_id) {
  return static_cast<TunnelKind>(tunnel_id >> 28);
}
constexpr std::optional<std::uint32_t> tunnel_number(std::uint32_t tunnel_id) {
  const std::uint32_t low = tunnel_id & ((1u << 28) - 1);
  return low == 0 ? std::nullopt : std::optional(low - 1);
}

/// "vxlan:42", "gre", "gre:#1f00ab" for a hashed key; empty for 0.
std::string format_tunnel_id(std::uint32_t tunnel_id);

}  // namespace tapline
