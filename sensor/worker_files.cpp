#include "sensor/worker_files.hpp"

namespace tapline::sensor {
namespace {

storage::RowGroupFileConfig row_files(const storage::Store& store, const WorkerFilesConfig& config,
                                      std::string directory) {
  storage::RowGroupFileConfig files;
  files.directory = std::move(directory);
  files.port = config.port;
  files.worker = config.worker;
  files.sensor_id = store.sensor_id();
  files.source_id = config.source_id;
  return files;
}

}  // namespace

WorkerFiles::WorkerFiles(const storage::Store& store, const WorkerFilesConfig& config,
                         storage::SegmentSpace& space)
    : config_(config),
      space_(space),
      sessions_({row_files(store, config, store.sessions_directory())}),
      ledger_file_(row_files(store, config, store.ledger_directory())) {
  config_.segment.directory = config_.segment.index_directory = store.packets_directory();
  config_.segment.sensor_id = store.sensor_id();
  config_.segment.source_id = config.source_id;
  config_.segment.port = config.port;
  config_.segment.worker = config.worker;
}

storage::SegmentWriter& WorkerFiles::writer_for(std::uint16_t link_type) {
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    if (writer_link_types_[i] == link_type) return *writers_[i];
  }
  storage::SegmentWriterConfig segment = config_.segment;
  segment.link_type = link_type;
  writer_link_types_.push_back(link_type);
  writers_.push_back(std::make_unique<storage::SegmentWriter>(segment, space_));
  return *writers_.back();
}

Status WorkerFiles::write(const storage::PacketBlock& block, bool compress) {
  return writer_for(block.link_type()).write(block, compress);
}

Status WorkerFiles::write(const RecordBatch& batch) {
  for (const SessionRecord& record : batch.sessions) TAPLINE_TRY(sessions_.append(record));
  for (const storage::LedgerRow& row : batch.ledger) {
    totals_.add(row);
    TAPLINE_TRY(ledger_file_.append(row));
  }
  sessions_.note_complete(batch.complete_until_ns);
  ledger_file_.note_complete(batch.complete_until_ns);
  if (!config_.live) return {};
  if (!batch.sessions.empty()) TAPLINE_TRY(sessions_.flush());
  return ledger_file_.flush();
}

Status WorkerFiles::housekeep(TimeNs order_ns) {
  for (const auto& writer : writers_) {
    TAPLINE_TRY(writer->rotate_if_old(order_ns));
    TAPLINE_TRY(writer->sync());
  }
  return sessions_.flush();  // says up to when the records are complete, if nothing else has
}

Status WorkerFiles::finish() {
  for (const auto& writer : writers_) TAPLINE_TRY(writer->finish());
  TAPLINE_TRY(sessions_.finish());
  return ledger_file_.finish();
}

storage::SegmentWriterCounters WorkerFiles::segment_counters() const {
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
