#pragma once
// OrderStamper: gives every frame of a source its order key, before frames are distributed to workers.

#include <limits>
#include <span>

#include "capture/packet/frame.hpp"

namespace tapline {

class OrderStamper {
 public:
  void stamp(std::span<Frame> frames) noexcept {
    for (Frame& frame : frames) {
      if (frame.time_ns > last_.time_ns || !begun_) {
        last_ = {frame.time_ns, 0};
        begun_ = true;
      } else {
        ++last_.count;
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
