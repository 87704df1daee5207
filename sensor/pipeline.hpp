#pragma once
// Pipeline: a worker and its files in one thread, as `tapline import` needs them: blocks and records are
// written when they are handed over. The caller polls the source and hands over its bursts. An error is
// final: what was complete stays readable, recovery does the rest.

#include <memory>
#include <span>
#include <vector>

#include "sensor/frame_worker.hpp"
#include "sensor/worker_files.hpp"
#include "storage/ring.hpp"

namespace tapline::sensor {

struct PipelineConfig {
  storage::SegmentId source_id{};
  std::uint16_t worker = 0;
  bool store_packets = true;              // false: sessions only
  CutoffPolicy cutoff;                    // how much of them
  std::uint64_t budget_bytes = 0;         // budget of packets and indexes; 0: none
  storage::HeldSegments* held = nullptr;  // what the ring must keep; outlives the pipeline
  std::uint32_t flows_max = 1u << 20;
  bool count_copies = false;
  unsigned lane_bits_max = 4;
  storage::SegmentWriterConfig segment;  // directories, ids and link type are filled in
};

class Pipeline : private WorkerExchange {
 public:
  static Result<std::unique_ptr<Pipeline>> create(const storage::Store& store, const PipelineConfig& config);

  /// One burst, as FrameWorker::process().
  Status process(std::span<Frame> burst);
  /// Ends all flows, publishes all files. Nothing may follow.
  Status finish();

  /// The books; complete after finish().
  const storage::LedgerTotals& totals() const { return files_.totals(); }
  const flowgen::FlowCounters& flow_counters() const { return worker_->flow_counters(); }
  TimeNs first_ns() const { return worker_->first_ns(); }
  TimeNs last_ns() const { return worker_->last_ns(); }
  storage::SegmentWriterCounters segment_counters() const { return files_.segment_counters(); }
  const storage::RowGroupFileCounters& session_counters() const { return files_.session_counters(); }
  std::uint64_t segments_evicted() const { return ring_.segments_evicted(); }

 private:
  Pipeline(const storage::Store& store, const PipelineConfig& config);
  storage::PacketBlock* take() override;
  void send(storage::PacketBlock& block) override;
  RecordBatch* take_batch() override { return &batch_; }
  void send_batch(RecordBatch& batch) override;

  storage::SegmentWriterConfig segment_;
  storage::Ring ring_;
  WorkerFiles files_;
  std::unique_ptr<FrameWorker> worker_;
  std::vector<std::unique_ptr<storage::PacketBlock>> blocks_;
  std::vector<storage::PacketBlock*> free_blocks_;
  RecordBatch batch_;
  std::uint64_t segments_seen_ = 0;
  Status status_;
};

}  // namespace tapline::sensor
