#pragma once
// FlowKey: the canonical identity of a conversation. The endpoint (address, port) that sorts lower as bytes
// is A, so that both directions of a flow have the same key. Who opened the session is decided later
// (flowgen). Fragments after the first have no ports and a key of their own (kKeyFragment).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {

/// 16 bytes in network order; IPv4 as ::ffff:a.b.c.d. Whether an address was IPv4 on the wire stands beside
/// it.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  bool is_v4_mapped() const;
  std::uint32_t v4() const;  // host order; only for v4-mapped ones
  static IpAddress from_v4(std::uint32_t host_order);

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// Dotted quad for v4-mapped addresses, RFC 5952 text for others.
std::string format_address(const IpAddress& address);
/// As it was on the wire: an IPv6 packet's `::ffff:a.b.c.d` keeps its prefix.
std::string format_wire_address(const IpAddress& address, bool ipv6);
/// kInvalid names the text. No names, no prefix lengths.
Result<IpAddress> parse_address(std::string_view text);

enum KeyFlag : std::uint8_t {
  kKeyIpv6 = 1 << 0,
  kKeyFragment = 1 << 1,  // later fragments of (addresses, protocol): ports are 0
};

enum class Direction : std::uint8_t { kAToB = 0, kBToA = 1 };

inline Direction opposite(Direction direction) {
  return direction == Direction::kAToB ? Direction::kBToA : Direction::kAToB;
}

struct FlowKey {
  IpAddress address_a;
  IpAddress address_b;
  std::uint16_t port_a = 0;  // host order; ICMP: see PacketMeta::src_port; 0 where the protocol has none
  std::uint16_t port_b = 0;
  std::uint32_t tunnel_id = 0;
  std::uint8_t ip_proto = 0;
  std::uint8_t flags = 0;  // KeyFlag
  std::uint16_t link = 0;  // link (tap) identity: interfaces that show the same link share it

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};
static_assert(sizeof(FlowKey) == 44);

/// The key's protocol is TCP and its frames have TCP headers.
constexpr bool has_tcp_header(const FlowKey& key) {
  return key.ip_proto == kIpProtoTcp && (key.flags & kKeyFragment) == 0;
}

/// The key of a frame whose status is kIp, and which way the frame went. `link` goes into the key unchanged.
Direction make_flow_key(const Frame& frame, const PacketMeta& meta, std::uint16_t link,
                        FlowKey& key) noexcept;

/// The key of later fragments between the same addresses.
constexpr FlowKey fragment_key(FlowKey key) {
  key.port_a = key.port_b = 0;
  key.flags |= kKeyFragment;
  return key;
}

/// Source and destination address of a frame whose status is kIp.
void load_addresses(const Frame& frame, const PacketMeta& meta, IpAddress& source,
                    IpAddress& destination) noexcept;

/// Orders (address, port) pairs canonically in place; returns kBToA where they were swapped.
Direction canonicalise(FlowKey& key) noexcept;

/// Unseeded XXH3-64 over the key's on-disk layout (storage/FORMAT.md, "Flow fingerprint"): five-tuple and
/// flags, without tunnel and link, so that a question by five-tuple needs to know neither.
std::uint64_t flow_fingerprint(const FlowKey& key) noexcept;

/// Community ID v1, "1:..." (github.com/corelight/community-id-spec). Source and destination
/// matter only for one-way ICMP types, which the specification does not sort. Costs a SHA-1: never per
/// packet.
std::string community_id(const FlowKey& key, Direction direction, std::uint16_t seed = 0);

}  // namespace tapline
