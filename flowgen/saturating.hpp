#pragma once
// Sums and differences of times that stop at the ends of the range: capture files may say any time at all.

#include <limits>

#include "capture/base/time.hpp"

namespace tapline::flowgen {

inline TimeNs later(TimeNs time_ns, TimeNs by_ns) {
  TimeNs sum;
  if (!__builtin_add_overflow(time_ns, by_ns, &sum)) [[likely]]
    return sum;
  return by_ns > 0 ? std::numeric_limits<TimeNs>::max() : std::numeric_limits<TimeNs>::min();
}

inline TimeNs difference(TimeNs to_ns, TimeNs from_ns) {
  TimeNs result;
  if (!__builtin_sub_overflow(to_ns, from_ns, &result)) [[likely]]
    return result;
  return from_ns < 0 ? std::numeric_limits<TimeNs>::max() : std::numeric_limits<TimeNs>::min();
}

}  // namespace tapline::flowgen
