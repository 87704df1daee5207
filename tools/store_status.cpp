#include "tools/store_status.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "capture/base/file.hpp"
#include "capture/base/time_window.hpp"
#include "storage/hold_folder.hpp"
#include "storage/ledger_file.hpp"
#include "storage/query/session_visit.hpp"
#include "storage/session_file_reader.hpp"
#include "storage/text_record.hpp"

namespace tapline::tools {
namespace {

using storage::CatalogFile;
using storage::SourceState;

void count_files(const std::vector<CatalogFile>& files, FilesStatus& status) {
  for (const CatalogFile& file : files) {
    ++status.files;
    if (file.open) ++status.open_files;
    status.file_bytes += file.file_bytes;
  }
}

Status add_segment(const CatalogFile& file, PacketsStatus& packets) {
  const Result<storage::ContainerReader> segment = storage::open_listed(file.path);
  if (!segment) return segment.error();
  const storage::FooterHeader& footer = segment->footer();
  if (footer.frames == 0) return {};
  packets.first_ns = packets.frames == 0 ? footer.first_ns : std::min(packets.first_ns, footer.first_ns);
  packets.last_ns = packets.frames == 0 ? footer.last_ns : std::max(packets.last_ns, footer.last_ns);
  packets.frames += footer.frames;
  packets.captured_bytes += footer.captured_bytes;
  return {};
}

void read_packets(const storage::Catalog& catalog, StoreStatus& status) {
  PacketsStatus& packets = status.packets;
  count_files(catalog.segments, packets.segments);
  packets.expired_segments = catalog.expired.size();
  for (const CatalogFile& file : catalog.segments) {
    const Status added = add_segment(file, packets);
    if (!added && added.error().code == ErrorCode::kNotFound) {  // since it was listed
      ++packets.expired_segments;
      continue;
    }
    if (!added) status.unreadable.push_back(added.error());
    if (file.open) continue;
    std::error_code missing;
    const std::uintmax_t bytes = std::filesystem::file_size(storage::index_path_of(file.path), missing);
    if (missing) {
      ++packets.indexes_missing;
    } else {
      packets.index_bytes += bytes;
    }
  }
}

Status count_records(const CatalogFile& file, SessionsStatus& sessions) {
  const Result<storage::ContainerReader> reader = storage::open_listed(file.path);
  if (!reader) return reader.error();
  sessions.records += reader->footer().frames;
  return {};
}

/// Counts what footers do not tell.
void read_records(const storage::Catalog& catalog, StoreStatus& status) {
  SessionsStatus::Deep deep;
  query::visit_records(catalog, {}, status.unreadable, [&](const SessionRecord& record) {
    if (record.final()) ++deep.final_records;
    deep.packets += record.a_to_b.total.packets - record.a_to_b.previous.packets +
                    record.b_to_a.total.packets - record.b_to_a.previous.packets;
    deep.duplicate_packets +=
        record.a_to_b.total.duplicate_packets - record.a_to_b.previous.duplicate_packets +
        record.b_to_a.total.duplicate_packets - record.b_to_a.previous.duplicate_packets;
    return true;
  });
  status.sessions.deep = deep;
}

/// The newest groups of a file first.
Status survey_file(const CatalogFile& file, TapSurvey& tap) {
  Result<storage::SessionFileReader> reader = storage::SessionFileReader::open(file.path);
  if (!reader) return reader.error();
  constexpr std::uint8_t kFields =
      storage::kFieldsKey | storage::kFieldsTimes | storage::kFieldsCounters | storage::kFieldsDetails;
  storage::SessionRowReader rows;
  for (std::size_t left = reader->groups().size(); left > 0 && tap.sessions() < TapSurvey::kSessionsMax;) {
    TAPLINE_TRY(reader->read_group(static_cast<std::uint32_t>(--left), kFields, rows));
    for (;;) {
      const Result<std::span<const SessionRecord>> batch = rows.next();
      if (!batch) return batch.error();
      if (batch->empty()) break;
      for (const SessionRecord& record : *batch) tap.add(record);
    }
  }
  return {};
}

/// Files that cannot be read are reported by those who read all of them.
void survey_sessions(const storage::Catalog& catalog, TapSurvey& tap) {
  for (auto file = catalog.sessions.rbegin(); file != catalog.sessions.rend(); ++file) {
    if (tap.sessions() >= TapSurvey::kSessionsMax) return;
    (void)survey_file(*file, tap);
  }
}

void read_sessions(const storage::Catalog& catalog, bool deep, StoreStatus& status) {
  count_files(catalog.sessions, status.sessions.files);
  for (const CatalogFile& file : catalog.sessions) {
    const Status counted = count_records(file, status.sessions);
    if (!counted && !deep) status.unreadable.push_back(counted.error());
  }
  if (deep) read_records(catalog, status);
  survey_sessions(catalog, status.tap);
}

Status add_ledger(const std::string& path, StoreStatus& status) {
  Result<storage::LedgerFileReader> file = storage::LedgerFileReader::open(path);
  if (!file) return file.error();
  storage::SegmentId source;
  std::ranges::copy(file->container().header().source_id, source.begin());
  const auto live = status.live.find(source);
  while (true) {
    const Result<std::span<const storage::LedgerRow>> rows = file->next();
    if (!rows) return rows.error();
    if (rows->empty()) return {};
    for (const storage::LedgerRow& row : *rows) {
      status.ledger.add(row);
      status.tap.add(row);
      if (live != status.live.end()) live->second.add(row);
    }
  }
}

void read_ledger(const storage::Catalog& catalog, StoreStatus& status) {
  for (const storage::Source& source : status.sources) {
    if (source.live) status.live[source.id] = {};
  }
  count_files(catalog.ledgers, status.ledger_files);
  for (const CatalogFile& file : catalog.ledgers) {
    if (Status added = add_ledger(file.path, status); !added) status.unreadable.push_back(added.error());
  }
  status.ledger_books = status.ledger.check();
}

/// Length of the union of the closed intervals that sources which have ended cover.
TimeNs covered_ns(const std::vector<storage::Source>& sources) {
  std::vector<std::pair<TimeNs, TimeNs>> intervals;
  for (const storage::Source& source : sources) {
    const bool ended = source.live ? source.state != SourceState::kStarted
                                   : source.state == SourceState::kComplete && source.frames > 0;
    if (ended) {
      intervals.emplace_back(source.first_ns, source.last_ns);
    }
  }
  std::ranges::sort(intervals);
  TimeNs covered = 0;
  TimeNs until = TimeWindow::kUnlimitedSince;
  for (const auto& [first, last] : intervals) {
    if (last <= until) continue;
    covered = saturating_add(covered, saturating_add(last, -std::max(first, until)));
    until = last;
  }
  return covered;
}

std::uint64_t counter(const StoreStatus& status, storage::LedgerCounter counter) {
  return static_cast<std::uint64_t>(status.ledger.counts()[counter]);
}

void check_books(StoreStatus& status) {
  std::uint64_t source_frames = 0;
  bool all_complete = true;
  bool any_crashed = false;
  for (const storage::Source& source : status.sources) {
    source_frames += source.frames;
    all_complete = all_complete && source.state != SourceState::kStarted;
    any_crashed = any_crashed || source.state == SourceState::kCrashed;
  }
  std::string unsettled;
  if (!all_complete) unsettled = "an import is running or was interrupted";
  if (status.writer_active) unsettled = "the store is being written";
  // A crash loses frames that were counted in sessions, and records of frames that are stored are made anew.
  const std::string sessions_unsettled = unsettled.empty() && any_crashed ? "a run has crashed" : unsettled;
  const std::string expired = status.packets.expired_segments > 0 ? "segments have expired" : "";
  status.checks = {
      {"frames of the sources = frames polled", source_frames, counter(status, storage::kFramePolled),
       unsettled},
      {"frames in segments = frames stored", status.packets.frames,
       counter(status, storage::kFrameStoredWhole) + counter(status, storage::kFrameStoredCut),
       unsettled.empty() ? expired : unsettled},
      {"packets of session records = frames in sessions",
       status.sessions.deep ? status.sessions.deep->packets : 0, counter(status, storage::kFrameInSession),
       status.sessions.deep ? sessions_unsettled : "needs --deep"},
      {"copies in session records = duplicate frames",
       status.sessions.deep ? status.sessions.deep->duplicate_packets : 0,
       counter(status, storage::kFrameDuplicate), status.sessions.deep ? sessions_unsettled : "needs --deep"},
  };
}

Status read_holds(const storage::Store& store, const storage::Catalog& catalog, StoreStatus& status) {
  std::vector<storage::UnreadableHold> unreadable;
  const Result<std::vector<storage::Hold>> holds = storage::list_holds(store, unreadable);
  if (!holds) return holds.error();
  for (const storage::UnreadableHold& one : unreadable) status.unreadable.push_back(one.error);
  std::set<std::uint64_t> held;
  for (const storage::Hold& hold : *holds) {
    if (hold.state != storage::HoldState::kHeld) continue;
    ++status.holds.in_force;
    const Result<std::vector<std::uint64_t>> segments = storage::load_held_segments(store, hold.request.id);
    if (!segments) return segments.error();
    held.insert(segments->begin(), segments->end());
  }
  for (const CatalogFile& file : catalog.segments) {
    if (!held.contains(file.name.id_high)) continue;
    ++status.holds.segments;
    status.holds.bytes += file.file_bytes;
  }
  const Result<std::vector<storage::HoldRequest>> requests = storage::list_requests(store);
  if (!requests) return requests.error();
  status.holds.pending = requests->size();
  return {};
}

/// Damage of files that have expired since is none any more.
void read_scrub(const storage::Store& store, const storage::Catalog& catalog, StoreStatus& status) {
  Result<storage::ScrubState> scrub = storage::load_scrub_state(store);
  if (!scrub && scrub.error().code == ErrorCode::kNotFound) return;
  if (!scrub) return status.unreadable.push_back(scrub.error());
  std::set<std::string> names;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const CatalogFile& file : *files) names.insert(std::filesystem::path(file.path).filename().string());
  }
  std::erase_if(scrub->damages,
                [&](const storage::ScrubDamage& damage) { return !names.contains(damage.name); });
  status.scrub = std::move(*scrub);
}

}  // namespace

