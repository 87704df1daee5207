#include "storage/query/coverage.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "storage/query/json_text.hpp"
#include "storage/query/ledger_coverage.hpp"

namespace tapline::query {
namespace {

using storage::Source;
using storage::SourceState;

constexpr const char* kTooLong = "frames longer than 262144 bytes";
constexpr const char* kBeyondSnapLength = "bytes beyond the source's snap length";
constexpr const char* kExpiredDetail = "dropped by the ring, to stay within its limits";

/// Closed interval of time in which something was recorded.
struct Recorded {
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  LiveRun::State state = LiveRun::State::kEnded;

  /// What follows last_ns is no gap: there is a hole of its own for it, if any.
  bool goes_on() const { return state != LiveRun::State::kEnded; }
};

std::vector<Recorded> find_recorded(const std::vector<Source>& sources, const std::vector<LiveRun>& runs) {
  std::vector<Recorded> recorded;
  for (const Source& source : sources) {
    if (!source.live && source.state == SourceState::kComplete && source.frames > 0)
      recorded.push_back({source.first_ns, source.last_ns});
  }
  for (const LiveRun& run : runs) {
    // Of a dead one, the second in which it may have died is there, too, with its hole.
    const TimeNs until_ns = run.state == LiveRun::State::kDead
                                ? saturating_add(run.complete_until_ns, kNsPerSecond)
                                : run.complete_until_ns;
    recorded.push_back({run.first_ns, std::max(run.first_ns, time_before(until_ns)), run.state});
  }
  std::ranges::sort(recorded, {}, &Recorded::first_ns);
  return recorded;
}

/// Without limits the window is all that was covered: to the end of what has ended, or to where the slowest
/// of the runs that go on is complete.
void limit_window(const std::vector<Recorded>& recorded, TimeWindow& window) {
  if (recorded.empty()) return;
  if (window.since_ns == TimeWindow::kUnlimitedSince) window.since_ns = recorded.front().first_ns;
  if (window.until_ns != TimeWindow::kUnlimitedUntil) return;
  TimeNs ended_ns = TimeWindow::kUnlimitedSince;
  TimeNs going_on_ns = TimeWindow::kUnlimitedUntil;
  for (const Recorded& interval : recorded) {
    if (interval.state == LiveRun::State::kRecording) {
      going_on_ns = std::min(going_on_ns, interval.last_ns);
    } else {
      ended_ns = std::max(ended_ns, interval.last_ns);
    }
  }
  const bool any_goes_on = going_on_ns != TimeWindow::kUnlimitedUntil;
  window.until_ns = time_after(any_goes_on ? std::max(ended_ns, going_on_ns) : ended_ns);
}

/// What is missing between what was recorded.
void add_gaps(const std::vector<Recorded>& recorded, Coverage& coverage) {
  const TimeWindow& window = coverage.window;
  TimeNs covered_until = window.since_ns;
  const auto add_gap = [&](TimeNs until) {
    if (covered_until < until)
      coverage.holes.push_back(
          {covered_until, time_before(until), HoleReason::kSensorDown, "nothing was recorded"});
  };
  for (const Recorded& interval : recorded) {
    const TimeNs last_ns = interval.goes_on() ? TimeWindow::kUnlimitedUntil : interval.last_ns;
    if (!window.touches(interval.first_ns, last_ns)) continue;
    add_gap(interval.first_ns);
    covered_until = std::max(covered_until, time_after(last_ns));
  }
  add_gap(window.until_ns);
}

/// What follows the end of runs that have none yet, up to now: the future is no hole while somebody records.
/// Within what is complete there is nothing to add.
void add_unfinished_runs(const std::vector<LiveRun>& runs, TimeNs now_ns, Coverage& coverage) {
  for (const LiveRun& run : runs) {
    Hole hole{std::max(run.complete_until_ns, coverage.window.since_ns),
              time_before(coverage.window.until_ns), HoleReason::kSensorDown,
              fmt::format("{}: the sensor has died", run.interface)};
    if (run.state == LiveRun::State::kRecording) {
      hole.last_ns = std::min(hole.last_ns, now_ns);
      hole.reason = HoleReason::kNotYetFlushed;
      hole.detail = fmt::format("{}: not on the disk yet", run.interface);
    }
    if (run.state != LiveRun::State::kEnded && hole.first_ns <= hole.last_ns) coverage.holes.push_back(hole);
  }
}

void add_import(const Source& source, bool packets, Coverage& coverage) {
  if (source.state == SourceState::kStarted) {
    coverage.holes.push_back({coverage.window.since_ns, time_before(coverage.window.until_ns),
                              HoleReason::kSensorDown,
                              fmt::format("the import of {} was interrupted or is running", source.path)});
    return;
  }
  // Without a frame nobody knows of what times the damaged part was.
  const bool touches =
      source.frames == 0 ? !source.damage.empty() : coverage.window.touches(source.first_ns, source.last_ns);
  if (!touches) return;
  if (!source.damage.empty()) {
    coverage.qualifications.push_back({QualificationKind::kSourceDamaged, 1, source.damage});
  }
  if (packets && !source.packets) {
    coverage.qualifications.push_back({QualificationKind::kNotStored, source.frames,
                                       fmt::format("{} was imported with --no-packets", source.path)});
  }
}

void add_sources(const std::vector<Source>& sources, bool packets, Coverage& coverage) {
  for (const Source& source : sources) {
    if (!source.live) add_import(source, packets, coverage);
    const bool goes_on = source.state == SourceState::kStarted;
    const bool touches =
        coverage.window.touches(source.first_ns, goes_on ? TimeWindow::kUnlimitedUntil : source.last_ns);
    if (source.live && packets && !source.packets && touches) {
      coverage.qualifications.push_back({QualificationKind::kNotStored, source.frames,
                                         fmt::format("of {} only sessions are stored", source.path)});
    }
  }
}

/// Imports that left something out on purpose: only their ledger tells how much within the window.
std::vector<storage::SegmentId> imports_with_policy(const std::vector<Source>& sources,
                                                    const TimeWindow& window) {
  std::vector<storage::SegmentId> ids;
  for (const Source& source : sources) {
    const bool has_frames = source.state == SourceState::kComplete && source.frames > 0;
    if (!source.live && !source.policy.empty() && has_frames &&
        window.touches(source.first_ns, source.last_ns))
      ids.push_back(source.id);
  }
  return ids;
}

void add_shortened(const Source& source, const ShortFrames& shortened, Coverage& coverage) {
  const auto add = [&](QualificationKind kind, std::int64_t count, std::string_view why) {
    if (count <= 0) return;
    coverage.qualifications.push_back(
        {kind, static_cast<std::uint64_t>(count), fmt::format("{}: {}", source.path, why), true});
  };
  coverage.told_by_ledger.push_back(source.id);
  if (source.packets) add(QualificationKind::kFiltered, shortened.filtered, source.policy);
  add(QualificationKind::kCut, shortened.cut, source.policy.empty() ? kTooLong : source.policy);
  add(QualificationKind::kCut, shortened.cut_overload, "payload of the largest flows, left out to keep up");
  add(QualificationKind::kCutAtSource, shortened.cut_at_source_bytes, kBeyondSnapLength);
}

}  // namespace

const char* qualification_name(QualificationKind kind) {
  switch (kind) {
    case QualificationKind::kCut:
      return "cut";
    case QualificationKind::kCutAtSource:
      return "cut_at_source";
    case QualificationKind::kSourceDamaged:
      return "source_damaged";
    case QualificationKind::kNotStored:
      return "not_stored";
    case QualificationKind::kFiltered:
      return "filtered";
  }
  return "unknown";
}

void Coverage::add_unreadable(const std::vector<UnreadableSegment>& segments) {
  for (const UnreadableSegment& segment : segments) {
    // Gone since the catalog was read, and not to be found under another name: evicted.
    const bool gone = segment.error.code == ErrorCode::kNotFound;
    Hole hole{segment.file.name.first_ns, segment.file.name.last_ns,
              gone ? HoleReason::kExpired : HoleReason::kCorrupt,
              gone ? kExpiredDetail : segment.error.context};
    if (segment.file.open) {  // its name does not tell its times
      hole.first_ns = window.since_ns;
      hole.last_ns = time_before(window.until_ns);
    }
    holes.push_back(std::move(hole));
  }
}

void Coverage::add_unreadable_files(const std::vector<storage::CatalogFile>& files,
                                    const std::vector<Error>& errors) {
  for (const Error& error : errors) {
    Hole hole{window.since_ns, time_before(window.until_ns), HoleReason::kCorrupt, error.context};
    if (error.code == ErrorCode::kNotFound) hole.reason = HoleReason::kExpired;
    const auto file = std::ranges::find_if(files, [&](const storage::CatalogFile& candidate) {
      return error.context.find(candidate.path) != std::string::npos;
    });
    if (file != files.end() && !file->open) {
      hole.first_ns = file->name.first_ns;
      hole.last_ns = file->name.last_ns;
    }
    holes.push_back(std::move(hole));
  }
}

void Coverage::add_plan(const Plan& plan) {
  add_unreadable(plan.unreadable);
  ShortSegments sum;
  for (const auto& [source, shortened] : plan.totals.shortened) {
    if (std::ranges::find(told_by_ledger, source) != told_by_ledger.end()) continue;
    sum.cut_frames += shortened.cut_frames;
    sum.missing_bytes += shortened.missing_bytes;
  }
  if (sum.cut_frames > 0) qualifications.push_back({QualificationKind::kCut, sum.cut_frames, kTooLong});
  if (sum.missing_bytes > 0)
    qualifications.push_back({QualificationKind::kCutAtSource, sum.missing_bytes, kBeyondSnapLength});
}

void Coverage::add_expired(const storage::Catalog& catalog, QuestionKind kind) {
  const bool packets = kind == QuestionKind::kPackets;
  for (const storage::CatalogFile& file : packets ? catalog.expired : catalog.expired_sessions) {
    if (!window.touches(file.name.first_ns, file.name.last_ns)) continue;
    holes.push_back({file.name.first_ns, file.name.last_ns, HoleReason::kExpired, kExpiredDetail});
  }
}

void Coverage::add_missing_volumes(const storage::Catalog& catalog) {
  for (const storage::StoreVolume& volume : catalog.missing_volumes) {
    const TimeNs last_ns = volume.out_since_ns > 0 ? volume.out_since_ns : time_before(window.until_ns);
    const Hole hole{std::max(window.since_ns, volume.added_at_ns),
                    std::min(last_ns, time_before(window.until_ns)), HoleReason::kVolumeMissing,
                    fmt::format("volume {} is not there", volume.path)};
    if (hole.first_ns <= hole.last_ns) holes.push_back(hole);
  }
}

void Coverage::add_damaged(const storage::Catalog& catalog) {
  for (const storage::CatalogFile& file : catalog.damaged) {
    if (!window.touches(file.name.first_ns, file.name.last_ns)) continue;
    holes.push_back({file.name.first_ns, file.name.last_ns, HoleReason::kCorrupt,
                     fmt::format("damaged, and set aside as {}", file.path)});
  }
}

void Coverage::add_scrubbed(const storage::ScrubState& scrub) {
  for (const storage::ScrubDamage& damage : scrub.damages) {
    const std::optional<storage::FinalName> name =
        storage::parse_final_name(damage.name, storage::kPacketSuffix);
    if (!damage.index || !name || !window.touches(name->first_ns, name->last_ns)) continue;
    holes.push_back({name->first_ns, name->last_ns, HoleReason::kCorrupt, damage.what});
  }
}

Coverage make_coverage(const std::vector<Source>& sources, const storage::Catalog& catalog,
                       const TimeWindow& window, QuestionKind kind, const StoreMoment& moment,
                       const std::optional<TimeWindow>& counted) {
  const bool packets = kind == QuestionKind::kPackets;
  const std::vector<LiveRun> runs = find_live_runs(sources, catalog, moment, kind);
  const std::vector<Recorded> recorded = find_recorded(sources, runs);
  Coverage coverage;
  coverage.window = window;
  limit_window(recorded, coverage.window);
  if (window.limited()) add_gaps(recorded, coverage);
  add_unfinished_runs(runs, moment.now_ns, coverage);
  add_sources(sources, packets, coverage);
  const std::vector<storage::SegmentId> imports =
      packets ? imports_with_policy(sources, coverage.window) : std::vector<storage::SegmentId>();
  LedgerCoverage ledger =
      read_ledger_coverage(runs, imports, catalog, coverage.window, counted.value_or(coverage.window));
  for (Hole& hole : ledger.holes) coverage.holes.push_back(std::move(hole));
  for (const Source& source : sources) {
    const auto its = std::ranges::find(ledger.shortened, source.id, &ShortFrames::source_id);
    if (packets && its != ledger.shortened.end()) add_shortened(source, *its, coverage);
  }
  coverage.add_expired(catalog, kind);
  if (packets) coverage.add_missing_volumes(catalog);
  coverage.add_damaged(catalog);
  merge_holes(coverage.holes);
  return coverage;
}

Result<Coverage> read_coverage(const storage::Store& store, const TimeWindow& window, QuestionKind kind) {
  const Result<StoreMoment> moment = StoreMoment::observe(store);
  if (!moment) return moment.error();
  const Result<std::vector<Source>> sources = storage::list_sources(store);
  if (!sources) return sources.error();
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store);
  if (!catalog) return catalog.error();
  Coverage coverage = make_coverage(*sources, *catalog, window, kind, *moment);
  const Result<storage::ScrubState> scrub = storage::load_scrub_state(store);
  if (scrub && kind == QuestionKind::kPackets) {
    coverage.add_scrubbed(*scrub);
    merge_holes(coverage.holes);
  }
  return coverage;
}

