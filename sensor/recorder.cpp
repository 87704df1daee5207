#include "sensor/recorder.hpp"

#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace tapline::sensor {
namespace {

// What a writer without work waits: at 10 Gbit/s 25 blocks come in the meantime.
constexpr std::chrono::milliseconds kWriterWait{5};
// How late a frame may come to be counted in time: what a ring of the kernel holds back, and then some.
// Decides, with the tick of the timers, how soon a new session shows.
constexpr TimeNs kLiveGraceNs = 100 * kNsPerMillisecond;
// An open segment's index is published in steps of so many bytes.
constexpr std::uint64_t kIndexStepBytes = 64u << 20;

void name_thread(std::thread& thread, const std::string& name) {
  ::pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
}

/// False where the machine has no such processor, or we may not use it.
bool pin_thread(std::thread& thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return ::pthread_setaffinity_np(thread.native_handle(), sizeof set, &set) == 0;
}

}  // namespace

struct Recorder::Line {
  std::size_t port;
  std::size_t writer;  // of writers_
  std::size_t place;   // among that writer's
  ThreadExchange exchange;
  std::unique_ptr<Worker> worker;
  std::atomic<bool> done{false};
  std::thread thread;

  Line(std::size_t port_number, std::size_t blocks, std::size_t lanes,
       const storage::SegmentWriterConfig& segment)
      : port(port_number),
        writer(0),
        place(0),
        // Records must not run out before blocks do: the worker would stop polling. Of the large trace
        // (371,000 sessions in 1.6 GB), ten blocks fill a batch; cut to headers, one does.
        exchange(blocks, lanes, segment.block_bytes, segment.segment_duration_ns_max, blocks) {}
};

Recorder::Recorder(const storage::Store& store, const RecorderConfig& config)
    : store_(store), config_(config), ring_(store, config.limits, config.held), keeper_(store, ring_) {
  for (unsigned i = 0; i < std::max(1u, config.writers); ++i)
    writers_.push_back(std::make_unique<Writer>(config.timing.steady_clock));
}

Recorder::~Recorder() {
  static_cast<void>(stop().ok());
}

Result<std::unique_ptr<Recorder>> Recorder::start(const storage::Store& store, const RecorderConfig& config,
                                                  std::vector<LivePort> ports) {
  std::unique_ptr<Recorder> recorder(new Recorder(store, config));
  recorder->make_accounts(ports);
  std::size_t lines = 0;
  for (const LivePort& port : ports) lines += port.queues.size();
  for (std::size_t port = 0; port < ports.size(); ++port) {
    for (std::size_t queue = 0; queue < ports[port].queues.size(); ++queue) {
      TAPLINE_TRY(recorder->add_line(port, static_cast<std::uint16_t>(queue),
                                     std::move(ports[port].queues[queue]), static_cast<unsigned>(lines)));
    }
  }
  TAPLINE_TRY(recorder->open_accounts());
  TAPLINE_TRY(recorder->start_threads());
  return recorder;
}

void Recorder::make_accounts(const std::vector<LivePort>& ports) {
  const TimeNs now_ns = config_.timing.clock();
  for (const LivePort& port : ports) {
    storage::Source account;
    account.id = storage::make_segment_id();
    account.path = port.name;
    account.live = true;
    account.port = static_cast<std::uint16_t>(accounts_.size());
    account.workers = static_cast<std::uint16_t>(port.queues.size());
    account.started_at_ns = account.first_ns = now_ns;
    account.packets = config_.store_packets;
    if (config_.store_packets) account.policy = config_.cutoff.text();
    accounts_.push_back(account);
  }
}

/// Once nothing can fail any more but the threads: an account that is open tells of a recording.
Status Recorder::open_accounts() {
  for (const storage::Source& account : accounts_) TAPLINE_TRY(storage::save_source(store_, account));
  return {};
}

