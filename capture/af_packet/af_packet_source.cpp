#include "capture/af_packet/af_packet_source.hpp"

#include <bit>
#include <cstring>

#include "capture/af_packet/packet_socket.hpp"
#include "capture/af_packet/source_notices.hpp"
#include "capture/af_packet/worker_group.hpp"

namespace tapline {

namespace {

constexpr std::uint32_t kBlockBytesMin = 128U << 10U;
constexpr std::uint32_t kBlockBytesMax = 16U << 20U;
// A block that is not full comes after block_timeout. What has not come by then is not coming.
constexpr std::chrono::seconds kDrainTimeMax{5};

class AfPacketSource final : public FrameSource {
 public:
  AfPacketSource(const AfPacketConfig& config, unsigned worker, std::shared_ptr<WorkerGroup> group)
      : worker_(worker),
        group_(std::move(group)),
        socket_(group_->take(worker)),
        notices_(config.interface, worker == 0) {
    notices_.timestamps(group_->timestamp_reason());
    notices_.state(bound_interface_state(socket_->descriptor()));
  }

  Result<PollResult> poll(std::span<Frame> frames) override {
    const std::uint32_t count = socket_->ring().read(frames, counters_);
    if (counters_.device_received_frames < counters_.polled_frames) {
      counters_.device_received_frames = counters_.polled_frames;  // until the device is read again
    }
    const bool end = stopping_ && count == 0 && !frames.empty() && is_drained();
    return PollResult{count, end};
  }

  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  void wait(std::chrono::milliseconds timeout) override { socket_->wait(timeout); }

  bool read_device() override {
    read_statistics();
    notices_.drops(counters_.device_dropped_frames, ring_full_count_);
    notices_.super_frames(counters_.super_frames);
    const InterfaceState state = bound_interface_state(socket_->descriptor());
    notices_.state(state);
    if (state == InterfaceState::kGone) {
      reopen();
    } else {
      socket_->refresh_mtu();
    }
    return state == InterfaceState::kUp || state == InterfaceState::kNoCarrier;
  }

  void stop_receiving() override {
    if (stopping_) return;
    stopping_ = true;
    drain_deadline_ = std::chrono::steady_clock::now() + kDrainTimeMax;
    group_->close();
    next_socket_ = group_->take(worker_);
    socket_->stop();
    if (next_socket_ != nullptr) next_socket_->stop();
  }

  std::optional<SourceNotice> take_notice() override { return notices_.take(); }

 private:
  void read_statistics() {
    const SocketStatistics since = socket_->read_statistics();
    received_frames_ += since.received_frames;
    ring_full_count_ += since.ring_full_count;
    counters_.device_received_frames = received_frames_;
    counters_.device_dropped_frames += since.dropped_frames;
  }

  /// Whether every frame of the present ring has been polled and is no longer in use. Reads the statistics
  /// anew: the kernel counts a frame before it writes it.
  bool ring_is_empty() {
    read_statistics();
    return received_frames_ == counters_.polled_frames && !socket_->ring().holds_blocks();
  }

  /// At a stop: nothing is left. The time limit is for what the kernel may do to us.
  bool is_drained() {
    if (drained_) return true;
    if (!ring_is_empty()) {
      if (std::chrono::steady_clock::now() < drain_deadline_) return false;
      notices_.undelivered(received_frames_ - counters_.polled_frames);
    }
    if (next_socket_ != nullptr) {
      socket_ = std::move(next_socket_);
      return false;
    }
    drained_ = true;
    return true;
  }

  /// The interface is gone: what its ring still holds comes first, then the next socket.
  void reopen() {
    if (stopping_ || !ring_is_empty()) return;
    std::unique_ptr<PacketSocket> next = group_->take(worker_);
    if (next == nullptr) {
      if (const Status opened = group_->reopen(); !opened) notices_.reopen_failed(opened.error());
      next = group_->take(worker_);
    }
    if (next == nullptr) return;
    socket_ = std::move(next);
    notices_.timestamps(group_->timestamp_reason());
    notices_.state(bound_interface_state(socket_->descriptor()));
  }

  const unsigned worker_;
  std::shared_ptr<WorkerGroup> group_;
  std::unique_ptr<PacketSocket> socket_;
  std::unique_ptr<PacketSocket> next_socket_;  // only while stopping: opened, but not yet taken
  SourceCounters counters_;
  std::uint64_t received_frames_ = 0;  // put into our rings, as of the last reading
  std::uint64_t ring_full_count_ = 0;
  SourceNotices notices_;
  std::chrono::steady_clock::time_point drain_deadline_;
  bool stopping_ = false;
  bool drained_ = false;
};

Status check_config(const AfPacketConfig& config) {
  const auto invalid = [&config](const std::string& text) {
    return Error{ErrorCode::kInvalid, "interface " + config.interface + ": " + text};
  };
  if (config.workers < 1 || config.workers > kAfPacketWorkersMax) {
    return invalid("1 to " + std::to_string(kAfPacketWorkersMax) + " workers, not " +
                   std::to_string(config.workers));
  }
  const std::uint32_t block_bytes = config.block_bytes;
  if (!std::has_single_bit(block_bytes) || block_bytes < kBlockBytesMin || block_bytes > kBlockBytesMax) {
    return invalid("block_bytes is a power of two from 128 KiB to 16 MiB, not " +
                   std::to_string(block_bytes));
  }
  if (config.ring_bytes / block_bytes < 2 || config.ring_bytes >= (1ULL << 32U)) {
    return invalid("a worker's ring (--ring) has at least two blocks and less than 4 GiB, not " +
                   std::to_string(config.ring_bytes));
  }
  if (config.block_timeout.count() < 1 || config.block_timeout.count() > 1000) {
    return invalid("block_timeout is 1 to 1000 ms, not " + std::to_string(config.block_timeout.count()));
  }
  return {};
}

}  // namespace

Result<std::vector<std::unique_ptr<FrameSource>>> open_af_packet(const AfPacketConfig& config) {
  TAPLINE_TRY(check_config(config));
  const auto group = std::make_shared<WorkerGroup>(config);
  TAPLINE_TRY(group->open());
  std::vector<std::unique_ptr<FrameSource>> sources;
  for (unsigned worker = 0; worker < config.workers; ++worker) {
    sources.push_back(std::make_unique<AfPacketSource>(config, worker, group));
  }
  return sources;
}

}  // namespace tapline
