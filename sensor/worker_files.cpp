#include "sensor/worker_files.hpp"

#include <algorithm>

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

/// What turns the block's frames from stored ones into dropped ones. Only frames of kFrameBytesMax can have
/// been cut by us; then all of the frame had been captured.
storage::LedgerCounts unstored(const storage::PacketBlock& block, storage::DropCause cause) {
  storage::LedgerCounts stored;
  storage::LedgerCounts change;
  std::uint32_t cut_left = block.info().cut_frames;
  const Bytes content = block.content();
  for (std::size_t at = 0; at < content.size();) {
    Frame frame;
    const auto stored_bytes = load_le<std::uint32_t>(content.data() + at + 8);
    frame.captured_bytes = stored_bytes;
    frame.wire_bytes = load_le<std::uint32_t>(content.data() + at + 12);
    if (cut_left > 0 && stored_bytes == kFrameBytesMax) {
      --cut_left;
      frame.captured_bytes = std::max(frame.wire_bytes, stored_bytes + 1);
    }
    stored.add_stored(frame, stored_bytes);
    change.add_dropped(frame, cause);
    at += storage::kPcapRecordHeaderBytes + stored_bytes;
  }
  for (std::size_t i = 0; i < storage::kLedgerCounterCount; ++i) change.values[i] -= stored.values[i];
  return change;
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

WorkerFiles::Segments& WorkerFiles::segments_for(std::uint16_t link_type) {
  for (Segments& segments : segments_) {
    if (segments.link_type == link_type) return segments;
  }
  segments_.push_back({link_type, nullptr});
  open_writer(segments_.back());
  return segments_.back();
}

void WorkerFiles::open_writer(Segments& segments) {
  storage::SegmentWriterConfig config = config_.segment;
  config.link_type = segments.link_type;
  segments.writer = std::make_unique<storage::SegmentWriter>(config, space_);
}

Status WorkerFiles::write(const storage::PacketBlock& block, bool compress) {
  Segments& segments = segments_for(block.link_type());
  if (segments.writer == nullptr) return drop_block(block, segments.failed_by);
  const Status written = segments.writer->write(block, compress);
  if (written || !config_.live) return written;
  give_up(segments, written.error());
  TAPLINE_TRY(drop_block(block, segments.failed_by));
  return written;
}

void WorkerFiles::give_up(Segments& segments, const Error& error) {
  const bool no_space = error.code == ErrorCode::kLimit;
  segments.failed_by = no_space ? storage::DropCause::kNoSpace : storage::DropCause::kIoError;
  storage::add_counters(past_, segments.writer->counters());
  segments.writer.reset();
}

/// Corrects the books, which had the block's frames stored. The correction stands in the second of the
/// block's first frame.
Status WorkerFiles::drop_block(const storage::PacketBlock& block, storage::DropCause cause) {
  storage::LedgerRow row;
  row.second = floor_seconds(block.info().order_first_ns);
  row.port = config_.port;
  row.worker = config_.worker;
  row.counts = unstored(block, cause);
  totals_.add(row);
  return ledger_file_.append(row);
}

Status WorkerFiles::write(const RecordBatch& batch) {
  // Sessions that cannot be written take neither the ledger nor the totals with them.
  const Status sessions = write_sessions(batch);
  for (const storage::LedgerRow& row : batch.ledger) totals_.add(row);
  for (const storage::LedgerRow& row : batch.ledger) TAPLINE_TRY(ledger_file_.append(row));
  ledger_file_.note_complete(batch.complete_until_ns);
  if (config_.live) TAPLINE_TRY(ledger_file_.flush());
  return sessions;
}

Status WorkerFiles::write_sessions(const RecordBatch& batch) {
  for (const SessionRecord& record : batch.sessions) TAPLINE_TRY(sessions_.append(record));
  sessions_.note_complete(batch.complete_until_ns);
  return config_.live && !batch.sessions.empty() ? sessions_.flush() : Status();
}

Status WorkerFiles::housekeep(TimeNs order_ns) {
  Status first;
  for (Segments& segments : segments_) {
    if (segments.writer == nullptr) open_writer(segments);
    Status kept = segments.writer->rotate_if_old(order_ns);
    if (kept) kept = segments.writer->sync();
    if (!kept) give_up(segments, kept.error());
    if (first) first = kept;
  }
  const Status flushed = sessions_.flush();  // says up to when the records are complete, if nothing else has
  return flushed ? first : flushed;
}

Status WorkerFiles::finish() {
  Status first;
  const auto keep = [&first](Status status) {
    if (first) first = std::move(status);
  };
  for (const Segments& segments : segments_) {
    if (segments.writer != nullptr) keep(segments.writer->finish());
  }
  keep(sessions_.finish());
  keep(ledger_file_.finish());
  return first;
}

storage::SegmentWriterCounters WorkerFiles::segment_counters() const {
  storage::SegmentWriterCounters sum = past_;
  for (const Segments& segments : segments_) {
    if (segments.writer != nullptr) storage::add_counters(sum, segments.writer->counters());
  }
  return sum;
}

}  // namespace tapline::sensor
