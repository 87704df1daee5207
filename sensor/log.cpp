#include "sensor/log.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "capture/base/time.hpp"

namespace tapline::sensor {
namespace {

/// By systemd.exec(5): "device:inode" of the journal's stream. Programs that a service has started inherit
/// the variable, whatever their standard error is.
bool is_journal(int descriptor) {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat about {};
  if (stream == nullptr || ::fstat(descriptor, &about) != 0) return false;
  return fmt::format("{}:{}", about.st_dev, about.st_ino) == stream;
}

/// `priority`: as in syslog(3): 3 error, 4 warning, 6 information.
void write_line(int priority, std::string_view word, std::string_view text) {
  static const bool journal = is_journal(STDERR_FILENO);
  const std::string line =
      journal ? fmt::format("<{}>{}\n", priority, text)
              : fmt::format("{} {}{}\n", format_rfc3339(wall_clock_ns()).substr(0, 19), word, text);
  // A log that cannot be written must not end the recording.
  std::fwrite(line.data(), 1, line.size(), stderr);
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
