#include "sensor/pipeline.hpp"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "capture/packet/decode.hpp"

namespace tapline::sensor {
namespace {

constexpr std::uint16_t kImportPort = 0;  // a file is one link, however many interfaces it was captured on

storage::RowGroupFileConfig row_files(const storage::Store& store, const PipelineConfig& config,
                                      std::string directory) {
  storage::RowGroupFileConfig files;
  files.directory = std::move(directory);
  files.port = kImportPort;
  files.worker = config.worker;
  files.sensor_id = store.sensor_id();
  files.source_id = config.source_id;
  return files;
}

Result<std::unique_ptr<flowgen::FlowTable>> make_table(const storage::Store& store,
                                                       const PipelineConfig& config) {
  flowgen::FlowTableConfig table;
  table.flows_max = config.flows_max;
  table.sensor_id = store.sensor_id();
  table.worker = config.worker;
  table.frames_stored = config.store_packets;
  if (::getrandom(&table.hash_seed, sizeof table.hash_seed, 0) != sizeof table.hash_seed) {
    return io_error("read random bytes from", "the kernel");
  }
  return flowgen::FlowTable::create(table);
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::create(const storage::Store& store,
                                                   const PipelineConfig& config) {
  Result<std::unique_ptr<flowgen::FlowTable>> table = make_table(store, config);
  if (!table) return table.error();
  return std::unique_ptr<Pipeline>(new Pipeline(store, config, std::move(*table)));
}

Pipeline::Pipeline(const storage::Store& store, const PipelineConfig& config,
                   std::unique_ptr<flowgen::FlowTable> table)
    : config_(config),
      ring_(store, config.ring_bytes),
      table_(std::move(table)),
      sessions_({row_files(store, config, store.sessions_directory())}),
      ledger_(kImportPort, config.worker),
      ledger_file_(row_files(store, config, store.ledger_directory())) {
  config_.segment.directory = config_.segment.index_directory = store.packets_directory();
  config_.segment.sensor_id = store.sensor_id();
  config_.segment.source_id = config.source_id;
  config_.segment.port = kImportPort;
  config_.segment.worker = config.worker;
  config_.segment.segment_bytes_max = ring_.segment_bytes(config_.segment.segment_bytes_max);
}

storage::SegmentWriter& Pipeline::writer_for(std::uint16_t link_type) {
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    if (writer_link_types_[i] == link_type) return *writers_[i];
  }
  storage::SegmentWriterConfig segment = config_.segment;
  segment.link_type = link_type;
  writer_link_types_.push_back(link_type);
  writers_.push_back(std::make_unique<storage::SegmentWriter>(
      segment, [this](std::uint64_t bytes) { return make_room(bytes); }));
  return *writers_.back();
}

Status Pipeline::make_room(std::uint64_t bytes) {
  // The ring sees what open segments hold now, not what they were promised.
  for (const auto& writer : writers_) bytes += writer->reserved_bytes_left();
  return ring_.make_room(bytes);
}

Status Pipeline::process(std::span<Frame> burst) {
  if (burst.empty()) return {};
  std::array<PacketMeta, kBurstFramesMax> metas;
  std::array<FlowHit, kBurstFramesMax> hits;
  stamper_.stamp(burst);
  decode_burst(burst, std::span(metas).first(burst.size()));
  table_->update(burst, std::span(metas).first(burst.size()), std::span(hits).first(burst.size()));
  TAPLINE_TRY(store_burst(burst, metas, hits));
  TAPLINE_TRY(drain_records());
  for (bool more = true; more;) {
    more = table_->advance(stamper_.last().time_ns, flowgen::FlowTable::kRecordsPerAdvanceMax);
    TAPLINE_TRY(drain_records());
  }
  sessions_.note_complete(stamper_.last().time_ns);
  return drain_ledger();
}

Status Pipeline::store_burst(std::span<Frame> frames, std::span<const PacketMeta> metas,
                             std::span<const FlowHit> hits) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Frame& frame = frames[i];
    if (!any_frame_) first_ns_ = last_ns_ = frame.time_ns;
    any_frame_ = true;
    first_ns_ = std::min(first_ns_, frame.time_ns);
    last_ns_ = std::max(last_ns_, frame.time_ns);

    storage::LedgerCounts& counts = ledger_.at(frame.order.time_ns);
    counts.add_polled(frame);
    counts.add_decoded(1);
    hits[i].slot != nullptr ? counts.add_in_session() : counts.add_no_session(metas[i].status);
    if (!config_.store_packets) {
      counts.add_filtered(frame);
      continue;
    }
    const std::uint32_t stored_bytes = std::min(frame.captured_bytes, kFrameBytesMax);
    const bool cut = stored_bytes < frame.captured_bytes;
    counts.add_stored(frame, stored_bytes);
    if (cut && hits[i].slot != nullptr) table_->count_unstored(hits[i]);
    frame.captured_bytes = stored_bytes;
    TAPLINE_TRY(writer_for(frame.link_type).append(frame, metas[i], hits[i], cut));
  }
  return {};
}

Status Pipeline::drain_records() {
  for (const SessionRecord& record : table_->records()) TAPLINE_TRY(sessions_.append(record));
  table_->clear_records();
  return {};
}

Status Pipeline::drain_ledger() {
  for (const storage::LedgerRow& row : ledger_.rows()) {
    totals_.add(row);
    TAPLINE_TRY(ledger_file_.append(row));
  }
  ledger_.clear_rows();
  return {};
}

Status Pipeline::finish() {
  for (bool more = true; more;) {
    more = table_->finish(flowgen::FlowTable::kRecordsPerAdvanceMax);
    TAPLINE_TRY(drain_records());
  }
  ledger_.close_second();
  TAPLINE_TRY(drain_ledger());
  for (const auto& writer : writers_) TAPLINE_TRY(writer->finish());
  TAPLINE_TRY(sessions_.finish());
  return ledger_file_.finish();
}

storage::SegmentWriterCounters Pipeline::segment_counters() const {
  storage::SegmentWriterCounters sum;
  for (const auto& writer : writers_) {
    const storage::SegmentWriterCounters& one = writer->counters();
    sum.blocks_compressed += one.blocks_compressed;
    sum.blocks_raw += one.blocks_raw;
    sum.segments_published += one.segments_published;
    sum.stored_bytes += one.stored_bytes;
    sum.index_bytes += one.index_bytes;
  }
  return sum;
}

}  // namespace tapline::sensor
