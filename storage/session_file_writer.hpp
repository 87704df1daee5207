#pragma once
// SessionFileWriter: session records -> session files of the store. Fills a row group, writes it when it is
// full or on flush(); files rotate by size and time (row_group_file_writer.hpp). One thread; nothing but
// opening a file allocates once its buffers have grown. Disk errors are final: complete groups stay readable.

#include "storage/row_group_file_writer.hpp"
#include "storage/session_row_buffer.hpp"

namespace tapline::storage {

/// Most rows of a group: so that a group fits into a block whatever its values.
inline constexpr std::uint32_t kSessionGroupRowsMax = 16384;

struct SessionFileConfig {
  RowGroupFileConfig file;
  /// A session that is looked up costs the read of a group. The large trace's files (374 k sessions, 23.2 MB
  /// in groups of 4096 rows) grow by 3 % at 2048 and 5 % at 1024; groups take 120, 60 and 33 KB.
  std::uint32_t group_rows = 2048;  // 1..kSessionGroupRowsMax
};

class SessionFileWriter {
 public:
  /// No file is made before the first group.
  explicit SessionFileWriter(const SessionFileConfig& config);

  Status append(const SessionRecord& record);
  /// Says that all records due at order time `order_ns` have been appended; goes into groups written from now
  /// on.
  void note_complete(TimeNs order_ns);
  /// Writes the rows at hand as a group; without rows, an empty group if note_complete() has news for readers
  /// of the open file. Live sensors call it within a second, `import` needs it not.
  Status flush();
  /// Makes the groups written so far survive a power cut.
  Status sync() { return files_.sync(); }
  /// Flushes and publishes. A later append() begins a new file.
  Status finish();

  const RowGroupFileCounters& counters() const { return files_.counters(); }

 private:
  Status write_group();

  SessionRowBuffer rows_;
  RowGroupFileWriter files_;
  std::vector<IndexKey> keys_;  // uids of the rows at hand
  TimeNs complete_until_ns_;
  TimeNs complete_written_ns_;
  TimeNs last_ns_ = 0;  // of the group before: an empty group says the same, so that it stretches nothing
};

}  // namespace tapline::storage
