// tapline-sensor: the recorder. Opens store and interfaces, runs a Recorder until a signal comes, and closes
// the books. The only thread that logs.

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>

#include "capture/base/size.hpp"
#include "sensor/crash_recovery.hpp"
#include "sensor/hold_watch.hpp"
#include "sensor/live_ports.hpp"
#include "sensor/log.hpp"
#include "sensor/recorder.hpp"
#include "sensor/sensor_options.hpp"
#include "sensor/store_scrub.hpp"
#include "storage/recovery.hpp"

namespace {

using namespace tapline;
using namespace tapline::sensor;

constexpr int kExitOk = 0;
constexpr int kExitError = 1;
constexpr int kExitUsage = 2;
constexpr int kExitIntegrity = 9;

// Less is a disk that others have filled.
constexpr std::uint64_t kDiskBytesMin = 64u << 20;
constexpr TimeNs kLookPeriodNs = 200 * kNsPerMillisecond;

/// fmt::print would end the process where nobody reads.
void print(std::FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

int fail(const Error& error) {
  print(stderr, fmt::format("tapline-sensor: {}\n", error.context));
  return error.code == ErrorCode::kInvalid ? kExitUsage : kExitError;
}

/// Signals that end the recording, kept from every thread so that wait_for_signal() gets them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // The terminal is gone. Under nohup(1) that is no reason to end; but a blocked signal is not ignored.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) != 0 || hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A log that nobody reads any more and a file as long as it may be must not end the recording.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  return signals;
}

/// True where one came.
bool wait_for_signal(const sigset_t& signals, TimeNs timeout_ns) {
  const timespec timeout{timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
  return sigtimedwait(&signals, nullptr, &timeout) > 0;
}

/// A share of next to nothing would record nothing, and never say so.
Status check_room(const storage::Store& store, const storage::Ring& planned, unsigned percent) {
  const std::uint64_t bytes = planned.budget_bytes() / percent * 100;
  if (bytes >= kDiskBytesMin) return {};
  return Error{ErrorCode::kLimit, fmt::format("{}: its disk has {} free: make room, or name a --budget",
                                              store.path(), format_size(bytes))};
}

Status add_volumes(const storage::Store& store, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    const Result<storage::StoreVolume> volume = storage::add_volume(store, directory);
    if (!volume) return volume.error();
  }
  return {};
}

/// What the last run left behind, where it was killed.
Status recover(const storage::Store& store, const RecorderConfig& recorder) {
  const auto recovered = storage::recover_store(store);
  if (!recovered) return recovered.error();
  for (const storage::RecoveredFile& file : *recovered) log_warning(storage::describe(file));
  CrashRecoveryConfig config;
  config.flows_max = recorder.flows_max;
  config.count_copies = recorder.count_copies;
  const Result<std::vector<CrashReport>> runs = recover_runs(store, config);
  if (!runs) return runs.error();
  for (const CrashReport& run : *runs) {
    log_warning(fmt::format(
        "the last recording of {} did not end in order: accounted for up to {}, {} session records written, "
        "{} frames lost",
        run.interface, format_rfc3339(run.last_ns), run.sessions.records_written, run.ledger.frames_lost));
    for (const Error& problem : run.problems) log_warning(problem.context);
  }
  return {};
}

/// What was saved on to keep up since the last report, if anything.
std::string describe_backlog(const RecorderView& now, const RecorderView& before) {
  const std::uint64_t lowered = now.blocks_lowered - before.blocks_lowered;
  const std::uint64_t hurried = now.blocks_hurried - before.blocks_hurried;
  const std::uint64_t shed = now.frames_shed - before.frames_shed;
  if (lowered + hurried + shed == 0) return "";
  return fmt::format(
      "; the disk or the compressor is behind: {} blocks compressed less, {} not at all, payload of {} "
      "frames "
      "left out",
      lowered, hurried, shed);
}

void report(const RecorderView& now, const RecorderView& before, TimeNs period_ns) {
  const double seconds = static_cast<double>(period_ns) / static_cast<double>(kNsPerSecond);
  const auto rate = [&](std::uint64_t later, std::uint64_t earlier) {
    return static_cast<double>(later - earlier) / seconds;
  };
  log_info(fmt::format(
      "{:.0f} frames/s, {}/s, {} sessions; {} frames in all, {} lost by the device{}",
      rate(now.polled_frames, before.polled_frames),
      format_size(static_cast<std::uint64_t>(rate(now.polled_wire_bytes, before.polled_wire_bytes))),
      now.flows_active, now.polled_frames, now.device_dropped_frames, describe_backlog(now, before)));
  if (now.flows_evicted > before.flows_evicted)
    log_warning(
        fmt::format("{} sessions were ended early, because the flow table was full: raise --flows-max",
                    now.flows_evicted - before.flows_evicted));
  if (now.attempts_given_up > before.attempts_given_up)
    log_warning(fmt::format(
        "the flow table is full of attempts: {} of one or two frames have no session record (their "
        "packets are treated like any): find out who floods, or raise --flows-max",
        now.attempts_given_up - before.attempts_given_up));
  if (now.interim_slab_exhausted > before.interim_slab_exhausted)
    log_warning(
        fmt::format("{} interim records of long sessions were left out, for want of room: raise --flows-max",
                    now.interim_slab_exhausted - before.interim_slab_exhausted));
  if (now.tcp_slab_exhausted > before.tcp_slab_exhausted)
    log_warning(fmt::format("{} TCP sessions have no state and history, for want of room: raise --flows-max",
                            now.tcp_slab_exhausted - before.tcp_slab_exhausted));
}

/// What goes on beside the recording; null: was not wanted.
struct Beside {
  storage::HeldSegments held;
  std::unique_ptr<HoldWatch> holds;
  std::unique_ptr<StoreScrub> scrub;
};

void log_notices(Recorder& recorder, Beside& beside) {
  for (const SourceNotice& notice : recorder.take_notices())
    notice.warning ? log_warning(notice.text) : log_info(notice.text);
  for (const std::string& notice : beside.holds->take_notices()) log_info(notice);
  if (beside.scrub == nullptr) return;
  for (const std::string& notice : beside.scrub->take_notices()) log_warning(notice);
}

/// Until a signal comes, the time is over, or something has failed.
void watch(Recorder& recorder, Beside& beside, const SensorOptions& options, const sigset_t& signals) {
  const TimeNs begun_ns = steady_clock_ns();
  TimeNs reported_ns = begun_ns;
  RecorderView before = recorder.view();
  for (;;) {
    const bool signalled = wait_for_signal(signals, kLookPeriodNs);
    const TimeNs now_ns = steady_clock_ns();
    log_notices(recorder, beside);
    if (options.report_ns > 0 && now_ns - reported_ns >= options.report_ns) {
      const RecorderView now = recorder.view();
      report(now, before, now_ns - reported_ns);
      before = now;
      reported_ns = now_ns;
    }
    if (signalled) return log_info("stopping: a signal came");
    if (options.run_ns > 0 && now_ns - begun_ns >= options.run_ns)
      return log_info("stopping: the time is over");
    if (recorder.has_failed()) return log_error("stopping: a worker has ended, or records cannot be written");
  }
}

/// All three books, as the log's last lines.
Status report_books(const Recorder& recorder) {
  const storage::LedgerTotals& totals = recorder.totals();
  const storage::LedgerCounts& counts = totals.counts();
  const RecorderView view = recorder.view();
  const storage::SegmentWriterCounters segments = recorder.segment_counters();
  log_info(fmt::format("received {} frames by the device's count, which lost {}; polled {}",
                       view.device_received_frames, view.device_dropped_frames, view.polled_frames));
  log_info(fmt::format(
      "of them {} stored whole, {} cut, {} filtered, {} dropped; with {} packets in tunnels {} in sessions, "
      "{} without, {} duplicates, {} in attempts given up",
      counts[storage::kFrameStoredWhole], counts[storage::kFrameStoredCut], counts[storage::kFrameFiltered],
      totals.dropped_frames(), counts[storage::kPacketInner], counts[storage::kFrameInSession],
      totals.no_session_frames(), counts[storage::kFrameDuplicate], counts[storage::kFrameInAttempt]));
  log_info(fmt::format("{} in {} segments, index {}; {} segments dropped by the ring",
                       format_size(segments.stored_bytes), segments.segments_published,
                       format_size(segments.index_bytes), recorder.ring().segments_evicted()));
  TAPLINE_TRY(totals.check());
  if (const auto booked = static_cast<std::uint64_t>(counts[storage::kFramePolled]);
      booked != view.polled_frames) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("book 1: {} frames polled, but {} in the ledger", view.polled_frames, booked)};
  }
  if (view.device_received_frames == view.polled_frames) return {};
  return Error{ErrorCode::kCorrupt, fmt::format("book 2: {} frames received, but {} polled",
                                                view.device_received_frames, view.polled_frames)};
}

