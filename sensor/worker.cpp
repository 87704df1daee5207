#include "sensor/worker.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "capture/base/time_window.hpp"

namespace tapline::sensor {
namespace {

// The clock is read once in so many bursts (at 64 frames a burst and 1 Mframes/s: every millisecond), and
// whenever nothing has come.
constexpr unsigned kBurstsPerHousekeep = 16;
// While blocks run out they are not handed over nearly empty: they would wait behind full ones all the same.
constexpr TimeNs kBehindAgeFactor = 8;
// Order time that is further from the clock than this does not follow it: the card's clock is wrong, or a
// recording is played back. More than frames wait in a ring while the worker is on time.
constexpr TimeNs kClockToleranceNs = kNsPerSecond;
// Order time that is further behind the clock than this is played back; nearer, the worker is late.
constexpr TimeNs kLateMaxNs = 60 * kNsPerSecond;

}  // namespace

Worker::Worker(std::unique_ptr<FrameSource> source, std::unique_ptr<FrameWorker> path,
               const WorkerTiming& timing)
    : source_(std::move(source)),
      path_(std::move(path)),
      timing_(timing),
      clock_watch_(timing.clock, timing.steady_clock) {}

StepResult Worker::step() {
  return drained_ ? finish() : receive();
}

StepResult Worker::receive() {
  // Without room for records the frames stay where they are: the device counts what it cannot keep.
  if (!path_->ready()) return wait_for_room();
  std::array<Frame, kBurstFramesMax> frames;
  const Result<PollResult> polled = source_->poll(frames);
  if (!polled) {
    source_error_ = polled.error();
    drained_ = true;
    return StepResult::kBusy;
  }
  path_->process(std::span(frames).first(polled->frames));
  if (!has_pages_) has_pages_ = !path_->take_pages();
  if (polled->frames == 0 || bursts_until_housekeep_ == 0) {
    housekeep(polled->frames == 0);
    bursts_until_housekeep_ = kBurstsPerHousekeep;
  } else if (timers_late_) {
    run_timers();
  }
  --bursts_until_housekeep_;
  drained_ = polled->end;
  if (polled->frames > 0 || drained_ || timers_late_) return StepResult::kBusy;
  source_->wait(timing_.idle_wait);
  return StepResult::kIdle;
}

/// Not the source's wait(): that ends at once where frames are waiting.
StepResult Worker::wait_for_room() const {
  std::this_thread::sleep_for(timing_.full_wait);
  return StepResult::kIdle;
}

StepResult Worker::finish() {
  if (!path_->ready()) return wait_for_room();
  read_device();
  collect_notices();
  if (!path_->finish()) return wait_for_room();
  update_view();
  return StepResult::kDone;
}

void Worker::housekeep(bool idle) {
  const TimeNs now_ns = timing_.steady_clock();
  follow_frames(now_ns);
  if (idle) path_->note_idle(now_ns - frames_seen_ns_);
  run_timers();
  const TimeNs block_age_ns = timing_.block_age_ns * (path_->is_behind() ? kBehindAgeFactor : 1);
  for (const auto& lanes : path_->lanes()) lanes->seal_old(now_ns, now_ns - block_age_ns);
  if (now_ns - folded_ns_ >= timing_.fold_period_ns) {
    if (folded_ns_ != 0) {
      for (const auto& lanes : path_->lanes()) lanes->fold();
    }
    folded_ns_ = now_ns;
  }
  if (now_ns - device_read_ns_ >= timing_.device_period_ns && path_->ready()) {
    read_device();
    device_read_ns_ = now_ns;
    collect_notices();
  }
  if (now_ns - flushed_ns_ >= timing_.record_flush_ns) {
    path_->flush_records(path_->complete_until_ns());
    flushed_ns_ = now_ns;
    update_view();
  }
  if (stop_requested_.load(std::memory_order_relaxed) && !receiving_stopped_) {
    source_->stop_receiving();
    receiving_stopped_ = true;
  }
}

/// Where very many flows end at once, the rest waits until frames have been polled again.
void Worker::run_timers() {
  timers_late_ = !path_->advance(flowgen::FlowTable::kRecordsPerBurst);
}

/// While frames come, theirs is the time, so that a worker that is late ends no session early: frames that
/// wait may belong to it. Where none has come, the timers go on from theirs by the steady clock, and order
/// time by the wall clock, moved to where it was.
void Worker::follow_frames(TimeNs steady_ns) {
  const std::uint64_t polled = source_->counters().polled_frames;
  if (polled == polled_seen_) return;
  polled_seen_ = polled;
  frames_seen_ns_ = steady_ns;
  const TimeNs ahead_ns = saturating_add(path_->order_ns(), -timing_.clock());
  const bool follows = ahead_ns <= kClockToleranceNs && ahead_ns >= -kClockToleranceNs;
  order_ahead_ns_ = follows ? 0 : ahead_ns;
}

/// Only where frames are played back does order time say when now is; a worker that is late says nothing.
TimeNs Worker::order_now() const {
  const bool late = order_ahead_ns_ < 0 && order_ahead_ns_ >= -kLateMaxNs;
  return saturating_add(timing_.clock(), late ? 0 : order_ahead_ns_);
}

/// What the device counted, it counted until now, however late the worker is: what was lost while it was late
/// was lost up to now.
void Worker::read_device() {
  follow_frames(timing_.steady_clock());
  if (clock_watch_.look()) path_->note_clock_set(order_now());
  const bool readable = source_->read_device();
  const SourceCounters& counters = source_->counters();
  // A second without a reading is one in which nothing was received; what had been lost before must be told.
  if (!readable && counters.device_dropped_frames == dropped_noted_) return;
  dropped_noted_ = counters.device_dropped_frames;
  path_->note_device(order_now(), counters.device_received_frames, counters.device_dropped_frames);
}

void Worker::collect_notices() {
  while (std::optional<SourceNotice> notice = source_->take_notice()) {
    const std::lock_guard lock(notices_mutex_);
    notices_.push_back(std::move(*notice));
  }
}

std::vector<SourceNotice> Worker::take_notices() {
  const std::lock_guard lock(notices_mutex_);
  return std::exchange(notices_, {});
}

void Worker::update_view() {
  const SourceCounters& counters = source_->counters();
  const auto set = [](std::atomic<std::uint64_t>& value, std::uint64_t now) {
    value.store(now, std::memory_order_relaxed);
  };
  set(view_.polled_frames, counters.polled_frames);
  set(view_.polled_wire_bytes, counters.polled_wire_bytes);
  set(view_.device_received_frames, counters.device_received_frames);
  set(view_.device_dropped_frames, counters.device_dropped_frames);
  set(view_.flows_active, path_->flows_active());
  set(view_.flows_evicted, path_->flow_counters().flows_evicted);
  set(view_.attempts_given_up, path_->flow_counters().attempts_given_up);
  set(view_.interim_slab_exhausted, path_->flow_counters().interim_slab_exhausted);
  set(view_.tcp_slab_exhausted, path_->flow_counters().tcp_slab_exhausted);
  set(view_.frames_shed, path_->frames_shed());
}

}  // namespace tapline::sensor
