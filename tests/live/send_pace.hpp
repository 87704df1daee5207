#pragma once
// SendPace: how many frames a generator may send now, by rate, count and time. One thread.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tapline::test {

struct SendPlan {
  std::uint64_t frames = 0;         // 0: by time
  double seconds = 0;               // 0: by count
  std::uint64_t rate_frames_s = 0;  // 0: as fast as possible
};

class SendPace {
 public:
  /// The time starts now.
  explicit SendPace(const SendPlan& plan) : plan_(plan), start_(Clock::now()) {}

  double elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  bool is_over(std::uint64_t sent_frames) const {
    return (plan_.frames > 0 && sent_frames >= plan_.frames) ||
           (plan_.seconds > 0 && elapsed_s() >= plan_.seconds);
  }

  /// How many frames of the next burst the pace allows now; 0: wait, or it is over.
  std::uint32_t due_frames(std::uint64_t sent_frames, std::uint32_t burst_frames_max) const {
    if (is_over(sent_frames)) return 0;
    std::uint64_t due = burst_frames_max;
    if (plan_.frames > 0) due = std::min(due, plan_.frames - sent_frames);
    if (plan_.rate_frames_s > 0) {
      const auto allowed = static_cast<std::uint64_t>(elapsed_s() * static_cast<double>(plan_.rate_frames_s));
      due = std::min(due, allowed - std::min(allowed, sent_frames));
    }
    return static_cast<std::uint32_t>(due);
  }

 private:
  using Clock = std::chrono::steady_clock;

  SendPlan plan_;
  Clock::time_point start_;
};

}  // namespace tapline::test
