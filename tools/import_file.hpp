#pragma once
// One capture file through the pipeline into a store, once: its source account is opened first and closed
// last, so that a repeated import is recognised, and one that was interrupted is taken back and begun again.

#include <string>

#include "sensor/pipeline.hpp"
#include "storage/query/hold_keeper.hpp"
#include "storage/source.hpp"

namespace tapline::tools {

struct ImportOptions {
  std::string source_name;  // --source: tells equal files apart on purpose
  bool store_packets = true;
  sensor::CutoffPolicy cutoff;
  std::uint64_t budget_bytes = 0;
  std::uint32_t flows_max = 0;
  bool count_copies = false;
  bool show_progress = false;
  storage::HeldSegments* held = nullptr;  // what the ring must keep; outlives the import
  query::HoldKeeper* holds = nullptr;     // asked to look about now and then
};

struct ImportResult {
  storage::Source source;
  storage::LedgerTotals totals;
  flowgen::FlowCounters flows;
  storage::SegmentWriterCounters segments;
  storage::RowGroupFileCounters sessions;
  std::uint64_t segments_evicted = 0;
  std::uint64_t files_taken_back = 0;  // of an interrupted import of the same file
};

/// The caller holds the store's lock. kBusy where the file has been imported already. A damaged file is
/// imported as far as it is whole; ImportResult::source.damage then says why it ends.
Result<ImportResult> import_file(const storage::Store& store, const std::string& path,
                                 const ImportOptions& options);

}  // namespace tapline::tools
