#pragma once
// ReadBudget: how many bytes a second readers may take from the disk, so that a question leaves room for
// capture. A token bucket: what was not used is kept for a tenth of a second at most. Any number of threads
// share one object.

#include <atomic>
#include <cstdint>
#include <mutex>

#include "capture/base/time.hpp"

namespace tapline::storage {

class ReadBudget {
 public:
  /// `bytes_per_second` 0: no limit. `stop`, where given, ends every wait within 50 ms once it is true.
  explicit ReadBudget(std::uint64_t bytes_per_second = 0, const std::atomic<bool>* stop = nullptr)
      : bytes_per_second_(bytes_per_second), stop_(stop) {}
  ReadBudget(const ReadBudget&) = delete;
  ReadBudget& operator=(const ReadBudget&) = delete;

  std::uint64_t bytes_per_second() const { return bytes_per_second_; }

  /// Books `bytes`, and waits until they may be read. True: at once or after the wait; false: stopped.
  bool spend(std::uint64_t bytes);

  /// Books `bytes` at `now_ns` (steady clock); returns when they may be read, at the earliest `now_ns`.
  TimeNs book(std::uint64_t bytes, TimeNs now_ns);

 private:
  const std::uint64_t bytes_per_second_;
  const std::atomic<bool>* const stop_;
  std::mutex mutex_;
  TimeNs booked_until_ns_ = INT64_MIN;  // what was booked takes until then
};

}  // namespace tapline::storage
