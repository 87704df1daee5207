#include "storage/read_budget.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "capture/base/time_window.hpp"

namespace tapline::storage {
namespace {

constexpr TimeNs kKeptNs = 100 * kNsPerMillisecond;
constexpr TimeNs kStopSeenWithinNs = 50 * kNsPerMillisecond;

}  // namespace

TimeNs ReadBudget::book(std::uint64_t bytes, TimeNs now_ns) {
  if (bytes_per_second_ == 0) return now_ns;
  const double takes_ns =
      static_cast<double>(bytes) * static_cast<double>(kNsPerSecond) / static_cast<double>(bytes_per_second_);
  constexpr double kLongestNs = 1e18;  // 31 years: sums of it still fit
  const std::lock_guard lock(mutex_);
  const TimeNs begins_ns = std::max(booked_until_ns_, saturating_add(now_ns, -kKeptNs));
  booked_until_ns_ = saturating_add(begins_ns, static_cast<TimeNs>(std::min(takes_ns, kLongestNs)));
  return std::max(now_ns, booked_until_ns_);
}

bool ReadBudget::spend(std::uint64_t bytes) {
  if (bytes_per_second_ == 0) return true;
  const TimeNs due_ns = book(bytes, steady_clock_ns());
  for (TimeNs now_ns = steady_clock_ns(); now_ns < due_ns; now_ns = steady_clock_ns()) {
    // Set by a signal handler or another thread; nothing else is read because of it.
    if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return false;
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(due_ns - now_ns, kStopSeenWithinNs)));
  }
  return true;
}

}  // namespace tapline::storage
