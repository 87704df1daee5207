#pragma once
// Writer: compresses and writes what some workers hand over. Driven by calling step() until it says kDone, by
// a thread of its own or by a test.

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "sensor/effort_control.hpp"
#include "sensor/step_result.hpp"
#include "sensor/thread_exchange.hpp"
#include "sensor/worker_files.hpp"

namespace tapline::sensor {

class Writer {
 public:
  explicit Writer(TimeNs (*steady_clock)()) : steady_clock_(steady_clock) {}

  /// Before the first step. `exchange` outlives the writer.
  void add(ThreadExchange& exchange, std::unique_ptr<WorkerFiles> files);

  /// Some parcels of each worker, and once a second what makes them durable. kIdle: there was nothing.
  StepResult step();
  /// Any thread, when all workers are done: finish what is there and publish everything.
  void request_finish() { finish_requested_.store(true, std::memory_order_release); }

  /// Any thread: what went wrong since the last call, each cause once.
  std::vector<Error> take_errors();
  /// Any thread: session records or the ledger cannot be written; the sensor should stop.
  bool records_failed() const { return records_failed_.load(std::memory_order_relaxed); }
  /// Blocks stored raw because the writer was behind, and those that were only compressed less.
  std::uint64_t blocks_hurried() const { return blocks_hurried_.load(std::memory_order_relaxed); }
  std::uint64_t blocks_lowered() const { return blocks_lowered_.load(std::memory_order_relaxed); }

  /// Once step() has said kDone: the first error of session records or ledger, or of publishing, if any.
  const std::optional<Error>& records_error() const { return records_error_; }
  /// Once step() has said kDone.
  const WorkerFiles& files(std::size_t worker) const { return *outlets_[worker].files; }

 private:
  struct Outlet {
    ThreadExchange* exchange;
    std::unique_ptr<WorkerFiles> files;
    EffortControl effort = {};
    TimeNs order_ns = std::numeric_limits<TimeNs>::min();  // up to which its records were complete, last
  };

  bool write_some(Outlet& outlet);
  void write_block(Outlet& outlet, const storage::PacketBlock& block);
  void housekeep();
  void finish();
  void keep_error(const Status& status);
  void keep_records_error(const Status& status);

  TimeNs (*steady_clock_)();
  std::vector<Outlet> outlets_;
  std::atomic<bool> finish_requested_{false};
  std::atomic<bool> records_failed_{false};  // pairs with nothing: only says when to stop
  std::optional<Error> records_error_;
  std::atomic<std::uint64_t> blocks_hurried_{0};
  std::atomic<std::uint64_t> blocks_lowered_{0};
  TimeNs housekept_ns_ = 0;
  std::mutex errors_mutex_;  // taken when something goes wrong
  std::vector<Error> errors_;
};

}  // namespace tapline::sensor
