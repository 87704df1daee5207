#include "sensor/pipeline.hpp"

#include <algorithm>

namespace tapline::sensor {
namespace {

constexpr std::uint16_t kImportPort = 0;  // a file is one link, however many interfaces it was captured on

WorkerFilesConfig files_config(const PipelineConfig& config, storage::Ring& ring) {
  WorkerFilesConfig files;
  files.source_id = config.source_id;
  files.port = kImportPort;
  files.worker = config.worker;
  files.segment = config.segment;
  files.segment.segment_bytes_max = ring.segment_bytes(config.segment.segment_bytes_max);
  return files;
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::create(const storage::Store& store,
                                                   const PipelineConfig& config) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(store, config));
  FrameWorkerConfig worker;
  worker.sensor_id = store.sensor_id();
  worker.port = kImportPort;
  worker.worker = config.worker;
  worker.store_packets = config.store_packets;
  worker.cutoff = config.cutoff;
  worker.flows_max = config.flows_max;
  worker.count_copies = config.count_copies;
  worker.lanes.block_bytes = pipeline->segment_.block_bytes;
  worker.lanes.lane_bits_max = config.lane_bits_max;
  Result<std::unique_ptr<FrameWorker>> made = FrameWorker::create(worker, *pipeline);
  if (!made) return made.error();
  pipeline->worker_ = std::move(*made);
  return pipeline;
}

Pipeline::Pipeline(const storage::Store& store, const PipelineConfig& config)
    : segment_(config.segment),
      ring_(store, config.budget_bytes, config.held),
      files_(store, files_config(config, ring_), ring_) {}

storage::PacketBlock* Pipeline::take() {
  if (free_blocks_.empty()) {
    blocks_.push_back(
        std::make_unique<storage::PacketBlock>(segment_.block_bytes, segment_.segment_duration_ns_max));
    return blocks_.back().get();
  }
  storage::PacketBlock* const block = free_blocks_.back();
  free_blocks_.pop_back();
  return block;
}

void Pipeline::send(storage::PacketBlock& block) {
  if (status_) status_ = files_.write(block);
  free_blocks_.push_back(&block);
}

void Pipeline::send_batch(RecordBatch& batch) {
  if (status_) status_ = files_.write(batch);
  batch.clear();
}

Status Pipeline::process(std::span<Frame> burst) {
  if (burst.empty()) return {};
  TAPLINE_CHECK(worker_->ready());
  worker_->process(burst);
  while (!worker_->advance(flowgen::FlowTable::kRecordsPerAdvanceMax)) continue;  // there is always room
  // Blocks that began in the segment before go into the next one at once, so that segments hardly overlap in
  // time.
  if (const std::uint64_t published = files_.segment_counters().segments_published;
      published != segments_seen_) {
    segments_seen_ = published;
    for (const auto& lanes : worker_->lanes()) lanes->seal_all();
  }
  return status_;
}

Status Pipeline::finish() {
  worker_->finish();
  TAPLINE_TRY(status_);
  return files_.finish();
}

}  // namespace tapline::sensor
