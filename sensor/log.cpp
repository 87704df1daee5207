#include "sensor/log.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

#include "capture/base/time.hpp"

namespace tapline::sensor {
namespace {

/// `priority`: as in syslog(3): 3 error, 4 warning, 6 information.
void write_line(int priority, std::string_view word, std::string_view text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  if (journal) {
    fmt::print(stderr, "<{}>{}\n", priority, text);
  } else {
    fmt::print(stderr, "{} {}{}\n", format_rfc3339(wall_clock_ns()).substr(0, 19), word, text);
  }
}

}  // namespace

void log_info(std::string_view text) {
  write_line(6, "", text);
}
void log_warning(std::string_view text) {
  write_line(4, "warning: ", text);
}
void log_error(std::string_view text) {
  write_line(3, "error: ", text);
}

}  // namespace tapline::sensor
