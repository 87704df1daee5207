#pragma once
// Index keys: what a frame can be found by. A key is a kind and an integer; the integers of a kind are sorted
// on disk, so that address prefixes are ranges. Layout: FORMAT.md, "Index keys". A key may be shared by
// several values (a false positive costs a read); a value never lacks its key (that would be a false
// negative, a bug).

#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/uid.hpp"

namespace tapline::storage {

/// Numbers are on disk and never reused.
enum class IndexKeyKind : std::uint8_t {
  kFlow = 1,         // 40 high bits of flow_fingerprint()
  kIpv4 = 2,         // the address itself, 32 bits
  kIpv6 = 3,         // 48-bit prefix, then 16 bits of hash over the rest
  kProtoPort = 4,    // IP protocol << 16 | port (TCP, UDP, SCTP); either end
  kVlan = 5,         // VLAN id, of the two outermost tags
  kMplsLabel = 6,    // 20 bits, top label
  kTunnelId = 7,     // reserved
  kIpProto = 8,      // IP protocol number
  kEthertype = 9,    // of frames without a session (ARP, ...): 16 bits; LLC without SNAP 0
  kUid = 10,         // session files: 40 bits of a uid's hash
  kUnreadable = 11,  // 0: blocks that could not be read when the index was made; they may hold anything
};
inline constexpr std::uint32_t kIndexKeyKindCount = 12;  // highest number + 1

struct IndexKey {
  IndexKeyKind kind;
  std::uint64_t value;
};

/// Inclusive range of values of one kind; a single key has low == high.
struct IndexKeyRange {
  IndexKeyKind kind;
  std::uint64_t low;
  std::uint64_t high;
};

/// Values of kFlow and kUid are hashes of so many bits.
inline constexpr unsigned kHashKeyBits = 40;

inline std::uint64_t flow_key_value(std::uint64_t fingerprint) {
  return fingerprint >> (64 - kHashKeyBits);
}
inline IndexKey uid_key(const Uid& uid) {
  return {IndexKeyKind::kUid, load_be64(uid.bytes.data() + 6) >> (64 - kHashKeyBits)};
}
inline std::uint64_t proto_port_key_value(std::uint8_t ip_proto, std::uint16_t port) {
  return static_cast<std::uint64_t>(ip_proto) << 16 | port;
}

/// kIpv4 for v4-mapped addresses, else kIpv6.
IndexKey address_key(const IpAddress& address);

/// All keys that addresses within `address`/`prefix_bits` may have; prefix_bits counts within the family
/// (0..32 for v4-mapped addresses, 0..128 for others). Longer IPv6 prefixes than 48 give the range of their
/// /48.
IndexKeyRange prefix_keys(const IpAddress& address, unsigned prefix_bits);

/// Sender and target protocol address of a frame whose status is kArp; false for others. Posted as address
/// keys, and what `host` looks at.
bool arp_addresses(const Frame& frame, const PacketMeta& meta, IpAddress& sender, IpAddress& target) noexcept;

}  // namespace tapline::storage
