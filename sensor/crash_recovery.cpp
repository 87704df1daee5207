#include "sensor/crash_recovery.hpp"

#include <algorithm>
#include <map>

#include "capture/base/time_window.hpp"
#include "capture/packet/checksum.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/packet_layers.hpp"
#include "sensor/run_files.hpp"
#include "storage/query/frame_merge.hpp"

namespace tapline::sensor {
namespace {

/// Which frames the sensor cut. Blocks say how many of theirs were; a frame that is shorter than it was on
/// the wire may have been cut at the source, too, so the first ones are taken.
class CutFrames {
 public:
  bool is_cut(const Frame& frame, const storage::BlockHeader& block) {
    if (block.cut_frames == 0 || frame.captured_bytes >= frame.wire_bytes) return false;
    Left& left = left_[{block.segment_tag, block.lane}];
    if (left.file_offset != block.file_offset) left = {block.file_offset, block.cut_frames};
    if (left.frames == 0) return false;
    --left.frames;
    return true;
  }

 private:
  struct Left {
    std::uint64_t file_offset = 0;
    std::uint32_t frames = 0;
  };
  std::map<std::pair<std::uint64_t, std::uint16_t>, Left> left_;  // by segment and lane
};

/// The recovery of one worker of a run.
class WorkerRecovery {
 public:
  WorkerRecovery(const RunFiles& files, const flowgen::FlowTableConfig& table, const storage::Store& store,
                 CrashReport& report)
      : files_(files),
        sessions_(table, files.row_files(store.sessions_directory())),
        ledger_(files.row_files(store.ledger_directory())),
        report_(report) {}

  Status run() {
    TAPLINE_TRY(sessions_.load(files_.sessions(report_.problems), report_.problems));
    ledger_.load(files_.ledgers(report_.problems), sessions_.replay_since_ns(), ledger_not_before_ns(),
                 report_.problems);
    complete_until_ns_ = std::max(sessions_.complete_until_ns(), ledger_.complete_until_ns());
    TAPLINE_TRY(replay());
    TAPLINE_TRY(sessions_.finish());
    return ledger_.finish();
  }

  /// Order time before which every frame received is on the disk, as its files said before the crash.
  TimeNs complete_until_ns() const { return complete_until_ns_; }
  const SessionRecovery& sessions() const { return sessions_; }
  const LedgerRecovery& ledger() const { return ledger_; }

 private:
  /// What the ring has dropped is not lost in the crash.
  TimeNs ledger_not_before_ns() const {
    const std::optional<TimeNs> expired_ns = files_.expired_until_ns();
    return expired_ns ? saturating_add(*expired_ns, kNsPerSecond) : TimeWindow::kUnlimitedSince;
  }

  Status replay() {
    const TimeNs sessions_since_ns = sessions_.replay_since_ns();
    const TimeNs since_ns = std::min(sessions_since_ns, ledger_.recount_since_ns());
    query::FrameMerge merge(files_.segments(since_ns, report_.problems),
                            [since_ns](const Frame& frame) { return frame.order.time_ns >= since_ns; });
    CutFrames cut_frames;
    PacketMeta meta;
    LayeredBurst packets;
    while (const Frame* frame = merge.next()) {
      decode(*frame, meta);
      verify_checksums({&*frame, 1}, {&meta, 1});
      packets.clear();
      packets.add(*frame, meta);
      const bool cut = cut_frames.is_cut(*frame, merge.block_header());
      ledger_.recount(*frame, packets.metas(), cut);
      if (frame->order.time_ns >= sessions_since_ns) TAPLINE_TRY(sessions_.replay(packets, cut));
      ++report_.frames_replayed;
    }
    report_.bytes_read += merge.bytes_read();
    for (const query::UnreadableSegment& block : merge.unreadable()) {
      report_.problems.push_back(block.error);
      // Order times may be a little later than capture times.
      ledger_.leave_out(block.file.name.first_ns, saturating_add(block.file.name.last_ns, kNsPerSecond));
    }
    return {};
  }

