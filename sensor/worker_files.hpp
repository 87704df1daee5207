#pragma once
// WorkerFiles: the files of one worker in the store: packet segments of each link type, session records,
// ledger. The writer's half of what FrameWorker begins. One thread.
//
// Live, a disk that refuses packets loses them, counted: the ledger's rows are corrected, and the next
// housekeep() tries a new segment; the failed one keeps what is safely on the disk for recovery. What the
// disk refuses of records and ledger is an error that the caller sees; each of the three is written as far as
// it can be, whatever became of the others.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sensor/record_batch.hpp"
#include "storage/ledger_file.hpp"
#include "storage/segment_writer.hpp"
#include "storage/session_file_writer.hpp"
#include "storage/store.hpp"
#include "storage/stored_seconds.hpp"

namespace tapline::sensor {

struct WorkerFilesConfig {
  storage::SegmentId source_id{};
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  /// Live: records are written as their batches come, so that readers see them soon.
  bool live = false;
  storage::SegmentWriterConfig segment;    // directories, ids and link type are filled in
  storage::RowGroupFileConfig row_groups;  // of sessions and ledger; likewise
};

class WorkerFiles {
 public:
  /// `space` outlives it.
  WorkerFiles(const storage::Store& store, const WorkerFilesConfig& config, storage::SegmentSpace& space);
  WorkerFiles(const WorkerFiles&) = delete;
  WorkerFiles& operator=(const WorkerFiles&) = delete;

  /// `effort` as in SegmentWriter::write(); live, frames stored with less than the normal one are booked.
  Status write(const storage::PacketBlock& block,
               storage::WriteEffort effort = storage::WriteEffort::kNormal);
  Status write(const RecordBatch& batch);
  /// Live: publishes segments whose time has come at order time `order_ns`, and makes what was written
  /// survive a power cut. About once a second.
  Status housekeep(TimeNs order_ns);
  /// Publishes everything it can; the first error. Nothing may follow.
  Status finish();
  /// Readers find the packets of all blocks so far; also before each group of records is written.
  Status flush_packets();

  /// The books; complete after finish().
  const storage::LedgerTotals& totals() const { return totals_; }
  /// Summed over the segment writers of all link types.
  storage::SegmentWriterCounters segment_counters() const;
  const storage::RowGroupFileCounters& session_counters() const { return sessions_.counters(); }
  /// A block was encoded wrongly, and stored raw: once a segment writer.
  std::optional<Error> take_encoding_error() { return std::exchange(encoding_error_, std::nullopt); }

 private:
  struct Segments {
    std::uint16_t link_type;
    std::unique_ptr<storage::SegmentWriter> writer;  // null after a failure, until housekeep() tries again
    storage::DropCause failed_by = storage::DropCause::kIoError;
    storage::StoredSeconds unsynced = {};  // live: what the disk may still lose
  };

  Segments& segments_for(std::uint16_t link_type);
  void open_writer(Segments& segments);
  Status write_block(Segments& segments, const storage::PacketBlock& block, storage::WriteEffort effort);
  bool write_elsewhere(Segments& segments, const storage::PacketBlock& block, storage::WriteEffort effort);
  Status give_up(Segments& segments, const Error& error);
  Status write_sessions(const RecordBatch& batch);
  Status drop(const storage::StoredSeconds& stored, storage::DropCause cause);
  Status append_rows(const std::vector<storage::LedgerRow>& rows);
  Status book_efforts();

  WorkerFilesConfig config_;
  storage::SegmentSpace& space_;
  std::vector<Segments> segments_;       // one a link type, in order of appearance
  storage::SegmentWriterCounters past_;  // of writers that failed
  storage::SessionFileWriter sessions_;
  storage::LedgerFileWriter ledger_file_;
  storage::LedgerTotals totals_;
  storage::StoredSeconds
      lowered_;  // since the last housekeep(): stored with an effort between normal and raw
  storage::StoredSeconds hurried_;  // raw
  std::optional<Error> encoding_error_;
};

}  // namespace tapline::sensor
