#pragma once
// RecentFrames: recognises frames that a tap shows a second time, because it mirrors both ports of a path, or
// both sides of a router. Remembers the prints of the frames last seen, a fixed number of them, in sets of
// one cache line each: the oldest of its set makes room.

#include <array>
#include <cstdint>

#include "capture/base/time.hpp"
#include "capture/packet/session_record.hpp"
#include "flowgen/frame_print.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

/// How far apart in capture time copies may be, in units of 2^20 ns. Less than the time after which TCP sends
/// a segment again (RFC 6298: 1 s; Linux: 200 ms); a switch takes microseconds, a router up to milliseconds.
inline constexpr int kCopyUnitLog2 = 20;
inline constexpr std::int16_t kCopyUnits = 10;
/// The same of Equal::kLikely.
inline constexpr std::int16_t kLikelyCopyUnits = 1;
static_assert(kCopyDistanceNs == TimeNs{kCopyUnits + 1} << kCopyUnitLog2);

class RecentFrames {
 public:
  /// kLimit where the memory cannot be had.
  static Result<RecentFrames> create() {
    auto sets = MappedArray<Set>::create(kSets);
    if (!sets) return sets.error();
    RecentFrames recent;
    recent.sets_ = std::move(*sets);
    return recent;
  }

  void prefetch(const FramePrint& print) const { __builtin_prefetch(&sets_[set_of(print)], 1); }

  /// Remembers the frame. True where it is a copy: its datagram has been seen, and if that alone is not
  /// certain, at once before or somewhere else on its path.
  bool take(const FramePrint& print, TimeNs time_ns) {
    if (print.digest == 0) return false;
    Set& set = sets_[set_of(print)];
    const auto now = static_cast<std::uint16_t>(time_ns >> kCopyUnitLog2);
    const std::uint64_t seen = (print.digest & ~std::uint64_t{0xffff}) | now;
    bool any = false;
    for (const std::uint64_t entry : set.seen) any |= (entry ^ seen) >> 16 == 0;
    if (any) [[unlikely]]
      return take_again(set, seen, print);
    set.seen[set.oldest] = seen;
    set.vantages[set.oldest] = print.vantage;
    set.oldest = set.oldest + 1 == kWays ? 0 : set.oldest + 1;
    return false;
  }

  bool take_pages() { return sets_.take_pages(); }
  std::size_t memory_bytes() const { return sets_.memory_bytes(); }

 private:
  static constexpr std::size_t kSets = 4096;
  static constexpr std::uint32_t kWays = 6;
  struct alignas(64) Set {
    std::array<std::uint64_t, kWays> seen;  // bits 16..63 of the digest; 0..15: when, in units, modulo 2^16
    std::array<std::uint16_t, kWays> vantages;
    std::uint32_t oldest;
  };
  static_assert(sizeof(Set) == 64);
  static_assert(kSets <= 1u << 16);  // the set tells what `seen` leaves out of the digest

  static std::size_t set_of(const FramePrint& print) { return print.digest & (kSets - 1); }

  /// Of a digest that the set has. The time is always the newest: what goes round in a loop comes again and
  /// again.
  [[gnu::noinline]] static bool take_again(Set& set, std::uint64_t seen, const FramePrint& print) {
    std::uint32_t i = 0;
    while ((set.seen[i] ^ seen) >> 16 != 0) ++i;
    const auto age = static_cast<std::int16_t>(seen - set.seen[i]);
    const auto within = [age](std::int16_t units) { return age <= units && age >= -units; };
    const bool elsewhere = set.vantages[i] != print.vantage;
    const bool copy = (within(kCopyUnits) && (print.equal == Equal::kCertain || elsewhere)) ||
                      (within(kLikelyCopyUnits) && print.equal == Equal::kLikely);
    set.seen[i] = seen;
    if (!copy) set.vantages[i] = print.vantage;
    return copy;
  }

  MappedArray<Set> sets_;
};

}  // namespace tapline::flowgen