void LiveStatus::add(const storage::LedgerRow& row) {
  totals.add(row);
  if (row.device_measured) {
    std::uint64_t& dropped = device_dropped_frames[row.worker];
    dropped = std::max(dropped, row.device_dropped_frames);
  }
  newest_second = any_row ? std::max(newest_second, row.second) : row.second;
  any_row = true;
  if (row.second <= newest_second - kRateSeconds) return;
  Polled& polled = newest_seconds[row.second];
  polled.frames += row.counts[storage::kFramePolled];
  polled.wire_bytes += row.counts[storage::kFramePolledWireBytes];
  newest_seconds.erase(newest_seconds.begin(), newest_seconds.upper_bound(newest_second - kRateSeconds));
}

std::uint64_t LiveStatus::device_dropped() const {
  std::uint64_t sum = 0;
  for (const auto& [worker, frames] : device_dropped_frames) sum += frames;
  return sum;
}

double LiveStatus::frames_per_second() const {
  double frames = 0;
  for (const auto& [second, polled] : newest_seconds) frames += static_cast<double>(polled.frames);
  return frames / kRateSeconds;
}

double LiveStatus::wire_bytes_per_second() const {
  double bytes = 0;
  for (const auto& [second, polled] : newest_seconds) bytes += static_cast<double>(polled.wire_bytes);
  return bytes / kRateSeconds;
}

