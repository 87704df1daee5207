#pragma once
// TableClock: the clock of the flow table's timers: the running maximum of capture time, guarded against
// jumps. A time that lies more than jump_ns_max ahead moves the clock only once jump_frames frames in a row
// say so; then it goes to the earliest of them. It never goes back.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "flowgen/saturating.hpp"

namespace tapline::flowgen {

class TableClock {
 public:
  /// `grace_ns`: how long after its time a record is written by the timers: a frame that is late by less
  /// still finds its flow as it was.
  TableClock(TimeNs grace_ns, TimeNs jump_ns_max, std::uint32_t jump_frames)
      : grace_ns_(grace_ns), jump_ns_max_(jump_ns_max), jump_frames_(jump_frames) {}

  void begin_burst() { idle_calls_ = 0; }

  /// Every frame, in order.
  void observe(TimeNs time_ns) {
    if (time_ns > limit_ns_) [[unlikely]]
      return observe_jump(time_ns);
    jump_run_ = 0;
    if (time_ns > now_ns_) set(time_ns);
  }

  /// The time as the caller knows it, without a frame. A jump counts once jump_frames calls in a row saw it,
  /// each with a later time than the one before and without a frame between them: so an idle link's timers
  /// run on after the machine was asleep, but one mad time asked with again and again moves nothing.
  void observe_idle(TimeNs time_ns) {
    if (!started_ || time_ns <= now_ns_) return;
    if (time_ns <= limit_ns_) return set(time_ns);
    if (idle_calls_ != 0 && time_ns <= idle_latest_ns_) return;
    idle_latest_ns_ = time_ns;
    if (++idle_calls_ >= jump_frames_) set(time_ns);
  }

  TimeNs now_ns() const { return now_ns_; }
  /// What the timers have done by now: everything due before. now - grace.
  TimeNs horizon_ns() const { return horizon_ns_; }

 private:
  void set(TimeNs time_ns) {
    now_ns_ = time_ns;
    limit_ns_ = later(time_ns, jump_ns_max_);
    horizon_ns_ = later(time_ns, -grace_ns_);
    idle_calls_ = 0;
  }

  void observe_jump(TimeNs time_ns) {
    jump_earliest_ns_ = jump_run_ == 0 ? time_ns : std::min(jump_earliest_ns_, time_ns);
    if (started_ && ++jump_run_ < jump_frames_) return;
    started_ = true;
    jump_run_ = 0;
    set(jump_earliest_ns_);
  }

  TimeNs now_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs limit_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs horizon_ns_ = std::numeric_limits<TimeNs>::min();
  TimeNs jump_earliest_ns_ = 0;
  TimeNs idle_latest_ns_ = 0;
  TimeNs grace_ns_;
  TimeNs jump_ns_max_;
  std::uint32_t jump_run_ = 0;
  std::uint32_t idle_calls_ = 0;
  std::uint32_t jump_frames_;
  bool started_ = false;
};

}  // namespace tapline::flowgen
