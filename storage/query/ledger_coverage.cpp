#include "storage/query/ledger_coverage.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "storage/ledger_file.hpp"

namespace tapline::query {
namespace {

using storage::CatalogFile;
using storage::LedgerRow;

/// Readings so far outside of the window that a gap which reaches into it begins or ends at them.
constexpr TimeNs kMarginNs = (kMissingReadingsMax + 2) * kNsPerSecond;

enum class Cause : std::uint8_t { kNoReadings, kCrash, kDevice, kPool, kDisk };

struct CauseText {
  HoleReason reason;
  const char* text;
};

// In the order of Cause.
constexpr CauseText kCauses[] = {
    {HoleReason::kSensorDown, "nothing was received: sensor or interface was down"},
    {HoleReason::kSensorDown, "frames lost in a crash"},
    {HoleReason::kDroppedNic, "frames dropped by device or kernel"},
    {HoleReason::kDroppedPool, "frames dropped by the sensor, which could not keep up"},
    {HoleReason::kDiskError, "frames dropped: the disk refused them"},
};

// In the order of DropCause.
constexpr Cause kCauseOfDrop[] = {Cause::kPool, Cause::kDisk, Cause::kPool, Cause::kPool, Cause::kCrash};
static_assert(std::size(kCauseOfDrop) == storage::kDropCauseCount);

/// Closed interval of seconds.
struct Loss {
  Cause cause = Cause::kNoReadings;
  std::int64_t first_second = 0;
  std::int64_t last_second = 0;
  std::int64_t frames = 0;
};

/// Of damaged files, differences may be anything.
std::int64_t distance(std::int64_t from, std::int64_t to) {
  std::int64_t result = 0;
  return __builtin_sub_overflow(to, from, &result) ? std::numeric_limits<std::int64_t>::max() : result;
}

std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// The readings of one worker, in order of time.
class Readings {
 public:
  /// `begun`: the run's first reading may be missing from here on, and its counters are 0 there.
  Readings(std::int64_t second, bool begun) : second_(second) {
    if (begun) dropped_ = 0;
  }

  void add(std::int64_t second, std::uint64_t dropped_frames, std::vector<Loss>& losses) {
    if (second_ && second < *second_) {  // before what is asked for, or out of order; the count only grows
      dropped_ = std::max(dropped_.value_or(0), dropped_frames);
      return;
    }
    if (second_ && dropped_ && dropped_frames > *dropped_) {
      losses.push_back(
          {Cause::kDevice, *second_, second, static_cast<std::int64_t>(dropped_frames - *dropped_)});
    }
    alive_at(second, losses);
    dropped_ = dropped_frames;
  }

  void alive_at(std::int64_t second, std::vector<Loss>& losses) {
    if (second_ && distance(*second_, second) > kMissingReadingsMax + 1)
      losses.push_back({Cause::kNoReadings, *second_, second, 0});
    second_ = second;
  }

  /// What follows is not known to follow what came before.
  void interrupt() {
    second_.reset();
    dropped_.reset();
  }

 private:
  std::optional<std::int64_t> second_;
  std::optional<std::uint64_t> dropped_;
};

struct RunLosses {
  const LiveRun* run = nullptr;    // null: an import
  std::vector<Readings> readings;  // by worker
  std::vector<Loss> losses;
  ShortFrames shortened;

  void add(const LedgerRow& row, const TimeWindow& counted) {
    if (counted.touches(first_ns_of(row.second), last_ns_of(row.second))) add_shortened(row.counts);
    if (run != nullptr) add_losses(row);
  }

 private:
  void add_shortened(const storage::LedgerCounts& counts) {
    const std::int64_t overload = counts[storage::kFrameCutOverload];
    shortened.filtered = plus(shortened.filtered, counts[storage::kFrameFiltered]);
    shortened.cut = plus(shortened.cut, minus(counts[storage::kFrameStoredCut], overload));
    shortened.cut_overload = plus(shortened.cut_overload, overload);
    shortened.cut_at_source_bytes =
        plus(shortened.cut_at_source_bytes, counts[storage::kFrameCutAtSourceBytes]);
  }

