#pragma once
// What the ledger says about runs of the live sensor: when device and sensor were up, what they dropped, and
// of them and of imports with a policy, what was stored short. The sensor reads a device's counters about
// once a second for each worker; while it is dead or the interface is gone there is no reading
// (storage/ledger_row.hpp). Reads only files and groups that touch the window. One thread; memory: one group,
// and an entry for each second in which frames were dropped.

#include <cstdint>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/query/hole.hpp"
#include "storage/query/live_run.hpp"

namespace tapline::query {

/// So many whole seconds without a reading are taken for scheduling noise; more are a hole.
inline constexpr std::int64_t kMissingReadingsMax = 2;

/// What a source has handed out and the store has not, or not wholly, on purpose: in the seconds that touch a
/// window.
struct ShortFrames {
  storage::SegmentId source_id{};
  std::int64_t filtered = 0;             // frames that the policy left out
  std::int64_t cut = 0;                  // frames that were shortened, without the next ones
  std::int64_t cut_overload = 0;         // those whose payload was left out to keep up
  std::int64_t cut_at_source_bytes = 0;  // that were never captured
};

struct LedgerCoverage {
  std::vector<Hole> holes;
  std::vector<ShortFrames> shortened;  // of each source that was asked about, as far as its ledger is whole
};

/// Holes of the runs that touch `window`:
///   sensor_down   no readings, from the start of the second of the last one to the end of that of the next
///   one
///                 (when within them it ended and began again, nobody knows), within the window; and every
///                 second in which frames were lost in a crash
///   dropped_nic   the device's count of dropped frames rose: from the second of the reading before to that
///   of
///                 the reading that shows it
///   dropped_pool, disk_error   the second in which the sensor dropped frames
///   corrupt       the times of a ledger file that cannot be read (further)
/// Holes of one run and cause that touch are one; its detail has the sum of the frames.
/// `imports`: sources that are no runs and have no holes. `counted`: the seconds that touch it are counted in
/// `shortened`.
LedgerCoverage read_ledger_coverage(const std::vector<LiveRun>& runs,
                                    const std::vector<storage::SegmentId>& imports,
                                    const storage::Catalog& catalog, const TimeWindow& window,
                                    const TimeWindow& counted);

}  // namespace tapline::query
