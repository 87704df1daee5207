#include "capture/dpdk/dpdk_words.hpp"

#include <rte_log.h>
#include <sys/types.h>

#include <cstdio>
#include <mutex>
#include <utility>

namespace tapline {
namespace {

constexpr std::size_t kWordsBytesMax = 500;

struct Log {
  std::mutex mutex;  // DPDK's own threads log, too
  bool collecting = false;
  std::string collected;
};

Log& log() {
  static Log instance;
  return instance;
}

ssize_t write_log(void*, const char* text, std::size_t bytes) {
  const std::lock_guard lock(log().mutex);
  if (log().collecting) {
    log().collected.append(text, bytes);
  } else {
    std::fwrite(text, 1, bytes, stderr);
  }
  return static_cast<ssize_t>(bytes);
}

std::string one_line(const std::string& lines) {
  std::string line;
  for (const char c : lines.substr(0, lines.find_last_not_of('\n') + 1)) {
    if (line.size() >= kWordsBytesMax) break;
    line += c == '\n' ? std::string("; ") : std::string(1, c);
  }
  return line;
}

}  // namespace

void catch_dpdk_log() {
  static std::FILE* const stream =
      ::fopencookie(nullptr, "w", {.read = nullptr, .write = write_log, .seek = nullptr, .close = nullptr});
  if (stream == nullptr) return;
  std::setvbuf(stream, nullptr, _IOLBF, 0);
  ::rte_openlog_stream(stream);
}

DpdkWords::DpdkWords() {
  const std::lock_guard lock(log().mutex);
  log().collecting = true;
}

DpdkWords::~DpdkWords() {
  const std::lock_guard lock(log().mutex);
  std::fwrite(log().collected.data(), 1, log().collected.size(), stderr);
  log().collected.clear();
  log().collecting = false;
}

std::string DpdkWords::take() {
  const std::lock_guard lock(log().mutex);
  return one_line(std::exchange(log().collected, {}));
}

}  // namespace tapline
