#include "storage/session_file_writer.hpp"

#include <limits>

#include "capture/base/check.hpp"
#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

constexpr TimeNs kNothingComplete = std::numeric_limits<TimeNs>::min();

/// Every integer column as varints of 10 bytes with a range, two addresses of 16 bytes with 2 bytes of index,
/// a uid.
constexpr std::uint32_t kRowBytesMax = 10 * kSessionColumnCount + 2 * 18 + 10;
constexpr std::uint32_t kDirectoryBytesMax = 64 * kSessionColumnCount + sizeof(RowGroupHeader);
static_assert(kSessionGroupRowsMax * kRowBytesMax + kDirectoryBytesMax <= kBlockRawBytesMax);

}  // namespace

SessionFileWriter::SessionFileWriter(const SessionFileConfig& config)
    : rows_(config.group_rows),
      files_(config.file, kKindSessions, kSessionSuffix,
             config.group_rows * kRowBytesMax + kDirectoryBytesMax),
      complete_until_ns_(kNothingComplete),
      complete_written_ns_(kNothingComplete) {
  TAPLINE_CHECK(config.group_rows <= kSessionGroupRowsMax);
}

Status SessionFileWriter::append(const SessionRecord& record) {
  if (rows_.full()) TAPLINE_TRY(write_group());
  rows_.append(record);
  keys_.push_back(uid_key(record.uid));
  return {};
}

void SessionFileWriter::note_complete(TimeNs order_ns) {
  if (order_ns > complete_until_ns_) complete_until_ns_ = order_ns;
}

Status SessionFileWriter::write_group() {
  const RowGroupInfo info{rows_.rows(), rows_.first_ns(), rows_.last_ns(), rows_.order_last_ns()};
  complete_written_ns_ = complete_until_ns_;
  last_ns_ = info.last_ns;
  Status written = files_.append(rows_.take_group(complete_until_ns_), info, keys_);
  keys_.clear();
  return written;
}

Status SessionFileWriter::flush() {
  TAPLINE_TRY(files_.status());
  if (rows_.rows() > 0) return write_group();
  if (!files_.is_open() || complete_until_ns_ == complete_written_ns_) return {};
  complete_written_ns_ = complete_until_ns_;
  const RowGroupInfo info{0, last_ns_, last_ns_, last_ns_};
  return files_.append(rows_.take_group(complete_until_ns_), info);
}

Status SessionFileWriter::finish() {
  TAPLINE_TRY(flush());
  return files_.finish();
}

}  // namespace tapline::storage
