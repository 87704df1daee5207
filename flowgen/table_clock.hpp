#pragma once
// TableClock: the clock of the flow table's timers: the running maximum of capture time, guarded against
// jumps. A time that lies more than jump_ns_max ahead moves the clock only once jump_frames frames in a row
// say so; then it goes to the earliest of them. On an idle link it goes on from there, for as long as no
// frame comes. It never goes back.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "capture/base/time_window.hpp"

namespace tapline::flowgen {

class TableClock {
 public:
  /// `grace_ns`: how long after its time a record is written by the timers: a frame that is late by less
  /// still finds its flow as it was.
  TableClock(TimeNs grace_ns, TimeNs jump_ns_max, std::uint32_t jump_frames)
      : grace_ns_(grace_ns), jump_ns_max_(jump_ns_max), jump_frames_(jump_frames) {}

  /// Every frame, in order.
  void observe(TimeNs time_ns) {
    if (time_ns > limit_ns_) [[unlikely]]
      return observe_jump(time_ns);
    jump_run_ = 0;
    if (time_ns > frames_ns_) set_frames(time_ns);
  }

  /// No frame has come for `idle_ns`.
  void observe_idle(TimeNs idle_ns) {
    const TimeNs time_ns = saturating_add(frames_ns_, idle_ns);
    if (started_ && time_ns > now_ns_) set(time_ns);
  }

  TimeNs now_ns() const { return now_ns_; }
  /// What the timers have done by now: everything due before. now - grace.
  TimeNs horizon_ns() const { return horizon_ns_; }

 private:
  void set_frames(TimeNs time_ns) {
    frames_ns_ = time_ns;
    if (time_ns > now_ns_) set(time_ns);
  }

  void set(TimeNs time_ns) {
    now_ns_ = time_ns;
    limit_ns_ = saturating_add(time_ns, jump_ns_max_);
    horizon_ns_ = saturating_add(time_ns, -grace_ns_);
  }

  void observe_jump(TimeNs time_ns) {
    jump_earliest_ns_ = jump_run_ == 0 ? time_ns : std::min(jump_earliest_ns_, time_ns);
    if (started_ && ++jump_run_ < jump_frames_) return;
    started_ = true;
    jump_run_ = 0;
    set_frames(jump_earliest_ns_);
  }

  TimeNs frames_ns_ = std::numeric_limits<TimeNs>::min();  // without what idle time has added
  TimeNs now_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs limit_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs horizon_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs jump_earliest_ns_ = 0;
  TimeNs grace_ns_;
  TimeNs jump_ns_max_;
  std::uint32_t jump_run_ = 0;
  std::uint32_t jump_frames_;
  bool started_ = false;
};

}  // namespace tapline::flowgen
