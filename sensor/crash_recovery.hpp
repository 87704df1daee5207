#pragma once
// Crash recovery: what a sensor does at its start, without being asked, about runs that were killed. The
// caller holds the store's lock and has called storage::recover_store(), so that every file is finished.
// Then, for each run that still says it is started: the records that were due (session_recovery.hpp), a
// ledger that agrees with the segments (ledger_recovery.hpp), and at last the source's account, `crashed`. A
// recovery that is itself interrupted is repeated: both look at what stands in the files, so that nothing is
// counted twice. One thread; streams the frames of the last minutes.

#include <string>
#include <vector>

#include "flowgen/flow_table.hpp"
#include "sensor/ledger_recovery.hpp"
#include "sensor/session_recovery.hpp"
#include "storage/source.hpp"

namespace tapline::sensor {

struct CrashRecoveryConfig {
  std::uint32_t flows_max = 1u << 20;  // of the replay's flow table: those of the run's
  bool count_copies = false;
  flowgen::Timeouts timeouts;  // those of the run
};

/// What was done about one run; counters are sums over its workers.
struct CrashReport {
  storage::SegmentId id{};
  std::string interface;
  TimeNs last_ns = 0;  // up to here every frame received is stored, as far as it was not dropped
  std::uint64_t frames_replayed = 0;  // read, decoded and compared with the newest records
  std::uint64_t bytes_read = 0;       // of segments
  SessionRecoveryCounters sessions;
  LedgerRecoveryCounters ledger;
  /// Files and blocks that could not be read, and books that do not close; what depends on them is as good as
  /// the rest allows.
  std::vector<Error> problems;
};

/// Fails where the disk does; the run then stays `started`, and the next call repeats what was not finished.
Result<std::vector<CrashReport>> recover_runs(const storage::Store& store,
                                              const CrashRecoveryConfig& config = {});

}  // namespace tapline::sensor