  void add_losses(const LedgerRow& row) {
    if (row.device_measured && row.worker < readings.size())
      readings[row.worker].add(row.second, row.device_dropped_frames, losses);
    for (std::size_t drop = 0; drop < storage::kDropCauseCount; ++drop) {
      const std::int64_t frames = row.counts[storage::kFrameDropped + drop];
      if (frames != 0) losses.push_back({kCauseOfDrop[drop], row.second, row.second, frames});
    }
  }
};

/// Rows of one second add up, and may correct each other to nothing.
void add_up_seconds(std::vector<Loss>& losses) {
  std::ranges::sort(losses, [](const Loss& a, const Loss& b) {
    return std::tie(a.cause, a.first_second, a.last_second) <
           std::tie(b.cause, b.first_second, b.last_second);
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const bool same = kept > 0 && losses[kept - 1].cause == losses[i].cause &&
                      losses[kept - 1].first_second == losses[i].first_second &&
                      losses[kept - 1].last_second == losses[i].last_second;
    if (same) {
      losses[kept - 1].frames = plus(losses[kept - 1].frames, losses[i].frames);
    } else {
      losses[kept++] = losses[i];
    }
  }
  losses.resize(kept);
  std::erase_if(losses,
                [](const Loss& loss) { return loss.cause != Cause::kNoReadings && loss.frames <= 0; });
}

/// `losses`: as add_up_seconds() leaves them.
void merge_touching(std::vector<Loss>& losses) {
  std::vector<Loss> merged;
  for (const Loss& loss : losses) {
    const bool goes_on = !merged.empty() && merged.back().cause == loss.cause &&
                         distance(merged.back().last_second, loss.first_second) <= 1;
    if (goes_on) {
      merged.back().last_second = std::max(merged.back().last_second, loss.last_second);
      merged.back().frames = plus(merged.back().frames, loss.frames);
    } else {
      merged.push_back(loss);
    }
  }
  losses = std::move(merged);
}

void add_holes(const RunLosses& run, const TimeWindow& window, std::vector<Hole>& holes) {
  for (const Loss& loss : run.losses) {
    const CauseText& cause = kCauses[static_cast<std::size_t>(loss.cause)];
    Hole hole{first_ns_of(loss.first_second), last_ns_of(loss.last_second), cause.reason, {}};
    if (!window.touches(hole.first_ns, hole.last_ns)) continue;
    if (loss.cause == Cause::kNoReadings) {
      hole.first_ns = std::max(hole.first_ns, window.since_ns);
      hole.last_ns = std::min(hole.last_ns, time_before(window.until_ns));
      hole.detail = fmt::format("{}: {}", run.run->interface, cause.text);
    } else {
      hole.detail = fmt::format("{}: {} {}", run.run->interface, loss.frames, cause.text);
    }
    holes.push_back(std::move(hole));
  }
}

/// Reads the ledger of some sources, file by file.
class LedgerPass {
 public:
  LedgerPass(const std::vector<LiveRun>& runs, const std::vector<storage::SegmentId>& imports,
             const TimeWindow& window, const TimeWindow& counted)
      : window_(window),
        counted_(counted),
        around_{saturating_add(window.since_ns, -kMarginNs), saturating_add(window.until_ns, kMarginNs)} {
    for (const LiveRun& run : runs) {
      if (!around_.touches(run.first_ns, time_before(run.complete_until_ns))) continue;
      const std::int64_t begins = floor_seconds(std::max(run.first_ns, around_.since_ns));
      RunLosses& losses = runs_[run.source_id];
      losses.run = &run;
      losses.readings.assign(run.workers, Readings(begins, run.first_ns >= around_.since_ns));
    }
    for (const storage::SegmentId& id : imports) runs_[id];
    for (auto& [id, run] : runs_) run.shortened.source_id = id;
  }

  bool any() const { return !runs_.empty(); }

  void read(const CatalogFile& file) {
    if (!file.open && !around_.touches(file.name.first_ns, file.name.last_ns)) return;
    Status status = read_file(file);
    if (status) return;
    whole_ = false;
    Hole hole{file.name.first_ns, file.name.last_ns, HoleReason::kCorrupt, status.error().context};
    if (file.open) {
      hole.first_ns = window_.since_ns;
      hole.last_ns = time_before(window_.until_ns);
    }
    if (window_.touches(hole.first_ns, hole.last_ns)) holes_.push_back(std::move(hole));
    for (auto& [id, run] : runs_) {
      for (Readings& readings : run.readings) readings.interrupt();
    }
  }

  LedgerCoverage finish() {
    LedgerCoverage coverage;
    for (auto& [id, run] : runs_) {
      if (whole_) coverage.shortened.push_back(run.shortened);
      if (run.run == nullptr) continue;
      const TimeNs end_ns = std::min(time_before(run.run->complete_until_ns), around_.until_ns);
      for (Readings& readings : run.readings) readings.alive_at(floor_seconds(end_ns), run.losses);
      add_up_seconds(run.losses);
      merge_touching(run.losses);
      add_holes(run, window_, holes_);
    }
    coverage.holes = std::move(holes_);
    return coverage;
  }

 private:
  Status read_file(const CatalogFile& file) {
    Result<storage::LedgerFileReader> reader = storage::LedgerFileReader::open(file.path);
    if (!reader) return reader.error();
    storage::SegmentId id;
    std::ranges::copy(reader->container().header().source_id, id.begin());
    const auto run = runs_.find(id);
    if (run == runs_.end()) return {};
    for (std::uint32_t number = 0; number < reader->groups().size(); ++number) {
      const storage::BlockEntry& group = reader->groups()[number];
      if (!around_.touches(group.first_ns, group.last_ns)) continue;
      const Result<std::span<const LedgerRow>> rows = reader->read_group(number);
      if (!rows) return rows.error();
      for (const LedgerRow& row : *rows) run->second.add(row, counted_);
    }
    return {};
  }

  TimeWindow window_;
  TimeWindow counted_;
  TimeWindow around_;
  std::map<storage::SegmentId, RunLosses> runs_;
  std::vector<Hole> holes_;
  bool whole_ = true;
};

}  // namespace

LedgerCoverage read_ledger_coverage(const std::vector<LiveRun>& runs,
                                    const std::vector<storage::SegmentId>& imports,
                                    const storage::Catalog& catalog, const TimeWindow& window,
                                    const TimeWindow& counted) {
  LedgerPass pass(runs, imports, window, counted);
  if (!pass.any()) return {};
  for (const CatalogFile& file : catalog.ledgers) pass.read(file);
  return pass.finish();
}

}  // namespace tapline::query
