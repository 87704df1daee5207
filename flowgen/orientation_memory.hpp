#pragma once
// OrientationMemory: who opened the sessions that have ended, for kOrientationMemoryNs past their end, so
// that what is left of one whose frames go on (idle for longer than its timeout, late frames) is not taken to
// have been opened by whoever speaks next. A fixed number of entries in sets of one cache line each; the
// oldest of its set makes room. Keyed by the table's seeded hash, of which 62 bits are compared.

#include <cstdint>
#include <optional>

#include "capture/base/time.hpp"
#include "capture/packet/flow_key.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

inline constexpr TimeNs kOrientationMemoryNs = 2 * 3600 * kNsPerSecond;

class OrientationMemory {
 public:
  /// Rounded up to a power of two. kLimit where the memory cannot be had.
  static Result<OrientationMemory> create(std::uint32_t entries_max);

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&sets_[set_of(hash)], 1); }

  /// `end_ns`: capture time at which the session ended.
  void remember(std::uint64_t hash, Direction originator, TimeNs end_ns);
  /// Who opened the last session of this key, unless it had ended more than kOrientationMemoryNs before.
  std::optional<Direction> find(std::uint64_t hash, TimeNs time_ns) const;

  bool take_pages() { return sets_.take_pages(); }
  std::size_t memory_bytes() const { return sets_.memory_bytes(); }

 private:
  struct Entry {
    std::uint64_t identity;  // bit 0 Direction of the originator, bit 1 set, 2..63 those of the hash; 0: free
    TimeNs end_ns;
  };
  static constexpr std::size_t kWays = 4;
  struct alignas(64) Set {
    Entry entries[kWays];
  };
  static_assert(sizeof(Entry) == 16 && sizeof(Set) == 64);

  std::size_t set_of(std::uint64_t hash) const { return hash >> 2 & (sets_.size() - 1); }

  MappedArray<Set> sets_;
};

}  // namespace tapline::flowgen
