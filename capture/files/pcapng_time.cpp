#include "capture/files/pcapng_time.hpp"

#include <algorithm>
#include <limits>

namespace tapline {
namespace {

__extension__ using Int128 = __int128;

std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t power = 1;
  for (unsigned i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

PcapngClock::PcapngClock(std::uint8_t resolution, std::int64_t offset_s) : offset_s_(offset_s) {
  constexpr unsigned kNanosecondExponent = 9;
  constexpr unsigned kExponentMax = 19;  // of ten, in 64 bits
  const unsigned exponent = resolution & 0x7fU;
  if ((resolution & 0x80) != 0) {
    multiplier_ = kNsPerSecond;
    shift_ = static_cast<std::uint8_t>(exponent);
  } else if (exponent <= kNanosecondExponent) {
    multiplier_ = power_of_ten(kNanosecondExponent - exponent);
  } else {
    // 2^64 counts of 10^-29 s and finer are less than a nanosecond.
    const unsigned finer = exponent - kNanosecondExponent;
    divisor_ = finer <= kExponentMax ? power_of_ten(finer) : 0;
  }
}

TimeNs PcapngClock::to_ns(std::uint64_t count) const {
  // Within 128 bits: count * multiplier < 2^64 * 2^30, offset * 10^9 < 2^63 * 2^30.
  Int128 time_ns = Int128{count} * multiplier_;
  if (divisor_ == 0) {
    time_ns = 0;
  } else if (divisor_ != 1) {
    time_ns /= divisor_;
  }
  time_ns >>= shift_;
  time_ns += Int128{offset_s_} * kNsPerSecond;
  constexpr Int128 kMin = std::numeric_limits<TimeNs>::min();
  constexpr Int128 kMax = std::numeric_limits<TimeNs>::max();
  return static_cast<TimeNs>(std::clamp(time_ns, kMin, kMax));
}

}  // namespace tapline
