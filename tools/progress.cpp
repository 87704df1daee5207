#include "tools/progress.hpp"

#include <fmt/core.h>

#include "capture/base/size.hpp"

namespace tapline::tools {

Progress::Progress(std::string what, bool enabled)
    : what_(std::move(what)),
      enabled_(enabled),
      begun_(std::chrono::steady_clock::now()),
      drawn_at_(begun_) {}

void Progress::update(std::uint64_t consumed_bytes, std::uint64_t total_bytes, std::uint64_t frames) {
  constexpr std::uint32_t kCallsPerLook = 1024;
  constexpr std::chrono::milliseconds kInterval(200);
  if (!enabled_ || ++calls_ % kCallsPerLook != 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_at_ < kInterval) return;
  drawn_at_ = now;
  draw(consumed_bytes, total_bytes, frames);
}

void Progress::draw(std::uint64_t consumed_bytes, std::uint64_t total_bytes, std::uint64_t frames) {
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(drawn_at_ - begun_).count();
  const double bytes_per_second = static_cast<double>(consumed_bytes) / seconds;
  std::string line = fmt::format("{}: {} frames, {}", what_, frames, format_size(consumed_bytes));
  if (total_bytes > consumed_bytes && bytes_per_second > 0) {
    const auto percent = 100 * consumed_bytes / total_bytes;
    const double left = static_cast<double>(total_bytes - consumed_bytes) / bytes_per_second;
    line += fmt::format(" of {} ({} %), {:.0f} s left", format_size(total_bytes), percent, left);
  }
  fmt::print(stderr, "\r{}, {}/s\x1b[K", line, format_size(static_cast<std::uint64_t>(bytes_per_second)));
  std::fflush(stderr);
}

void Progress::finish() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace tapline::tools
