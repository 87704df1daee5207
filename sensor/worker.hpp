#pragma once
// Worker: one receive queue of a live source and what is done with its frames. Driven by calling step() until
// it says kDone, by a thread of its own or by a test. Nothing it does per frame allocates, locks, logs or
// makes a system call; what is rare stands in housekeep(): timers, age of blocks, device counters, notices.

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "sensor/clock_watch.hpp"
#include "sensor/frame_worker.hpp"
#include "sensor/step_result.hpp"

namespace tapline::sensor {

struct WorkerTiming {
  TimeNs (*clock)() = wall_clock_ns;           // of order time
  TimeNs (*steady_clock)() = steady_clock_ns;  // of the periods below: a clock that is set must not stop them
  TimeNs block_age_ns = 300 * kNsPerMillisecond;  // a block is handed over when its first frame is so old
  TimeNs fold_period_ns = 500 * kNsPerMillisecond;
  TimeNs record_flush_ns = 100 * kNsPerMillisecond;
  TimeNs device_period_ns = 500 * kNsPerMillisecond;
  std::chrono::milliseconds idle_wait{10};  // for frames
  std::chrono::milliseconds full_wait{1};   // for the writer, while there is no room for records
};

/// Counters that other threads may look at while the worker is at work: each exact, together only roughly.
struct WorkerView {
  std::atomic<std::uint64_t> polled_frames{0};
  std::atomic<std::uint64_t> polled_wire_bytes{0};
  std::atomic<std::uint64_t> device_received_frames{0};
  std::atomic<std::uint64_t> device_dropped_frames{0};
  std::atomic<std::uint64_t> flows_active{0};
  std::atomic<std::uint64_t> flows_evicted{0};
  std::atomic<std::uint64_t> attempts_given_up{0};
  std::atomic<std::uint64_t> interim_slab_exhausted{0};
  std::atomic<std::uint64_t> tcp_slab_exhausted{0};
  std::atomic<std::uint64_t> frames_shed{0};
};

class Worker {
 public:
  /// The exchange that `path` was made for outlives the worker.
  Worker(std::unique_ptr<FrameSource> source, std::unique_ptr<FrameWorker> path, const WorkerTiming& timing);

  /// A burst, or a part of the orderly stop. Waits a little where nothing has come.
  StepResult step();

  /// Any thread: stop receiving, drain, end all sessions.
  void request_stop() { stop_requested_.store(true, std::memory_order_relaxed); }

  /// Any thread.
  const WorkerView& view() const { return view_; }
  /// Any thread: what the source had to say since the last call.
  std::vector<SourceNotice> take_notices();
  /// Once step() has said kDone: why the source ended before it was stopped, if it did.
  const std::optional<Error>& source_error() const { return source_error_; }
  const FrameWorker& path() const { return *path_; }
  const FrameSource& source() const { return *source_; }

 private:
  StepResult receive();
  StepResult finish();
  StepResult wait_for_room() const;
  void housekeep(bool idle);
  void run_timers();
  void follow_frames(TimeNs steady_ns);
  void read_device();
  TimeNs order_now() const;
  void collect_notices();
  void update_view();

  std::unique_ptr<FrameSource> source_;
  std::unique_ptr<FrameWorker> path_;
  const WorkerTiming timing_;
  std::atomic<bool> stop_requested_{false};
  bool receiving_stopped_ = false;
  bool drained_ = false;
  std::optional<Error> source_error_;
  unsigned bursts_until_housekeep_ = 0;
  bool timers_late_ = false;         // records are due that are not written yet
  bool has_pages_ = false;           // of the flow table, all
  std::uint64_t polled_seen_ = 0;    // when follow_frames() last looked
  TimeNs frames_seen_ns_ = 0;        // steady clock when it last saw new ones
  std::uint64_t dropped_noted_ = 0;  // by the device, as the ledger has it
  // What order time has beyond the clock: recordings are played back with old times.
  TimeNs order_ahead_ns_ = 0;
  ClockWatch clock_watch_;
  TimeNs folded_ns_ = 0;  // steady clock of the last time; 0: never
  TimeNs flushed_ns_ = 0;
  TimeNs device_read_ns_ = 0;
  WorkerView view_;
  std::mutex notices_mutex_;  // taken when the source has something to say, and by who wants to hear it
  std::vector<SourceNotice> notices_;
};

}  // namespace tapline::sensor