int record(const storage::Store& store, SensorOptions options, const sigset_t& signals) {
  const storage::RingLimits& limits = options.recorder.limits;
  storage::Ring planned(store, limits);  // for its budget; the recorder's own asks the holds
  if (const Status listed = planned.load(); !listed) return fail(listed.error());
  if (limits.percent > 0) {
    if (const Status room = check_room(store, planned, limits.percent); !room) return fail(room.error());
  }
  Result<std::vector<LivePort>> ports = open_ports(options);
  if (!ports) return fail(ports.error());
  Beside beside;  // outlives the recorder, whose ring asks the holds
  const std::uint64_t hold_quota = options.hold_quota_bytes != 0
                                       ? options.hold_quota_bytes
                                       : planned.budget_bytes() / 100 * options.hold_quota_percent;
  Result<std::unique_ptr<HoldWatch>> holds = HoldWatch::start(store, beside.held, hold_quota);
  if (!holds) return fail(holds.error());
  beside.holds = std::move(*holds);
  options.recorder.held = &beside.held;
  Result<std::unique_ptr<Recorder>> recorder = Recorder::start(store, options.recorder, std::move(*ports));
  if (!recorder) return fail(recorder.error());
  for (const storage::Source& account : (*recorder)->accounts())
    log_info(fmt::format("recording {} into {}, budget {}, {} workers", account.path, store.path(),
                         format_size((*recorder)->ring().budget_bytes()), account.workers));
  if (options.scrub_bytes_per_second > 0) {
    storage::ScrubConfig scrub;
    scrub.bytes_per_second = options.scrub_bytes_per_second;
    Result<std::unique_ptr<StoreScrub>> started = StoreScrub::start(store, scrub);
    if (!started) log_warning(started.error().context);
    if (started) beside.scrub = std::move(*started);
  }
  watch(**recorder, beside, options, signals);
  const Status stopped = (*recorder)->stop();
  log_notices(**recorder, beside);
  const Status books = report_books(**recorder);
  if (!stopped) log_error(stopped.error().context);
  if (!books) log_error(books.error().context);
  if (!stopped) return kExitError;
  return books ? kExitOk : kExitIntegrity;
}

}  // namespace

int main(int argc, char** argv) {
  SensorOptions options;
  const Result<std::string> help = parse_options({argv + 1, argv + argc}, options);
  if (!help) return fail(help.error());
  if (!help->empty()) {
    print(stdout, *help);
    return kExitOk;
  }
  const sigset_t signals = block_signals();
  const Result<storage::Store> store = storage::Store::open_or_create(options.store, options.sensor_name);
  if (!store) return fail(store.error());
  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(*store);
  if (!lock) return fail(lock.error());
  if (const Status added = add_volumes(*store, options.volumes); !added) return fail(added.error());
  if (const Status recovered = recover(*store, options.recorder); !recovered) return fail(recovered.error());
  return record(*store, options, signals);
}
