#pragma once
// ClockWatch: notices that the system clock was set, by what it has gained on the clock that nobody sets.

#include <optional>

#include "capture/base/time_window.hpp"

namespace tapline::sensor {

class ClockWatch {
 public:
  /// Less may be slewing: NTP's 500 ppm make it in 200 s between two looks.
  static constexpr TimeNs kSetNsMin = 100 * kNsPerMillisecond;

  ClockWatch(TimeNs (*clock)(), TimeNs (*steady_clock)()) : clock_(clock), steady_clock_(steady_clock) {}

  /// Whether it was set since the look before, forward or back.
  bool look() {
    const TimeNs begin_ns = steady_clock_();
    const TimeNs ahead_ns = saturating_difference(clock_(), begin_ns);
    if (steady_clock_() - begin_ns >= kSetNsMin / 2) return false;  // interrupted: not the same moment
    const TimeNs gained_ns = saturating_difference(ahead_ns, ahead_ns_.value_or(ahead_ns));
    ahead_ns_ = ahead_ns;
    return gained_ns >= kSetNsMin || gained_ns <= -kSetNsMin;
  }

 private:
  TimeNs (*clock_)();
  TimeNs (*steady_clock_)();
  std::optional<TimeNs> ahead_ns_;  // of the steady clock, at the look before
};

}  // namespace tapline::sensor