std::string format_coverage(const Coverage& coverage) {
  std::string text = fmt::format("coverage: {} to {}", format_rfc3339(coverage.window.since_ns),
                                 format_rfc3339(coverage.window.until_ns));
  text += coverage.complete() ? ", complete" : ", NOT complete";
  for (const Hole& hole : coverage.holes) {
    text += fmt::format("; hole {} to {}: {} ({})", format_rfc3339(hole.first_ns),
                        format_rfc3339(hole.last_ns), hole_reason_name(hole.reason), hole.detail);
  }
  for (const Qualification& qualification : coverage.qualifications) {
    text += fmt::format("; {}: {} ({})", qualification_name(qualification.kind), qualification.count,
                        qualification.detail);
  }
  return text;
}

std::string coverage_json(const Coverage& coverage) {
  JsonObject json;
  json.add_time("since", coverage.window.since_ns);
  json.add_time("until", coverage.window.until_ns);
  json.add("complete", coverage.complete());
  json.add("proof_of_absence", coverage.proof_of_absence());
  std::vector<std::string> holes;
  for (const Hole& hole : coverage.holes) {
    JsonObject item;
    item.add_time("first", hole.first_ns);
    item.add_time("last", hole.last_ns);
    item.add_text("reason", hole_reason_name(hole.reason));
    item.add_text("detail", hole.detail);
    holes.push_back(item.text());
  }
  json.add_array("holes", holes);
  std::vector<std::string> qualifications;
  for (const Qualification& qualification : coverage.qualifications) {
    JsonObject item;
    item.add_text("kind", qualification_name(qualification.kind));
    item.add("count", qualification.count);
    item.add_text("detail", qualification.detail);
    qualifications.push_back(item.text());
  }
  json.add_array("qualifications", qualifications);
  return json.text();
}

}  // namespace tapline::query