bool StoreStatus::intact() const {
  const bool scrubbed_well = !scrub || (scrub->damages.empty() && scrub->damages_unnamed == 0);
  return unreadable.empty() && scrubbed_well && ledger_books.ok() &&
         std::ranges::all_of(checks, &BookCheck::closes);
}

Result<StoreStatus> read_status(const storage::Store& store, bool deep) {
  StoreStatus status;
  status.path = store.path();
  status.sensor = store.sensor_name();
  const Result<storage::TextRecord> marker = storage::TextRecord::load(store.path() + "/tapline-store");
  if (!marker) return marker.error();
  const Result<std::uint64_t> format = marker->number("format");
  if (!format) return format.error();
  status.format = *format;
  const Result<std::optional<std::string>> writer = storage::find_writer(store);
  if (!writer) return writer.error();
  status.writer_active = writer->has_value();
  status.writer_pid = writer->value_or("");
  Result<std::vector<storage::Source>> sources = storage::list_sources(store);
  if (!sources) return sources.error();
  status.sources = std::move(*sources);
  std::ranges::sort(status.sources, {}, &storage::Source::started_at_ns);
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store);
  if (!catalog) return catalog.error();
  read_packets(*catalog, status);
  read_sessions(*catalog, deep, status);
  read_ledger(*catalog, status);
  read_scrub(store, *catalog, status);
  if (const Status holds = read_holds(store, *catalog, status); !holds)
    status.unreadable.push_back(holds.error());
  check_books(status);
  status.covered_ns = covered_ns(status.sources);
  return status;
}

}  // namespace tapline::tools
