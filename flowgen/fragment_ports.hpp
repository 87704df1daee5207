#pragma once
// FragmentPorts: later fragments have no ports. Remembers those of first fragments, a fixed number of them,
// in sets of one cache line each: what came into its set first makes room. A later fragment is of the session
// of its first one, if that came before it and to this table.

#include <array>
#include <cstdint>

#include "capture/base/time.hpp"
#include "capture/packet/packet_meta.hpp"
#include "flowgen/flow_hash.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

class FragmentPorts {
 public:
  /// In capture time, in units of 2^30 ns: the 60 s that a receiver waits (RFC 8200, section 4.5), and more.
  static constexpr std::int32_t kWaitUnits = 56;

  /// kLimit where the memory cannot be had.
  static Result<FragmentPorts> create() {
    auto sets = MappedArray<Set>::create(kSets);
    if (!sets) return sets.error();
    FragmentPorts fragments;
    fragments.sets_ = std::move(*sets);
    return fragments;
  }

  /// Remembers a first fragment; gives a later one the key of its first, where that is known. `key` and
  /// `direction`: of make_flow_key(). Returns the direction in the key that it leaves.
  [[gnu::noinline]] Direction join(const FlowHash& hash, const PacketMeta& meta, TimeNs time_ns,
                                   Direction direction, FlowKey& key) {
    const std::uint64_t digest = digest_of(hash, meta, direction, key);
    Set& set = sets_[digest & (kSets - 1)];
    const auto now = static_cast<std::uint32_t>(time_ns >> kUnitLog2);
    const std::uint64_t seen = digest >> 32 << 32 | now;
    std::uint32_t way = 0;
    while (way < kWays && (set.seen[way] ^ seen) >> 32 != 0) ++way;
    if (!meta.has(kMetaLaterFragment)) {
      if (way == kWays) {
        way = set.oldest;
        set.oldest = set.oldest + 1 == kWays ? 0 : set.oldest + 1;
      }
      set.seen[way] = seen;
      set.ports[way] = {meta.src_port, meta.dst_port};
      return direction;
    }
    if (way == kWays) return direction;
    const auto age = static_cast<std::int32_t>(seen - set.seen[way]);
    if (age > kWaitUnits || age < -kWaitUnits) return direction;
    return set_ports(set.ports[way], direction, key);
  }

  bool take_pages() { return sets_.take_pages(); }
  std::size_t memory_bytes() const { return sets_.memory_bytes(); }

 private:
  static constexpr int kUnitLog2 = 30;
  static constexpr std::size_t kSets = 8192;
  static constexpr std::uint32_t kWays = 5;
  struct Ports {
    std::uint16_t source;
    std::uint16_t destination;
  };
  struct alignas(64) Set {
    std::array<std::uint64_t, kWays> seen;  // bits 32..63 of the digest; 0..31: when, in units
    std::array<Ports, kWays> ports;
    std::uint32_t oldest;
  };
  static_assert(sizeof(Set) == 64);
  static_assert(kSets <= std::size_t{1} << 32);  // the set tells some of what `seen` leaves out of the digest

  /// Of addresses, direction, protocol and identification, which name a datagram.
  static std::uint64_t digest_of(const FlowHash& hash, const PacketMeta& meta, Direction direction,
                                 const FlowKey& key) {
    // Of an address to itself ports alone tell the direction, which a later fragment does not have.
    const bool backwards = direction == Direction::kBToA && key.address_a != key.address_b;
    return hash.mix(hash(fragment_key(key)),
                    {meta.ip_id, std::uint64_t{key.link} << 1 | (backwards ? 1 : 0)});
  }

  static Direction set_ports(Ports ports, Direction direction, FlowKey& key) {
    if (direction == Direction::kBToA) std::swap(key.address_a, key.address_b);
    key.port_a = ports.source;
    key.port_b = ports.destination;
    key.flags = static_cast<std::uint8_t>(key.flags & ~kKeyFragment);
    return canonicalise(key);
  }

  MappedArray<Set> sets_;
};

}  // namespace tapline::flowgen