  const RunFiles& files_;
  SessionRecovery sessions_;
  LedgerRecovery ledger_;
  CrashReport& report_;
  TimeNs complete_until_ns_ = TimeWindow::kUnlimitedSince;
};

void add_counters(const WorkerRecovery& worker, CrashReport& report) {
  const SessionRecoveryCounters& sessions = worker.sessions().counters();
  report.sessions.frames_counted += sessions.frames_counted;
  report.sessions.records_written += sessions.records_written;
  report.sessions.sessions_continued += sessions.sessions_continued;
  report.sessions.sessions_ended += sessions.sessions_ended;
  report.sessions.sessions_new += sessions.sessions_new;
  const LedgerRecoveryCounters& ledger = worker.ledger().counters();
  report.ledger.rows_written += ledger.rows_written;
  report.ledger.frames_added += ledger.frames_added;
  report.ledger.frames_lost += ledger.frames_lost;
}

Result<flowgen::FlowTableConfig> make_table_config(const storage::Store& store,
                                                   const CrashRecoveryConfig& config,
                                                   const storage::Source& source, std::uint16_t worker) {
  flowgen::FlowTableConfig table;
  table.flows_max = config.flows_max;
  table.count_copies = config.count_copies;
  table.timeouts = config.timeouts;
  table.sensor_id = store.sensor_id();
  table.worker = worker;
  table.link = source.port;
  const Result<std::uint64_t> seed = flowgen::random_hash_seed();
  if (!seed) return seed.error();
  table.hash_seed = *seed;
  return table;
}

Result<CrashReport> recover_run(const storage::Store& store, const storage::Catalog& catalog,
                                storage::Source source, const CrashRecoveryConfig& config) {
  CrashReport report;
  report.id = source.id;
  report.interface = source.path;
  TimeNs complete_until_ns = TimeWindow::kUnlimitedUntil;
  storage::LedgerCounts counts;
  for (std::uint32_t worker = 0; worker < source.workers; ++worker) {
    const auto number = static_cast<std::uint16_t>(worker);
    const Result<flowgen::FlowTableConfig> table = make_table_config(store, config, source, number);
    if (!table) return table.error();
    const RunFiles files(store, catalog, source, number);
    WorkerRecovery recovery(files, *table, store, report);
    TAPLINE_TRY(recovery.run());
    complete_until_ns = std::min(complete_until_ns, recovery.complete_until_ns());
    add_counters(recovery, report);
    const storage::LedgerTotals& totals = recovery.ledger().totals();
    if (const Status books = totals.check(); !books) report.problems.push_back(books.error());
    counts.add(totals.counts());
  }
  report.last_ns = std::max(source.first_ns, time_before(complete_until_ns));
  source.frames = static_cast<std::uint64_t>(counts[storage::kFramePolled]);
  source.captured_bytes = static_cast<std::uint64_t>(counts[storage::kFramePolledCapturedBytes]);
  source.wire_bytes = static_cast<std::uint64_t>(counts[storage::kFramePolledWireBytes]);
  source.last_ns = report.last_ns;
  source.finished_at_ns = wall_clock_ns();
  source.state = storage::SourceState::kCrashed;
  TAPLINE_TRY(storage::save_source(store, source));
  return report;
}

}  // namespace

Result<std::vector<CrashReport>> recover_runs(const storage::Store& store,
                                              const CrashRecoveryConfig& config) {
  const Result<std::vector<storage::Source>> sources = storage::list_sources(store);
  if (!sources) return sources.error();
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store);
  if (!catalog) return catalog.error();
  std::vector<CrashReport> reports;
  for (const storage::Source& source : *sources) {
    if (!source.live || source.state != storage::SourceState::kStarted) continue;
    Result<CrashReport> report = recover_run(store, *catalog, source, config);
    if (!report) return report.error();
    reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace tapline::sensor