Status Recorder::add_line(std::size_t port, std::uint16_t worker, std::unique_ptr<FrameSource> source,
                          unsigned lines_in_all) {
  FrameWorkerConfig path;
  path.sensor_id = store_.sensor_id();
  path.port = static_cast<std::uint16_t>(port);
  path.worker = worker;
  path.store_packets = config_.store_packets;
  path.cutoff = config_.cutoff;
  path.flows_max = config_.flows_max;
  path.count_copies = config_.count_copies;
  path.give_up_attempts = config_.store_packets;  // else nothing at all would be left of them
  path.grace_ns = kLiveGraceNs;
  path.lanes.block_bytes = config_.segment.block_bytes;

  WorkerFilesConfig files;
  files.source_id = accounts_[port].id;
  files.port = path.port;
  files.worker = worker;
  files.live = true;
  files.segment = config_.segment;
  files.segment.index_step_bytes = kIndexStepBytes;
  files.segment.allocate = config_.limits.any();
  files.segment.segment_bytes_max = ring_.segment_bytes(config_.segment.segment_bytes_max, lines_in_all);

  // Each lane may hold a block while as many wait for the writer.
  const std::size_t lanes = std::size_t{2} << path.lanes.lane_bits_max;
  const std::size_t blocks_min = 2 * lanes;
  const std::size_t blocks = std::max(
      blocks_min, static_cast<std::size_t>(config_.block_memory_bytes / config_.segment.block_bytes));
  auto line = std::make_unique<Line>(port, blocks, lanes, config_.segment);
  Result<std::unique_ptr<FrameWorker>> made = FrameWorker::create(path, line->exchange);
  if (!made) return made.error();
  line->worker = std::make_unique<Worker>(std::move(source), std::move(*made), config_.timing);
  line->writer = lines_.size() % writers_.size();
  line->place = lines_.size() / writers_.size();
  writers_[line->writer]->add(line->exchange, std::make_unique<WorkerFiles>(store_, files, ring_));
  lines_.push_back(std::move(line));
  return {};
}

Status Recorder::start_threads() {
  running_ = true;
  try {  // std::thread reports by exceptions
    for (std::size_t i = 0; i < writers_.size(); ++i) start_writer(i);
    for (std::size_t i = 0; i < lines_.size(); ++i) start_worker(i);
    keeper_thread_ = std::thread([this] { keeper_.run(); });
    name_thread(keeper_thread_, "keeper");
  } catch (const std::system_error& error) {
    return Error{
        ErrorCode::kLimit,
        fmt::format("cannot start a thread: {}: see `ulimit -u`, or use fewer workers", error.what())};
  }
  return {};
}

void Recorder::start_writer(std::size_t number) {
  writer_threads_.emplace_back([&writer = *writers_[number]] {
    for (StepResult result{}; (result = writer.step()) != StepResult::kDone;) {
      if (result == StepResult::kIdle) std::this_thread::sleep_for(kWriterWait);
    }
  });
  name_thread(writer_threads_.back(), fmt::format("writer-{}", number));
}

void Recorder::start_worker(std::size_t number) {
  Line& line = *lines_[number];
  line.thread = std::thread([&line] {
    while (line.worker->step() != StepResult::kDone) {
    }
    line.done.store(true, std::memory_order_release);
  });
  name_thread(line.thread, fmt::format("worker-{}", number));
  if (number >= config_.worker_cpus.size() || pin_thread(line.thread, config_.worker_cpus[number])) return;
  start_notices_.push_back({true, fmt::format("worker {} cannot run on processor {}, which this process may "
                                              "not use: see `taskset -p`; it runs anywhere",
                                              number, config_.worker_cpus[number])});
}

