#include "storage/index_key.hpp"

#include <xxhash.h>

#include "capture/base/bytes.hpp"

namespace tapline::storage {
namespace {

constexpr unsigned kIpv6KeyPrefixBits = 48;
constexpr std::uint64_t kIpv6KeyHashMask = 0xffff;
// Protocol addresses of ARP for IPv4 over Ethernet (RFC 826): kArp says that it is that and was captured
// whole.
constexpr std::uint32_t kArpSenderOffset = 14;
constexpr std::uint32_t kArpTargetOffset = 24;

/// The first 48 bits of an IPv6 address in the high bits of its key's value; the low 16 are left to the hash.
std::uint64_t ipv6_prefix_value(const IpAddress& address) {
  return load_be64(address.bytes.data()) & ~kIpv6KeyHashMask;
}

}  // namespace

IndexKey address_key(const IpAddress& address) {
  if (address.is_v4_mapped()) return {IndexKeyKind::kIpv4, address.v4()};
  constexpr std::size_t kHashedFrom = kIpv6KeyPrefixBits / 8;
  const std::uint64_t hash = XXH3_64bits(address.bytes.data() + kHashedFrom, 16 - kHashedFrom);
  return {IndexKeyKind::kIpv6, ipv6_prefix_value(address) | (hash & kIpv6KeyHashMask)};
}

IndexKeyRange prefix_keys(const IpAddress& address, unsigned prefix_bits) {
  if (address.is_v4_mapped()) {
    TAPLINE_CHECK(prefix_bits <= 32);
    const std::uint64_t host_mask = (std::uint64_t{1} << (32 - prefix_bits)) - 1;
    const std::uint64_t low = address.v4() & ~host_mask;
    return {IndexKeyKind::kIpv4, low, low | host_mask};
  }
  TAPLINE_CHECK(prefix_bits <= 128);
  if (prefix_bits == 128) {
    const IndexKey key = address_key(address);
    return {key.kind, key.value, key.value};
  }
  const unsigned kept_bits = prefix_bits < kIpv6KeyPrefixBits ? prefix_bits : kIpv6KeyPrefixBits;
  const std::uint64_t below = kept_bits == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << (64 - kept_bits)) - 1;
  const std::uint64_t low = ipv6_prefix_value(address) & ~below;
  return {IndexKeyKind::kIpv6, low, low | below};
}

bool arp_addresses(const Frame& frame, const PacketMeta& meta, IpAddress& sender,
                   IpAddress& target) noexcept {
  if (meta.status != DecodeStatus::kArp) return false;
  const std::uint8_t* const arp = frame.data + meta.l3_offset;
  sender = IpAddress::from_v4(load_be32(arp + kArpSenderOffset));
  target = IpAddress::from_v4(load_be32(arp + kArpTargetOffset));
  return true;
}

}  // namespace tapline::storage
