#pragma once
// EffortControl: from how many blocks wait for a writer to how much it does about each: level, then search,
// then compression are given up, before a frame is. A step is taken back only when the backlog is two
// eighths less than where it was taken, so that the effort does not change with every block. One thread.

#include <algorithm>

#include "storage/write_effort.hpp"

namespace tapline::sensor {

class EffortControl {
 public:
  /// `eighths`: ThreadExchange::backlog_eighths().
  storage::WriteEffort choose(unsigned eighths) {
    constexpr unsigned kStepMax = storage::kWriteEffortCount - 1;
    const unsigned up = std::min(eighths / 2, kStepMax);          // the steps begin at 2, 4 and 6 eighths
    const unsigned down = std::min((eighths + 1) / 2, kStepMax);  // and end at 0, 2 and 4
    step_ = std::clamp(step_, up, down);
    return static_cast<storage::WriteEffort>(step_);
  }

 private:
  unsigned step_ = 0;
};

}  // namespace tapline::sensor