RecorderView Recorder::view() const {
  RecorderView sum;
  for (const auto& line : lines_) {
    const WorkerView& one = line->worker->view();
    sum.polled_frames += one.polled_frames.load(std::memory_order_relaxed);
    sum.polled_wire_bytes += one.polled_wire_bytes.load(std::memory_order_relaxed);
    sum.device_received_frames += one.device_received_frames.load(std::memory_order_relaxed);
    sum.device_dropped_frames += one.device_dropped_frames.load(std::memory_order_relaxed);
    sum.flows_active += one.flows_active.load(std::memory_order_relaxed);
    sum.flows_evicted += one.flows_evicted.load(std::memory_order_relaxed);
    sum.attempts_given_up += one.attempts_given_up.load(std::memory_order_relaxed);
    sum.frames_shed += one.frames_shed.load(std::memory_order_relaxed);
    sum.tcp_slab_exhausted += one.tcp_slab_exhausted.load(std::memory_order_relaxed);
    sum.interim_slab_exhausted += one.interim_slab_exhausted.load(std::memory_order_relaxed);
  }
  for (const auto& writer : writers_) {
    sum.blocks_lowered += writer->blocks_lowered();
    sum.blocks_hurried += writer->blocks_hurried();
  }
  return sum;
}

std::vector<SourceNotice> Recorder::take_notices() {
  std::vector<SourceNotice> notices = std::exchange(start_notices_, {});
  for (const auto& line : lines_) {
    for (SourceNotice& notice : line->worker->take_notices()) notices.push_back(std::move(notice));
  }
  for (SourceNotice& notice : keeper_.take_notices()) notices.push_back(std::move(notice));
  for (const auto& writer : writers_) {
    for (const Error& error : writer->take_errors()) notices.push_back({true, error.context});
  }
  return notices;
}

bool Recorder::has_failed() const {
  return std::ranges::any_of(lines_,
                             [](const auto& line) { return line->done.load(std::memory_order_acquire); }) ||
         std::ranges::any_of(writers_, [](const auto& writer) { return writer->records_failed(); });
}

Status Recorder::stop() {
  if (!running_) return {};
  running_ = false;
  for (const auto& line : lines_) line->worker->request_stop();
  for (const auto& line : lines_) {
    if (line->thread.joinable()) line->thread.join();
  }
  for (const auto& writer : writers_) writer->request_finish();
  for (std::thread& thread : writer_threads_) thread.join();
  keeper_.request_stop();
  if (keeper_thread_.joinable()) keeper_thread_.join();
  keeper_.finish();
  Status status;
  for (const auto& line : lines_) {
    const std::optional<Error>& ended = line->worker->source_error();
    if (status && ended) status = *ended;
  }
  for (const auto& writer : writers_) {
    if (status && writer->records_error()) status = *writer->records_error();
  }
  const Status closed = close_accounts();
  return status ? closed : status;
}

bool Recorder::records_failed(std::size_t port) const {
  return std::ranges::any_of(lines_, [&](const auto& line) {
    return line->port == port && writers_[line->writer]->records_error().has_value();
  });
}

/// Frames by the sources' own count, which the ledger's must equal: whoever compares them sees a frame that
/// got lost between the two.
Status Recorder::close_accounts() {
  const TimeNs now_ns = config_.timing.clock();
  Status first;
  for (std::size_t port = 0; port < accounts_.size(); ++port) {
    storage::Source& account = accounts_[port];
    for (const auto& line : lines_) {
      if (line->port != port) continue;
      const SourceCounters& polled = line->worker->source().counters();
      account.frames += polled.polled_frames;
      account.captured_bytes += polled.polled_captured_bytes;
      account.wire_bytes += polled.polled_wire_bytes;
      storage::LedgerRow row;
      row.counts = writers_[line->writer]->files(line->place).totals().counts();
      totals_.add(row);
    }
    if (records_failed(port)) continue;
    account.last_ns = account.finished_at_ns = now_ns;
    account.state = storage::SourceState::kComplete;
    const Status saved = storage::save_source(store_, account);
    if (first) first = saved;
  }
  return first;
}

storage::SegmentWriterCounters Recorder::segment_counters() const {
  storage::SegmentWriterCounters sum;
  for (const auto& line : lines_) {
    storage::add_counters(sum, writers_[line->writer]->files(line->place).segment_counters());
  }
  return sum;
}

}  // namespace tapline::sensor
