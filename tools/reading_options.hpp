#pragma once
// What commands that read much of a store may take from the machine: threads, memory, bytes a second, and
// whose turn comes first. Their defaults leave a recorder on the same machine what it needs.

#include <cstdint>

#include "capture/base/result.hpp"
#include "storage/query/read_limits.hpp"
#include "storage/store.hpp"
#include "tools/command_line.hpp"

namespace tapline::tools {

enum class Priority : std::uint8_t {
  kByWriter,  // idle where the store is being written
  kIdle,
  kNormal,
};

struct ReadingOptions {
  query::ReadLimits limits;  // without budget and stop
  std::uint64_t bytes_per_second = 0;
  Priority priority = Priority::kByWriter;
};

/// --threads, --memory, --io-budget and --priority.
void add_reading_options(CommandLine& command_line);
Result<ReadingOptions> read_reading_options(const CommandLine& command_line);
/// --priority alone.
void add_priority_option(CommandLine& command_line);
Result<Priority> read_priority(const CommandLine& command_line);

/// Gives the calling thread, and all that it starts from then on, the idle I/O class and nice value 19 where
/// asked for, or by default where `store` is being written. True: it has them. To be called before threads
/// are started.
Result<bool> yield_to_recorder(Priority priority, const storage::Store& store);

}  // namespace tapline::tools
