#pragma once
// Ledger files: rows of the ledger as row groups in the container; writer and reader. One thread each.

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "storage/ledger_group.hpp"
#include "storage/row_group_file_reader.hpp"
#include "storage/row_group_file_writer.hpp"

namespace tapline::storage {

class LedgerFileWriter {
 public:
  static constexpr std::uint32_t kGroupRows = 4096;

  explicit LedgerFileWriter(const RowGroupFileConfig& config);

  Status append(const LedgerRow& row);
  /// Says that all rows of seconds before order time `order_ns` have been appended; goes into groups written
  /// from now on.
  void note_complete(TimeNs order_ns) { complete_until_ns_ = std::max(complete_until_ns_, order_ns); }
  /// Writes the rows at hand as a group.
  Status flush();
  /// Makes the groups written so far survive a power cut.
  Status sync() { return files_.sync(); }
  /// Flushes and publishes. A later append() begins a new file.
  Status finish();

  const RowGroupFileCounters& counters() const { return files_.counters(); }

 private:
  std::vector<LedgerRow> rows_;
  LedgerGroupCodec codec_;
  RowGroupFileWriter files_;
  TimeNs complete_until_ns_ = std::numeric_limits<TimeNs>::min();
};

/// The rows of one ledger file in the order in which they were written. An entry's first_ns and last_ns are
/// those of its rows' seconds.
class LedgerFileReader : public RowGroupFileReader {
 public:
  /// kNotFound where the file is gone; kCorrupt, kUnsupported as ContainerReader.
  static Result<LedgerFileReader> open(const std::string& path);

  /// The rows of one group, valid until the next call.
  Result<std::span<const LedgerRow>> read_group(std::uint32_t number);
  /// The next group's rows, valid until the next call; empty at the end. After an error there is nothing
  /// more.
  Result<std::span<const LedgerRow>> next();
  /// Order time before whose second all rows are in the groups read so far or in earlier files of this
  /// worker; the least time where no group said so.
  TimeNs complete_until_so_far_ns() const { return complete_until_ns_; }

 private:
  explicit LedgerFileReader(RowGroupFileReader file) : RowGroupFileReader(std::move(file)) {}

  std::uint32_t next_group_ = 0;
  LedgerGroupCodec codec_;
  TimeNs complete_until_ns_ = std::numeric_limits<TimeNs>::min();
};

}  // namespace tapline::storage
