#pragma once
// WorkerGroup: what the sources of one interface share. Opens the sockets of all workers together, at the
// start and again after the interface was removed and came back: the worker that notices first opens them for
// all, and each takes its own once its old ring is empty. Any thread; one mutex, taken by every call, none of
// which is made per frame.

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "capture/af_packet/packet_socket.hpp"

namespace tapline {

class WorkerGroup {
 public:
  explicit WorkerGroup(AfPacketConfig config) : config_(std::move(config)), next_(config_.workers) {}

  /// Opens a socket for every worker, joins them to one group, and lets them receive together.
  Status open();
  /// The new socket of a worker, if there is one.
  std::unique_ptr<PacketSocket> take(unsigned worker);
  /// Which clock stamps the frames since the last open, and why.
  std::string timestamp_reason();
  /// For a worker whose interface is gone and who has nothing to take: tries to open again, at most once a
  /// second for all workers together. Fine where there is nothing to do yet.
  Status reopen();
  /// The sources are about to stop: nothing is opened any more.
  void close();

 private:
  bool all_taken() const;
  Status open_locked();

  const AfPacketConfig config_;
  std::mutex mutex_;  // of all below
  std::vector<std::unique_ptr<PacketSocket>> next_;
  std::chrono::steady_clock::time_point last_attempt_;
  std::string timestamp_reason_;
  bool closed_ = false;
};

}  // namespace tapline
