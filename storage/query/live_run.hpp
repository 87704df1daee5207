#pragma once
// LiveRun: from when to when a run of the live sensor has recorded, as far as its account, the lock of the
// store and the newest groups of its ledger and session files tell. Reads one group a worker of runs that
// have not ended.

#include <string>
#include <vector>

#include "capture/base/time.hpp"
#include "storage/catalog.hpp"
#include "storage/source.hpp"

namespace tapline::query {

/// Who writes the store now, and what time it is: to be asked before anything of the store is read, so that
/// what they say is true of everything that is read after them.
struct StoreMoment {
  bool writer_active = false;
  TimeNs now_ns = 0;

  static Result<StoreMoment> observe(const storage::Store& store);
};

struct LiveRun {
  enum class State : std::uint8_t {
    kRecording,  // by the writer that holds the store's lock
    kEnded,      // stopped, or crashed and recovered
    kDead,       // the sensor is gone, and what it left behind has not been recovered yet
  };

  storage::SegmentId source_id{};
  std::string interface;
  std::uint16_t workers = 1;
  State state = State::kEnded;
  TimeNs first_ns = 0;
  /// All that was received before this time is on the disk, as far as it was not dropped.
  TimeNs complete_until_ns = 0;
};

enum class QuestionKind : std::uint8_t { kPackets, kSessions };

/// The runs among `sources`, in their order. `kind`: whose rows complete_until_ns speaks of; packets are on
/// the disk before ledger or session files say so (FORMAT.md, "Writing and publishing"). Files that cannot be
/// read say nothing, so that less counts as complete.
std::vector<LiveRun> find_live_runs(const std::vector<storage::Source>& sources,
                                    const storage::Catalog& catalog, const StoreMoment& moment,
                                    QuestionKind kind);

}  // namespace tapline::query
