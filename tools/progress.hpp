#pragma once
// Progress: one line on a terminal's standard error, at most five times a second; silent elsewhere.

#include <chrono>
#include <cstdint>
#include <string>

namespace tapline::tools {

class Progress {
 public:
  Progress(std::string what, bool enabled);

  /// Cheap: looks at the clock only every few thousand calls.
  /// `total_bytes` 0: not known.
  void update(std::uint64_t consumed_bytes, std::uint64_t total_bytes, std::uint64_t frames);
  /// Clears the line.
  void finish();

 private:
  void draw(std::uint64_t consumed_bytes, std::uint64_t total_bytes, std::uint64_t frames);

  std::string what_;
  bool enabled_;
  bool drawn_ = false;
  std::uint32_t calls_ = 0;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point drawn_at_;
};

}  // namespace tapline::tools
