#pragma once
// SourceNotices: what an AF_PACKET source has to tell, in words, and how often: changes of the interface at
// once, what goes on all the time at most once a minute with its number.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "capture/af_packet/interface.hpp"
#include "capture/frame_source.hpp"

namespace tapline {

class SourceNotices {
 public:
  /// `tells_interface`: one worker is enough to tell what concerns them all.
  SourceNotices(std::string interface, bool tells_interface)
      : interface_(std::move(interface)), tells_interface_(tells_interface) {}

  void timestamps(const std::string& reason);
  void state(InterfaceState now);
  /// Totals since the start.
  void super_frames(std::uint64_t frames);
  void drops(std::uint64_t frames, std::uint64_t ring_full_count);
  void reopen_failed(const Error& error);
  void undelivered(std::uint64_t frames);

  std::optional<SourceNotice> take();

 private:
  using Clock = std::chrono::steady_clock;
  /// A number that grows, and when it was last told.
  struct Repeated {
    std::uint64_t told = 0;
    Clock::time_point told_at;
  };
  static bool is_due(Repeated& subject, std::uint64_t total);
  void add(bool warning, std::string text);

  std::string interface_;
  bool tells_interface_;
  InterfaceState state_ = InterfaceState::kUp;
  Repeated super_frames_;
  Repeated drops_;
  std::string last_failure_;
  std::deque<SourceNotice> notices_;
};

}  // namespace tapline
