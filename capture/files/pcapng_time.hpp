#pragma once
// How an interface of a pcapng file counts time (draft-ietf-opsawg-pcapng, if_tsresol and if_tsoffset), and
// what its 64-bit counts are in nanoseconds. Total: every resolution, offset and count has a result,
// saturated to TimeNs; what is finer than a nanosecond is rounded towards the past.

#include <cstdint>

#include "capture/base/time.hpp"

namespace tapline {

class PcapngClock {
 public:
  /// Microseconds since 1970, the default of the format.
  PcapngClock() : PcapngClock(6, 0) {}
  /// `resolution`: the octet of if_tsresol: 10^-n s, or with its top bit 2^-n s. `offset_s`: added to every
  /// count.
  PcapngClock(std::uint8_t resolution, std::int64_t offset_s);

  TimeNs to_ns(std::uint64_t count) const;

 private:
  // Nanoseconds = count * multiplier_ / divisor_ >> shift_; at most one of the latter two does anything.
  std::uint64_t multiplier_ = 1;
  std::uint64_t divisor_ = 1;  // 0: no count reaches a nanosecond
  std::uint8_t shift_ = 0;
  std::int64_t offset_s_ = 0;
};

}  // namespace tapline
