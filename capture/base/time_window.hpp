#pragma once
// TimeWindow: half open, in capture time. Without limits it is everything.

#include <limits>

#include "capture/base/time.hpp"

namespace tapline {

struct TimeWindow {
  static constexpr TimeNs kUnlimitedSince = std::numeric_limits<TimeNs>::min();
  static constexpr TimeNs kUnlimitedUntil = std::numeric_limits<TimeNs>::max();

  TimeNs since_ns = kUnlimitedSince;
  TimeNs until_ns = kUnlimitedUntil;

  bool contains(TimeNs time_ns) const { return touches(time_ns, time_ns); }
  /// Whether the closed interval [first, last] touches it; an unlimited end leaves nothing out.
  bool touches(TimeNs first_ns, TimeNs last_ns) const {
    return since_ns <= last_ns && (first_ns < until_ns || until_ns == kUnlimitedUntil);
  }
  bool limited() const { return since_ns != kUnlimitedSince || until_ns != kUnlimitedUntil; }
};

/// Sums and differences without overflow at the ends of time: capture files may say any time at all.
inline TimeNs saturating_add(TimeNs time_ns, TimeNs more_ns) {
  TimeNs sum = 0;
  if (!__builtin_add_overflow(time_ns, more_ns, &sum)) [[likely]]
    return sum;
  return more_ns > 0 ? TimeWindow::kUnlimitedUntil : TimeWindow::kUnlimitedSince;
}
/// time_ns - before_ns.
inline TimeNs saturating_difference(TimeNs time_ns, TimeNs before_ns) {
  TimeNs difference = 0;
  if (!__builtin_sub_overflow(time_ns, before_ns, &difference)) [[likely]]
    return difference;
  return before_ns < 0 ? TimeWindow::kUnlimitedUntil : TimeWindow::kUnlimitedSince;
}
inline TimeNs time_after(TimeNs time_ns) {
  return saturating_add(time_ns, 1);
}
inline TimeNs time_before(TimeNs time_ns) {
  return saturating_add(time_ns, -1);
}

}  // namespace tapline
