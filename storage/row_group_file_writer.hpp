#pragma once
// RowGroupFileWriter: the session files or the ledger files of one worker, one after the other: a row group
// is a block. Opens a file for the first group, rotates, publishes. One thread. Errors come from the disk and
// are final for this object: the file stays `.open` with its complete groups, and recovery publishes it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/block_codec.hpp"
#include "storage/container_writer.hpp"
#include "storage/index_builder.hpp"
#include "storage/segment_space.hpp"

namespace tapline::storage {

struct RowGroupFileConfig {
  Disk* disk = &real_disk();      // outlives the writer
  SegmentSpace* space = nullptr;  // asked for room where the disk is full; outlives the writer
  std::string directory;          // sessions/ or ledger/ of the store
  /// Called before each group is written: readers must find what it says to be complete. Empty: nothing.
  std::function<Status()> before_group;
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  std::uint64_t sensor_id = 0;
  SegmentId source_id{};
  std::uint64_t file_bytes_max = 64u << 20;  // reached by less than one group
  TimeNs file_span_ns_max = 3600 * kNsPerSecond;
  /// A file is not closed for its span before it has so many rows: clocks that jump would make a file a
  /// group.
  std::uint32_t file_rows_min = 65536;
  /// On a quiet link most groups are small or empty, some a second, to say up to when records are complete.
  /// Each question walks the open files group by group, with two preads each: hours of them must do.
  std::uint32_t file_groups_max = 16384;
  /// Columns leave zstd little. On the large trace's sessions level 3 takes twice the time of level 1 and
  /// saves 3 %; this one takes half of it (4 % of all that sessions cost) and 2.6 % more room.
  int compression_level = -1;
};

/// What the container is told about a group.
struct RowGroupInfo {
  std::uint32_t rows = 0;
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  TimeNs order_last_ns = 0;
};

struct RowGroupFileCounters {
  std::uint64_t rows_written = 0;
  std::uint64_t groups_written = 0;
  std::uint64_t files_published = 0;
  std::uint64_t stored_bytes = 0;  // of published files and the open one, without indexes
};

class RowGroupFileWriter {
 public:
  /// `kind` and `suffix` belong together (format.hpp, file_names.hpp). `group_bytes_max`: longest group;
  /// buffers for it are allocated now.
  RowGroupFileWriter(RowGroupFileConfig config, std::uint16_t kind, std::string_view suffix,
                     std::uint32_t group_bytes_max);

  /// `keys`: what rows of the group can be found by; with any, the file gets an index when it is published.
  Status append(Bytes group, const RowGroupInfo& info, std::span<const IndexKey> keys = {});
  /// Makes what was appended survive a power cut; does nothing if it does already.
  Status sync() { return file_ ? keep_failure(file_->sync()) : Status(); }
  /// Publishes the open file, if any. A later append() begins a new one.
  Status finish();

  /// What ended this writer, if anything did.
  Status status() const { return failure_ ? Status(*failure_) : Status(); }
  bool is_open() const { return file_.has_value(); }
  const RowGroupFileCounters& counters() const { return counters_; }

 private:
  /// Once more as long as the disk is full and somebody makes room.
  template <class Write>
  Status insist(const Write& write);
  Status open_file(const RowGroupInfo& info);
  Status append_group(Bytes group, const RowGroupInfo& info, std::span<const IndexKey> keys);
  Status publish();
  bool must_rotate(const RowGroupInfo& info) const;
  Status keep_failure(Status status);

  RowGroupFileConfig config_;
  std::uint16_t kind_;
  std::string_view suffix_;
  BlockEncoder encoder_;
  std::optional<ContainerWriter> file_;
  IndexBuilder index_;
  SegmentId previous_id_{};
  std::array<std::uint8_t, 32> previous_root_{};
  RowGroupFileCounters counters_;
  std::optional<Error> failure_;
};

}  // namespace tapline::storage
