#pragma once
// IoBudget: how many bytes a second those who share it may read, so that verifying, scrubbing or a large
// answer leaves the disk to the recorder. A token bucket: what is read in a burst is waited for afterwards,
// what is not read within kBurstNs is lost. Any thread.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>

#include "capture/base/time.hpp"

namespace tapline::storage {

class IoBudget {
 public:
  using Clock = TimeNs (*)();
  static constexpr TimeNs kBurstNs = 50 * kNsPerMillisecond;  // what a reader that was late may catch up

  /// `bytes_per_second` 0: no limit.
  explicit IoBudget(std::uint64_t bytes_per_second, Clock clock = steady_clock_ns)
      : bytes_per_second_(bytes_per_second), clock_(clock) {}

  bool limited() const { return bytes_per_second_ != 0; }

  /// Books `bytes` that have been or are going to be read, and says how long to wait before reading on.
  TimeNs book(std::uint64_t bytes) {
    if (!limited()) return 0;
    // A double is exact to 53 bits of bytes and good for any rate.
    const double cost_ns = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_) *
                           static_cast<double>(kNsPerSecond);
    const std::lock_guard lock(mutex_);
    const TimeNs now_ns = clock_();
    paid_until_ns_ =
        std::max(paid_until_ns_, now_ns - kBurstNs) + static_cast<TimeNs>(std::min(cost_ns, 1e15));
    return std::max<TimeNs>(0, paid_until_ns_ - now_ns);
  }
  /// The same, and waits so long.
  void spend(std::uint64_t bytes) {
    if (const TimeNs wait_ns = book(bytes); wait_ns > 0)
      std::this_thread::sleep_for(std::chrono::nanoseconds(wait_ns));
  }

 private:
  const std::uint64_t bytes_per_second_;
  const Clock clock_;
  std::mutex mutex_;
  TimeNs paid_until_ns_ = std::numeric_limits<TimeNs>::min() / 2;  // by clock_; the past: nothing is owed
};

}  // namespace tapline::storage
