#include "capture/af_packet/worker_group.hpp"

#include <algorithm>

#include "capture/af_packet/hardware_clock.hpp"

namespace tapline {

namespace {

constexpr std::chrono::seconds kReopenInterval{1};

Status join_all(const std::vector<std::unique_ptr<PacketSocket>>& sockets) {
  if (sockets.size() == 1) return {};
  const Result<std::uint16_t> group = sockets.front()->create_group();
  if (!group) return group.error();
  for (std::size_t worker = 1; worker < sockets.size(); ++worker)
    TAPLINE_TRY(sockets[worker]->join_group(*group));
  return {};
}

}  // namespace

Status WorkerGroup::open() {
  const std::lock_guard lock(mutex_);
  return open_locked();
}

Status WorkerGroup::open_locked() {
  last_attempt_ = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<PacketSocket>> sockets;
  for (unsigned worker = 0; worker < config_.workers; ++worker) {
    Result<std::unique_ptr<PacketSocket>> socket = PacketSocket::open(config_);
    if (!socket) return socket.error();
    sockets.push_back(*std::move(socket));
  }
  if (Status joined = join_all(sockets); !joined) {
    Error error = joined.error();
    error.context +=
        "; older kernels want the interface up for that: `ip link set " + config_.interface + " up`";
    return error;
  }
  const Result<TimestampChoice> timestamps =
      choose_timestamps(sockets.front()->descriptor(), config_.interface, config_.timestamps);
  if (!timestamps) return timestamps.error();
  for (const auto& socket : sockets) {
    if (timestamps->hardware) TAPLINE_TRY(socket->use_hardware_stamps());
  }
  for (const auto& socket : sockets) TAPLINE_TRY(socket->start());
  timestamp_reason_ = timestamps->reason;
  next_ = std::move(sockets);
  return {};
}

std::unique_ptr<PacketSocket> WorkerGroup::take(unsigned worker) {
  const std::lock_guard lock(mutex_);
  return std::move(next_[worker]);
}

std::string WorkerGroup::timestamp_reason() {
  const std::lock_guard lock(mutex_);
  return timestamp_reason_;
}

bool WorkerGroup::all_taken() const {
  return std::all_of(next_.begin(), next_.end(), [](const auto& socket) { return socket == nullptr; });
}

Status WorkerGroup::reopen() {
  const std::lock_guard lock(mutex_);
  if (closed_ || !all_taken() || std::chrono::steady_clock::now() < last_attempt_ + kReopenInterval)
    return {};
  return open_locked();
}

void WorkerGroup::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace tapline
