#include "capture/dpdk/queue_source.hpp"

#include <fmt/format.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace tapline {
namespace {

/// What any device may hold when it is asked to stop: the largest ring of DPDK's drivers (mlx5, 32,768). DPDK
/// has no call that ends receiving and leaves the received ones readable.
constexpr std::uint32_t kDrainFramesMax = 32'768;

/// About 30 us of polling; then sleeps of 50 us, of which the kernel makes up to 110. The descriptors must
/// hold what comes in the meantime: 1,640 of the smallest frames at 10 Gbit/s.
constexpr std::uint32_t kEmptyPollsSpun = 1'000;
constexpr std::chrono::microseconds kSleep{50};
constexpr int kPausesAWait = 8;

/// Gives a thread of ours a cache of its own in the pools, while it lives.
class ThreadRegistration {
 public:
  ThreadRegistration() : ours_(::rte_lcore_id() == LCORE_ID_ANY && ::rte_thread_register() == 0) {}
  ~ThreadRegistration() {
    if (ours_) ::rte_thread_unregister();
  }
  ThreadRegistration(const ThreadRegistration&) = delete;
  ThreadRegistration& operator=(const ThreadRegistration&) = delete;

 private:
  bool ours_;  // else an lcore already, or none is left: slower, not wrong
};

void register_thread() {
  static const thread_local ThreadRegistration registration;
}

}  // namespace

QueueSource::QueueSource(std::shared_ptr<DpdkPort> port, std::uint16_t queue)
    : port_(std::move(port)), queue_(queue), reader_(port_->mbuf_format()) {
  if (queue_ != 0) return;
  for (SourceNotice& notice : port_->notices()) notices_.push_back(std::move(notice));
}

QueueSource::~QueueSource() {
  release_burst();
}

Result<PollResult> QueueSource::poll(std::span<Frame> frames) {
  if (burst_handed_out_ == burst_frames_ && !frames.empty()) {
    release_burst();
    if (!ended_ && !receive_burst() && stopping_) finish();
    if (burst_frames_ == 0) return PollResult{0, ended_};
  }
  const auto count =
      static_cast<std::uint32_t>(std::min<std::size_t>(frames.size(), burst_frames_ - burst_handed_out_));
  reader_.read(std::span(burst_).subspan(burst_handed_out_, count), burst_clock_ns_, frames);
  burst_handed_out_ += count;
  this->count(frames.first(count));
  return PollResult{count, ended_};
}

void QueueSource::release_burst() {
  if (burst_frames_ > 0) ::rte_pktmbuf_free_bulk(burst_.data(), burst_frames_);
  burst_frames_ = burst_handed_out_ = 0;
}

/// False where nothing was there, or where all was drained that could be there.
bool QueueSource::receive_burst() {
  if (stopping_ && drained_frames_ >= kDrainFramesMax) return false;
  register_thread();
  burst_frames_ = rte_eth_rx_burst(port_->id(), queue_, burst_.data(), kBurstFramesMax);
  if (burst_frames_ == 0) {
    ++empty_polls_;
    return false;
  }
  burst_clock_ns_ = wall_clock_ns();
  empty_polls_ = 0;
  if (stopping_) drained_frames_ += burst_frames_;
  return true;
}

void QueueSource::count(std::span<const Frame> frames) {
  if (frames.empty()) return;
  for (const Frame& frame : frames) {
    counters_.polled_captured_bytes += frame.captured_bytes;
    counters_.polled_wire_bytes += frame.wire_bytes;
  }
  counters_.polled_frames += frames.size();
  const std::uint64_t received = counters_.polled_frames + (burst_frames_ - burst_handed_out_);
  counters_.device_received_frames = std::max(counters_.device_received_frames, received);
  port_->set_polled(queue_, counters_.polled_frames);
}

void QueueSource::finish() {
  ended_ = true;
  read_device();
  port_->finish_queue();
}

void QueueSource::wait(std::chrono::milliseconds at_most) {
  if (ended_ || burst_handed_out_ < burst_frames_) return;
  if (port_->config().idle == DpdkIdle::kBusy || empty_polls_ < kEmptyPollsSpun) {
    for (int i = 0; i < kPausesAWait; ++i) rte_pause();
    return;
  }
  std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(kSleep, at_most));
}

bool QueueSource::read_device() {
  // What came after the drain is nobody's.
  if (ended_) counters_.device_received_frames = counters_.polled_frames;
  if (queue_ != 0) return true;
  if (!port_->read_counters(device_)) return false;
  counters_.device_dropped_frames = device_.dropped();
  notice_drops();
  if (ended_) return true;
  notice_link();
  // Never less than before, as cumulative counters are: what the other queues have not polled yet is for a
  // moment counted here.
  const std::uint64_t others = port_->polled_by_other_queues();
  const std::uint64_t device = device_.received.total() - std::min(others, device_.received.total());
  const std::uint64_t taken = counters_.polled_frames + (burst_frames_ - burst_handed_out_);
  counters_.device_received_frames = std::max({counters_.device_received_frames, device, taken});
  return true;
}

void QueueSource::notice_drops() {
  const auto once = [&](bool& told, std::uint64_t frames, std::string_view what) {
    if (told || frames == 0) return;
    told = true;
    notices_.push_back(
        {true, fmt::format("{}: {}", port_->config().device, fmt::format(fmt::runtime(what), frames))});
  };
  once(told_missed_, device_.missed.total(),
       "{} frames were lost in the device (imissed): its queues were full; give it more workers or "
       "descriptors");
  once(told_without_buffer_, device_.without_buffer.total(),
       "{} times no buffer was free (rx_nombuf); give the port more buffers");
  once(told_with_error_, device_.with_error.total(),
       "{} frames were received with errors (ierrors): look at cables, optics, the frame size");
  once(told_times_refused_, reader_.counters().device_times_refused,
       "{} times of the device are not within 10 s of the system's clock, which is used instead; synchronise "
       "the "
       "device's clock to UTC");
}

void QueueSource::notice_link() {
  const std::optional<bool> up = port_->link_up();
  if (!up || *up == link_up_) return;
  link_up_ = *up;
  notices_.push_back({!link_up_, fmt::format("{}: link {}", port_->config().device,
                                             link_up_ ? "up" : "down: nothing is received")});
}

std::optional<SourceNotice> QueueSource::take_notice() {
  if (notices_.empty()) return std::nullopt;
  SourceNotice notice = std::move(notices_.front());
  notices_.pop_front();
  return notice;
}

Result<std::vector<std::unique_ptr<FrameSource>>> open_dpdk_port(std::shared_ptr<DpdkRuntime> runtime,
                                                                 const DpdkPortConfig& config) {
  Result<std::shared_ptr<DpdkPort>> port = DpdkPort::open(std::move(runtime), config);
  if (!port) return port.error();
  std::vector<std::unique_ptr<FrameSource>> sources;
  for (unsigned queue = 0; queue < config.workers; ++queue) {
    sources.push_back(std::make_unique<QueueSource>(*port, static_cast<std::uint16_t>(queue)));
  }
  return sources;
}

}  // namespace tapline
