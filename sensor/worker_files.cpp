#include "sensor/worker_files.hpp"

namespace tapline::sensor {
namespace {

storage::RowGroupFileConfig row_files(const storage::Store& store, const WorkerFilesConfig& config,
                                      storage::SegmentSpace& space, std::string directory,
                                      std::function<Status()> before_group) {
  storage::RowGroupFileConfig files = config.row_groups;
  files.space = &space;
  files.disk = &store.disk();
  files.directory = std::move(directory);
  files.before_group = std::move(before_group);
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
      sessions_(
          {row_files(store, config, space, store.sessions_directory(), [this] { return flush_packets(); })}),
      ledger_file_(
          row_files(store, config, space, store.ledger_directory(), [this] { return flush_packets(); })) {
  config_.segment.disk = &store.disk();
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

Status WorkerFiles::write(const storage::PacketBlock& block, storage::WriteEffort effort) {
  Segments& segments = segments_for(block.link_type());
  Status written;
  if (segments.writer != nullptr) {
    written = write_block(segments, block, effort);
    if (written || !config_.live) return written;
    TAPLINE_TRY(give_up(segments, written.error()));
    const bool no_budget = written.error().code == ErrorCode::kLimit;
    if (!no_budget && write_elsewhere(segments, block, effort)) return written;
  }
  segments.unsynced.clear();
  segments.unsynced.add(block);
  TAPLINE_TRY(drop(segments.unsynced, segments.failed_by));
  segments.unsynced.clear();
  return written;
}

Status WorkerFiles::write_block(Segments& segments, const storage::PacketBlock& block,
                                storage::WriteEffort effort) {
  const std::uint64_t published = segments.writer->counters().segments_published;
  Status written = segments.writer->write(block, effort);
  if (std::optional<Error> error = segments.writer->take_encoding_error()) encoding_error_ = std::move(error);
  if (!config_.live) return written;
  if (segments.writer->counters().segments_published != published) segments.unsynced.clear();
  if (!written) return written;
  segments.unsynced.add(block);
  if (effort == storage::WriteEffort::kNormal || !config_.segment.compress) return written;
  (effort == storage::WriteEffort::kRaw ? hurried_ : lowered_).add(block);
  return written;
}

/// Another volume may take it, or the ring makes room.
bool WorkerFiles::write_elsewhere(Segments& segments, const storage::PacketBlock& block,
                                  storage::WriteEffort effort) {
  open_writer(segments);
  if (write_block(segments, block, effort)) return true;
  segments.writer.reset();
  return false;
}

/// What the failed segment has lost moves to the dropped frames.
Status WorkerFiles::give_up(Segments& segments, const Error& error) {
  const bool no_space = error.code == ErrorCode::kLimit || error.code == ErrorCode::kNoSpace;
  segments.failed_by = no_space ? storage::DropCause::kNoSpace : storage::DropCause::kIoError;
  const bool lost = segments.writer->lost_blocks();
  storage::add_counters(past_, segments.writer->counters());
  segments.writer.reset();
  Status booked = lost ? drop(segments.unsynced, segments.failed_by) : Status();
  segments.unsynced.clear();
  return booked;
}

/// Corrects the books, which had the frames stored.
Status WorkerFiles::drop(const storage::StoredSeconds& stored, storage::DropCause cause) {
  return append_rows(stored.dropped_rows(cause, config_.port, config_.worker));
}

Status WorkerFiles::append_rows(const std::vector<storage::LedgerRow>& rows) {
  for (const storage::LedgerRow& row : rows) totals_.add(row);
  for (const storage::LedgerRow& row : rows) TAPLINE_TRY(ledger_file_.append(row));
  return {};
}

/// What was stored with less effort, second by second, into the ledger.
Status WorkerFiles::book_efforts() {
  const std::vector<storage::LedgerRow> lowered =
      lowered_.counter_rows(storage::kFrameStoredLowered, config_.port, config_.worker);
  const std::vector<storage::LedgerRow> hurried =
      hurried_.counter_rows(storage::kFrameStoredHurried, config_.port, config_.worker);
  lowered_.clear();
  hurried_.clear();
  TAPLINE_TRY(append_rows(lowered));
  return append_rows(hurried);
}

Status WorkerFiles::flush_packets() {
  for (Segments& segments : segments_) {
    if (segments.writer == nullptr) continue;
    Status flushed = segments.writer->flush();
    if (!flushed && !config_.live) return flushed;
    if (!flushed) TAPLINE_TRY(give_up(segments, flushed.error()));
  }
  return {};
}

Status WorkerFiles::write(const RecordBatch& batch) {
  // Sessions that cannot be written take neither the ledger nor the totals with them.
  Status sessions = write_sessions(batch);
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
    if (kept) segments.unsynced.clear();
    if (!kept) TAPLINE_TRY(give_up(segments, kept.error()));
    if (first) first = kept;
  }
  // Of the two that speak for the packets, after them; neither takes the other with it.
  Status sessions = sessions_.flush();  // says up to when the records are complete, if nothing else has
  if (sessions) sessions = sessions_.sync();
  TAPLINE_TRY(book_efforts());
  TAPLINE_TRY(ledger_file_.flush());
  TAPLINE_TRY(ledger_file_.sync());
  return sessions ? first : sessions;
}

Status WorkerFiles::finish() {
  Status first;
  const auto keep = [&first](Status status) {
    if (first) first = std::move(status);
  };
  for (Segments& segments : segments_) {
    if (segments.writer == nullptr) continue;
    const Status published = segments.writer->finish();
    keep(published);
    if (!published) keep(give_up(segments, published.error()));
  }
  keep(sessions_.finish());
  keep(book_efforts());
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
