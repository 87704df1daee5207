#pragma once
// RunFiles: which files of the store one worker of a run has written, and which blocks of its segments hold
// frames since a given order time.

#include <optional>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/query/plan.hpp"
#include "storage/row_group_file_writer.hpp"
#include "storage/source.hpp"

namespace tapline::sensor {

/// How far the clocks may have run back within a run without its files being missed.
inline constexpr TimeNs kClockBackMax = 3600 * kNsPerSecond;

/// Finished files only: recovery of the store comes first. Refers to its arguments.
class RunFiles {
 public:
  RunFiles(const storage::Store& store, const storage::Catalog& catalog, const storage::Source& source,
           std::uint16_t worker)
      : store_(store), catalog_(catalog), source_(source), worker_(worker) {}

  /// Files that cannot be opened are left out and go to `unreadable`.
  std::vector<std::string> sessions(std::vector<Error>& unreadable) const;
  std::vector<std::string> ledgers(std::vector<Error>& unreadable) const;
  /// The blocks that may hold frames of order time `since_ns` or later.
  std::vector<query::PlannedSegment> segments(TimeNs since_ns, std::vector<Error>& unreadable) const;
  /// Latest capture time of the segments of this port and worker that the ring has dropped.
  std::optional<TimeNs> expired_until_ns() const;

  /// For a writer of further files of this worker.
  storage::RowGroupFileConfig row_files(std::string directory) const;

 private:
  bool may_be_mine(const storage::CatalogFile& file) const;
  bool is_mine(const storage::SegmentHeader& header) const;
  std::vector<std::string> by_creation(const std::vector<storage::CatalogFile>& files,
                                       std::vector<Error>& unreadable) const;

  const storage::Store& store_;
  const storage::Catalog& catalog_;
  const storage::Source& source_;
  std::uint16_t worker_;
};

}  // namespace tapline::sensor
