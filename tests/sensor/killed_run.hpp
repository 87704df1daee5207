#pragma once
// What tests of crash recovery share: runs killed somewhere in their traffic, the model that says what the
// sessions must add up to, and the checks.

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sensor/crash_recovery.hpp"
#include "tests/sensor/live_run.hpp"

namespace tapline::test {

/// Name of one direction of a flow.
using Line = std::tuple<std::string, Direction>;
Line line_of(const FlowKey& key, Direction direction);

struct Sum {
  std::uint64_t packets = 0;
  std::uint64_t frame_bytes = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
};
using Sums = std::map<Line, Sum>;

/// Records by uid, sorted by seq.
using Sessions = std::map<Uid, std::vector<SessionRecord>>;
Sessions sessions_of(const storage::Store& store, const storage::SegmentId& id);

/// What the newest records say, over all sessions of each flow.
Sums newest_sums(const Sessions& sessions);
/// Of frames, whether stored or not.
Sums sums_of(const std::vector<FedFrame>& fed);

/// The model: of each direction of a flow, the first frames are those that records contained before recovery
/// (as many as `recorded` says); of the rest, those that are in the store.
Sums expected_sums(const std::vector<FedFrame>& fed, const Sums& recorded, const storage::Store& store);

/// Every session ends once, its records follow each other, and they add up to `expected`.
void check_sessions(const Sessions& sessions, const Sums& expected);

storage::LedgerTotals ledger_totals(const storage::Store& store);
/// The books close, stored frames and bytes are those of the segments, and the account says the same.
void check_ledger(const storage::Store& store, const storage::SegmentId& id);

/// A power cut: the last bytes of files that were being written are not there.
void tear_open_files(const storage::Store& store, std::uint64_t bytes_max, std::mt19937_64& random);

enum class Packets { kPublished, kLeftOpen };

/// A run of the live sensor that was killed somewhere in its traffic; `kPublished`: but all its packets are
/// in finished segments.
struct KilledRun {
  KilledRun(std::uint64_t seed, Packets packets);

  TestStore store;
  storage::SegmentId id{};
  std::vector<FedFrame> fed;
  std::size_t frames = 0;  // of those, the ones in no tunnel
};

/// The first `frame_count` frames of the same traffic, with an orderly stop; the run's id.
storage::SegmentId run_to_end(const storage::Store& store, std::uint64_t seed, std::size_t frame_count);

/// Both steps of a sensor's start; requires that there was one run, and no problem.
sensor::CrashReport recover(const storage::Store& store);

}  // namespace tapline::test
