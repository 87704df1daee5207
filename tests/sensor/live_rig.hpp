#pragma once
// LiveRig: one worker and one writer of the sensor, stepped by a test instead of threads, with a scripted
// source and clocks that stand still until the test moves them.

#include <memory>

#include "sensor/worker.hpp"
#include "sensor/writer.hpp"
#include "storage/ring.hpp"
#include "tests/sensor/scripted_source.hpp"

namespace tapline::test {

inline constexpr TimeNs kRigStart = 1'767'225'600 * kNsPerSecond;

struct RigConfig {
  std::size_t blocks = 64;
  std::uint32_t flows_max = 65536;
  std::uint64_t budget_bytes = 0;
  TimeNs grace_ns = 100 * kNsPerMillisecond;
  sensor::CutoffPolicy cutoff;
  storage::SegmentWriterConfig segment;
  storage::RowGroupFileConfig row_groups;  // of sessions and ledger
  bool record_disk = false;
  std::vector<std::string> volumes;  // more of them, by the names of their directories
};
/// Blocks of 4 KiB.
RigConfig small_blocks();

class LiveRig {
 public:
  /// `source`: instead of a ScriptedSource.
  explicit LiveRig(const RigConfig& config = {}, std::unique_ptr<FrameSource> source = nullptr);

  /// Both clocks go on.
  static void pass(TimeNs span_ns);
  static void set_wall_clock(TimeNs time_ns);
  static TimeNs now_ns();
  /// An Ethernet frame of UDP captured now; each `flow` has addresses of its own.
  static OwnedFrame udp_now(std::uint32_t flow, std::size_t payload_bytes = 200);

  /// The worker's steps until it finds nothing to do.
  void work();
  /// The writer's steps until it finds nothing to do.
  void write();
  /// Time passes in steps of 10 ms with both at work.
  void run_for(TimeNs span_ns);

  /// As the recorder does before it starts: coverage and recovery ask for it.
  void save_account() const;
  /// Orderly stop, the writer at work all the time; then requires that books, ledger, sessions and segments
  /// agree.
  void stop();
  /// What follows when the worker has said kDone.
  void finish_writer();
  void require_books() const;
  /// Directory of a volume.
  std::string volume(const std::string& name) const { return store->path() + "-" + name; }
  /// Final records on disk.
  std::vector<SessionRecord> final_sessions() const;
  std::int64_t count(std::size_t counter) const { return files().totals().counts()[counter]; }
  const sensor::WorkerFiles& files() const { return writer.files(0); }

  TestStore store;
  storage::SegmentId source_id{};
  std::shared_ptr<Script> script = std::make_shared<Script>();
  storage::HeldSegments held;  // for a HoldKeeper; nothing, without one
  storage::Ring ring;
  sensor::ThreadExchange exchange;
  sensor::Writer writer;
  std::unique_ptr<sensor::Worker> worker;
};

}  // namespace tapline::test
