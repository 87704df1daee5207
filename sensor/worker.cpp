#include "sensor/worker.hpp"

#include <array>
#include <utility>

namespace tapline::sensor {
namespace {

// The clock is read once in so many bursts (at 64 frames a burst and 1 Mframes/s: every millisecond), and
// whenever nothing has come.
constexpr unsigned kBurstsPerHousekeep = 16;
// Order time that is further from the clock than this does not follow the clock: it is played back.
constexpr TimeNs kPlaybackNs = 60 * kNsPerSecond;

}  // namespace

Worker::Worker(std::unique_ptr<FrameSource> source, std::unique_ptr<FrameWorker> path,
               const WorkerTiming& timing)
    : source_(std::move(source)), path_(std::move(path)), timing_(timing) {}

StepResult Worker::step() {
  return drained_ ? finish() : receive();
}

StepResult Worker::receive() {
  // Without room for records the frames stay where they are: the device counts what it cannot keep.
  if (!path_->ready()) {
    source_->wait(timing_.idle_wait);
    return StepResult::kIdle;
  }
  std::array<Frame, kBurstFramesMax> frames;
  const Result<PollResult> polled = source_->poll(frames);
  if (!polled) {
    source_error_ = polled.error();
    drained_ = true;
    return StepResult::kBusy;
  }
  path_->process(std::span(frames).first(polled->frames));
  if (polled->frames == 0 || bursts_until_housekeep_ == 0) {
    housekeep();
    bursts_until_housekeep_ = kBurstsPerHousekeep;
  }
  --bursts_until_housekeep_;
  drained_ = polled->end;
  if (polled->frames > 0 || drained_) return StepResult::kBusy;
  source_->wait(timing_.idle_wait);
  return StepResult::kIdle;
}

StepResult Worker::finish() {
  if (!path_->ready()) {
    source_->wait(timing_.idle_wait);
    return StepResult::kIdle;
  }
  read_device(timing_.clock() + order_ahead_ns_);
  collect_notices();
  if (!path_->finish()) return StepResult::kIdle;
  update_view();
  return StepResult::kDone;
}

void Worker::housekeep() {
  const TimeNs now_ns = timing_.clock();
  follow_order_clock(now_ns);
  const TimeNs order_ns = now_ns + order_ahead_ns_;
  const bool timers_done = path_->advance(order_ns);
  for (const auto& lanes : path_->lanes()) lanes->seal_old(now_ns, now_ns - timing_.block_age_ns);
  if (now_ns - folded_ns_ >= timing_.fold_period_ns) {
    if (folded_ns_ != 0) {
      for (const auto& lanes : path_->lanes()) lanes->fold();
    }
    folded_ns_ = now_ns;
  }
  if (now_ns - device_read_ns_ >= timing_.device_period_ns && path_->ready()) {
    read_device(order_ns);
    device_read_ns_ = now_ns;
    collect_notices();
  }
  if (now_ns - flushed_ns_ >= timing_.record_flush_ns && timers_done) {
    path_->flush_records(order_ns);
    flushed_ns_ = now_ns;
    update_view();
  }
  if (stop_requested_.load(std::memory_order_relaxed) && !receiving_stopped_) {
    source_->stop_receiving();
    receiving_stopped_ = true;
  }
}

void Worker::follow_order_clock(TimeNs now_ns) {
  const std::uint64_t polled = source_->counters().polled_frames;
  if (polled == polled_seen_) return;
  polled_seen_ = polled;
  const TimeNs ahead_ns = path_->order_ns() - now_ns;
  const TimeNs drift_ns = ahead_ns - order_ahead_ns_;
  if (drift_ns > kPlaybackNs || drift_ns < -kPlaybackNs) order_ahead_ns_ = ahead_ns;
}

void Worker::read_device(TimeNs order_ns) {
  if (!source_->read_device()) return;
  const SourceCounters& counters = source_->counters();
  path_->note_device(order_ns, counters.device_received_frames, counters.device_dropped_frames);
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
}

}  // namespace tapline::sensor
