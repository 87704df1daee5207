#include "storage/query/coverage.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "storage/query/json_text.hpp"

namespace tapline::query {
namespace {

using storage::Source;
using storage::SourceState;

/// What was recorded and what is missing in between; only a window with limits has gaps: without them the
/// window is all that was covered.
void add_gaps(std::vector<std::pair<TimeNs, TimeNs>> recorded, bool limited, Coverage& coverage) {
  TimeWindow& window = coverage.window;
  std::ranges::sort(recorded);
  if (!recorded.empty()) {
    TimeNs last = recorded.front().second;
    for (const auto& interval : recorded) last = std::max(last, interval.second);
    const bool open_since = window.since_ns == TimeWindow::kUnlimitedSince;
    const bool open_until = window.until_ns == TimeWindow::kUnlimitedUntil;
    if (open_since) window.since_ns = recorded.front().first;
    if (open_until) window.until_ns = time_after(last);
  }
  if (!limited) return;
  TimeNs covered_until = window.since_ns;
  const auto add_gap = [&](TimeNs until) {
    if (covered_until < until)
      coverage.holes.push_back(
          {covered_until, time_before(until), HoleReason::kSensorDown, "nothing was recorded"});
  };
  for (const auto& [first, last] : recorded) {
    if (!window.touches(first, last)) continue;
    add_gap(first);
    covered_until = std::max(covered_until, time_after(last));
  }
  add_gap(window.until_ns);
}

void add_sources(const std::vector<Source>& sources, bool packets, Coverage& coverage) {
  for (const Source& source : sources) {
    if (source.state == SourceState::kStarted) {
      coverage.holes.push_back({coverage.window.since_ns, time_before(coverage.window.until_ns),
                                HoleReason::kSensorDown,
                                fmt::format("the import of {} was interrupted or is running", source.path)});
      continue;
    }
    // Without a frame nobody knows of what times the damaged part was.
    const bool touches = source.frames == 0 ? !source.damage.empty()
                                            : coverage.window.touches(source.first_ns, source.last_ns);
    if (!touches) continue;
    if (!source.damage.empty()) {
      coverage.qualifications.push_back({QualificationKind::kSourceDamaged, 1, source.damage});
    }
    if (packets && !source.packets) {
      coverage.qualifications.push_back({QualificationKind::kNotStored, source.frames,
                                         fmt::format("{} was imported with --no-packets", source.path)});
    }
  }
}

}  // namespace

const char* hole_reason_name(HoleReason reason) {
  switch (reason) {
    case HoleReason::kExpired:
      return "expired";
    case HoleReason::kSensorDown:
      return "sensor_down";
    case HoleReason::kCorrupt:
      return "corrupt";
  }
  return "unknown";
}

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
  }
  return "unknown";
}

void Coverage::add_unreadable(const std::vector<UnreadableSegment>& segments) {
  for (const UnreadableSegment& segment : segments) {
    // A segment that has gone since the catalog was read was evicted or published under its final name.
    const bool gone = segment.error.code == ErrorCode::kNotFound;
    Hole hole{segment.file.name.first_ns, segment.file.name.last_ns,
              gone ? HoleReason::kExpired : HoleReason::kCorrupt, segment.error.context};
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
  const PlanTotals& totals = plan.totals;
  if (totals.cut_frames > 0) {
    qualifications.push_back({QualificationKind::kCut, totals.cut_frames, "frames longer than 262144 bytes"});
  }
  if (totals.wire_bytes > totals.captured_bytes) {
    qualifications.push_back({QualificationKind::kCutAtSource, totals.wire_bytes - totals.captured_bytes,
                              "bytes beyond the source's snap length"});
  }
}

Coverage make_coverage(const std::vector<Source>& sources, const storage::Catalog& catalog,
                       const TimeWindow& window, bool packets) {
  Coverage coverage;
  coverage.window = window;
  std::vector<std::pair<TimeNs, TimeNs>> recorded;
  for (const Source& source : sources) {
    if (source.state == SourceState::kComplete && source.frames > 0) {
      recorded.emplace_back(source.first_ns, source.last_ns);
    }
  }
  add_gaps(std::move(recorded), window.limited(), coverage);
  add_sources(sources, packets, coverage);
  if (packets) {
    for (const storage::CatalogFile& segment : catalog.expired) {
      if (!coverage.window.touches(segment.name.first_ns, segment.name.last_ns)) continue;
      coverage.holes.push_back({segment.name.first_ns, segment.name.last_ns, HoleReason::kExpired,
                                "the ring has dropped a segment to stay within its budget"});
    }
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
