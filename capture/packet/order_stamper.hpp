#pragma once
// OrderStamper: gives every frame of a source its order key, before frames are distributed to workers.

#include <limits>
#include <span>

#include "capture/packet/frame.hpp"

namespace tapline {

/// From the key of one frame to that of the next, which is not later. Where the count is used up (an hour of
/// 1.2 Mframes/s behind one time), order time goes on by a nanosecond, so that keys neither repeat nor run
/// backwards before the end of time.
inline void count_on(OrderKey& key) noexcept {
  if (++key.count != 0) [[likely]]
    return;
  if (key.time_ns == std::numeric_limits<TimeNs>::max())
    --key.count;
  else
    ++key.time_ns;
}

class OrderStamper {
 public:
  void stamp(std::span<Frame> frames) noexcept {
    for (Frame& frame : frames) {
      if (frame.time_ns > last_.time_ns || !begun_) {
        last_ = {frame.time_ns, 0};
        begun_ = true;
      } else {
        count_on(last_);
      }
      frame.order = last_;
    }
  }

  /// Of the last frame stamped: order time, the clock of everything that follows capture time.
  const OrderKey& last() const { return last_; }

 private:
  OrderKey last_{std::numeric_limits<TimeNs>::min(), 0};
  bool begun_ = false;
};

}  // namespace tapline
