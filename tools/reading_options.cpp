#include "tools/reading_options.hpp"

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "tools/parallel_tasks.hpp"

namespace tapline::tools {
namespace {

/// ioprio_set(2), for which libc has no function.
Status set_idle_disk() {
  constexpr int kWhoProcess = 1;  // IOPRIO_WHO_PROCESS: a thread, in fact; 0 is the caller
  constexpr int kClassIdle = 3;   // IOPRIO_CLASS_IDLE
  constexpr int kClassShift = 13;
  if (::syscall(SYS_ioprio_set, kWhoProcess, 0, kClassIdle << kClassShift) == 0) return {};
  return Error{ErrorCode::kIo, fmt::format("cannot set the idle I/O class: {}", std::strerror(errno))};
}

/// Not SCHED_IDLE, which waited longer on busy processors (README.md). Somebody who has chosen a nice value
/// keeps it.
Status set_low_processor(bool always) {
  constexpr int kNiceLowest = 19;
  errno = 0;
  if (!always && (::getpriority(PRIO_PROCESS, 0) != 0 || errno != 0)) return {};
  if (::setpriority(PRIO_PROCESS, 0, kNiceLowest) == 0) return {};  // of the thread; others inherit it
  return Error{ErrorCode::kIo,
               fmt::format("cannot set nice value {}: {}", kNiceLowest, std::strerror(errno))};
}

}  // namespace

void add_reading_options(CommandLine& command_line) {
  command_line.add_value("threads", "N",
                         "read and decompress with so many threads; default: one a processor");
  command_line.add_value("memory", "SIZE", "for blocks that are read ahead; default 256MiB");
  command_line.add_value(
      "io-budget", "SIZE",
      "read at most SIZE of segments and indexes a second (200MiB); 0 (default): no limit");
  add_priority_option(command_line);
}

void add_priority_option(CommandLine& command_line) {
  command_line.add_value(
      "priority", "CLASS",
      "idle: disk and processors serve everybody else first; normal: they do not; default: "
      "idle while a sensor or an import writes the store, else normal");
}

Result<Priority> read_priority(const CommandLine& command_line) {
  const std::string text = command_line.text("priority");
  if (text.empty()) return Priority::kByWriter;
  if (text == "idle") return Priority::kIdle;
  if (text == "normal") return Priority::kNormal;
  return Error{ErrorCode::kInvalid, fmt::format("--priority: '{}' is not idle or normal", text)};
}

Result<ReadingOptions> read_reading_options(const CommandLine& command_line) {
  ReadingOptions options;
  const Result<std::uint64_t> threads = command_line.number("threads", default_threads(), 1, kThreadsMax);
  if (!threads) return threads.error();
  options.limits.threads = static_cast<unsigned>(*threads);
  if (command_line.has("memory")) {
    const Result<std::uint64_t> memory_bytes = command_line.size("memory", 0);
    if (!memory_bytes) return memory_bytes.error();
    options.limits.memory_bytes_max = *memory_bytes;
  }
  const Result<std::uint64_t> rate = command_line.size("io-budget", 0);
  if (!rate) return rate.error();
  options.bytes_per_second = *rate;
  const Result<Priority> priority = read_priority(command_line);
  if (!priority) return priority.error();
  options.priority = *priority;
  return options;
}

Result<bool> yield_to_recorder(Priority priority, const storage::Store& store) {
  if (priority == Priority::kNormal) return false;
  if (priority == Priority::kByWriter) {
    const Result<std::optional<std::string>> writer = storage::find_writer(store);
    if (!writer) return writer.error();
    if (!writer->has_value()) return false;
  }
  TAPLINE_TRY(set_idle_disk());
  TAPLINE_TRY(set_low_processor(priority == Priority::kIdle));
  return true;
}

}  // namespace tapline::tools
