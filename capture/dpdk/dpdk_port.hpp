#pragma once
// DpdkPort: one device, opened for receiving only, shared by the sources of its queues. Only for files of
// this folder. open() and the destructor run on the control thread; the rest says which thread may call it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "capture/dpdk/dpdk_source.hpp"
#include "capture/dpdk/mbuf_reader.hpp"
#include "capture/dpdk/receive_plan.hpp"

struct rte_mempool;

namespace tapline {

/// Cumulative since the port was opened. A counter of the device that begins anew (net_memif's do when its
/// peer leaves) goes on from where it was.
class DeviceCounter {
 public:
  void update(std::uint64_t reading) {
    total_ += reading >= last_ ? reading - last_ : reading;
    last_ = reading;
  }
  std::uint64_t total() const { return total_; }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t total_ = 0;
};

/// What the device says of the whole port.
struct DeviceCounters {
  DeviceCounter received;        // ipackets: handed to a queue
  DeviceCounter missed;          // imissed: no free descriptor, the workers are too slow
  DeviceCounter without_buffer;  // rx_nombuf: the pool is empty
  DeviceCounter with_error;      // ierrors: bad check sequence and the like
  std::uint64_t dropped() const { return missed.total() + without_buffer.total() + with_error.total(); }
};

class DpdkPort {
 public:
  static Result<std::shared_ptr<DpdkPort>> open(std::shared_ptr<DpdkRuntime> runtime,
                                                const DpdkPortConfig& config);
  /// Stops and closes the device, removes a virtual one, frees the pool: no mbuf of it may be held any more.
  ~DpdkPort();
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;

  std::uint16_t id() const { return id_; }
  const DpdkPortConfig& config() const { return config_; }
  const MbufFormat& mbuf_format() const { return mbuf_format_; }

  /// Each queue's thread, for its own queue: how many frames it has handed out.
  void set_polled(std::uint16_t queue, std::uint64_t frames) {
    polled_[queue].frames.store(frames, std::memory_order_relaxed);
  }
  /// Each queue's thread, once: it reads no more. The last one stops the device.
  void finish_queue();

  /// The thread of queue 0. False where the device does not answer.
  bool read_counters(DeviceCounters& counters);
  std::uint64_t polled_by_other_queues() const;
  std::optional<bool> link_up();
  /// Found while opening.
  std::vector<SourceNotice>& notices() { return notices_; }

 private:
  DpdkPort(std::shared_ptr<DpdkRuntime> runtime, const DpdkPortConfig& config);

  Status attach();
  Status set_up();
  Status configure(const rte_eth_dev_info& info, const ReceivePlan& plan);
  Status set_up_queues(const rte_eth_dev_info& info, const ReceivePlan& plan);
  Status start(const ReceivePlan& plan);
  void stop_pause_frames();
  Status check_hash_key(const ReceivePlan& plan);
  bool has_symmetric_key(const ReceivePlan& plan) const;
  Status check_receives_only() const;
  void find_clock(const rte_eth_dev_info& info);
  void warn(std::string text);
  Error failure(const char* action, int code, const char* remedy = "") const;

  /// Own cache line: written by its queue's thread a few million times a second, read by queue 0's.
  struct alignas(64) Polled {
    std::atomic<std::uint64_t> frames{0};  // relaxed: a statistic, nothing is published with it
  };

  std::shared_ptr<DpdkRuntime> runtime_;  // ends after the port
  DpdkPortConfig config_;
  bool physical_ = false;
  bool attached_ = false;
  bool started_ = false;
  std::uint16_t id_ = 0;
  rte_mempool* pool_ = nullptr;
  MbufFormat mbuf_format_;
  std::vector<SourceNotice> notices_;
  std::array<Polled, kWorkersMax> polled_;
  std::mutex control_;  // one call at a time that asks or stops the device; never taken to receive
  unsigned queues_reading_ = 0;
};

}  // namespace tapline
