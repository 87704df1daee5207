#pragma once
// Recorder: a live recording: workers and writers in threads of their own, one control thread (the caller's),
// one store. It owns the account of each port in the store (storage::Source) and ends with closed books.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sensor/store_keeper.hpp"
#include "sensor/worker.hpp"
#include "sensor/writer.hpp"
#include "storage/ring.hpp"
#include "storage/source.hpp"

namespace tapline::sensor {

struct RecorderConfig {
  bool store_packets = true;  // false: sessions only
  CutoffPolicy cutoff;        // how much of them
  storage::RingLimits limits;
  storage::HeldSegments* held = nullptr;           // what the ring must keep; outlives the recorder
  std::uint64_t block_memory_bytes = 64ull << 20;  // per worker: what the disk may be late by
  std::uint32_t flows_max = 1u << 20;              // per worker
  bool count_copies = false;                       // as FlowTableConfig
  unsigned writers = 1;                            // threads that compress and write
  std::vector<unsigned> worker_cpus;               // worker i runs on worker_cpus[i]; empty: anywhere
  WorkerTiming timing;
  storage::SegmentWriterConfig segment;  // directories, ids and link type are filled in
};

/// One interface or device and its receive queues, opened and ready; one worker each.
struct LivePort {
  std::string name;
  std::vector<std::unique_ptr<FrameSource>> queues;
};

struct RecorderView {
  std::uint64_t polled_frames = 0;
  std::uint64_t polled_wire_bytes = 0;
  std::uint64_t device_received_frames = 0;
  std::uint64_t device_dropped_frames = 0;
  std::uint64_t flows_active = 0;
  std::uint64_t flows_evicted = 0;
  std::uint64_t attempts_given_up = 0;
  std::uint64_t interim_slab_exhausted = 0;
  std::uint64_t tcp_slab_exhausted = 0;
  std::uint64_t blocks_lowered = 0;  // compressed less because the writer was behind
  std::uint64_t blocks_hurried = 0;  // or not at all
  std::uint64_t frames_shed = 0;     // payload of large flows left out, for the same reason
};

class Recorder {
 public:
  /// Allocates everything and begins to record. The caller holds the store's lock; `store` outlives the
  /// recorder.
  static Result<std::unique_ptr<Recorder>> start(const storage::Store& store, const RecorderConfig& config,
                                                 std::vector<LivePort> ports);
  /// Stops as stop() does.
  ~Recorder();

  RecorderView view() const;
  /// What sources and writers had to say since the last call.
  std::vector<SourceNotice> take_notices();
  /// A worker has ended by itself, or records cannot be written: time to stop.
  bool has_failed() const;

  /// Stops receiving, stores what has been received, ends all sessions, publishes all files, closes the
  /// accounts; those whose records could not be written stay open, for the next start to recover. The first
  /// error of any of that.
  Status stop();

  /// After stop().
  const storage::LedgerTotals& totals() const { return totals_; }
  storage::SegmentWriterCounters segment_counters() const;
  const std::vector<storage::Source>& accounts() const { return accounts_; }
  const storage::Ring& ring() const { return ring_; }

 private:
  struct Line;  // a worker with its exchange and thread

  Recorder(const storage::Store& store, const RecorderConfig& config);
  void make_accounts(const std::vector<LivePort>& ports);
  Status open_accounts();
  bool records_failed(std::size_t port) const;
  Status add_line(std::size_t port, std::uint16_t worker, std::unique_ptr<FrameSource> source,
                  unsigned lines_in_all);
  Status start_threads();
  void start_writer(std::size_t number);
  void start_worker(std::size_t number);
  Status close_accounts();

  const storage::Store& store_;
  const RecorderConfig config_;
  storage::Ring ring_;
  std::vector<storage::Source> accounts_;  // by port
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::thread> writer_threads_;
  StoreKeeper keeper_;
  std::thread keeper_thread_;
  std::vector<SourceNotice> start_notices_;
  storage::LedgerTotals totals_;
  bool running_ = false;
};

}  // namespace tapline::sensor
