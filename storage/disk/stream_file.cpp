#include "storage/disk/stream_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "capture/base/check.hpp"
#include "storage/disk/streaming_copy.hpp"

namespace tapline {
namespace {

/// What direct writes to the file must be multiples of, in offset and length; 0: there are none. Where the
/// kernel does not say (before 6.1), the greatest that is taken here.
std::uint32_t direct_unit(int descriptor) {
  struct statx about {};
#ifdef STATX_DIOALIGN
  const int asked = ::statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &about);
  if (asked == 0 && (about.stx_mask & STATX_DIOALIGN) != 0) {
    const bool usable =
        about.stx_dio_mem_align <= kDirectAlignment && about.stx_dio_offset_align <= kSyncUnitMax;
    return usable ? about.stx_dio_offset_align : 0;
  }
#endif
  return kSyncUnitMax;
}

constexpr std::size_t kMemoryBytes = StreamFile::kBuffers * StreamFile::kBufferBytes;

/// Memory of streams that were closed, for the next: as much as was in use at once. Mapping takes 3 ms a
/// segment.
class FreeMemory {
 public:
  DirectMemory take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return allocate_direct(kMemoryBytes);
    DirectMemory memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give(DirectMemory memory) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }

 private:
  std::mutex mutex_;
  std::vector<DirectMemory> free_;
};

FreeMemory& free_memory() {
  static FreeMemory free;
  return free;
}

}  // namespace

Result<std::unique_ptr<DiskFile>> StreamFile::create(const std::string& path,
                                                     std::unique_ptr<WriteQueue> queue) {
  const auto unsupported = [&](std::string_view why) {
    return Error{ErrorCode::kUnsupported, fmt::format("cannot write {} past the page cache: {}", path, why)};
  };
  if (queue == nullptr) return unsupported("neither io_uring nor a thread can be had");
  Result<File> file = File::create(path);
  if (!file) return file.error();
  const int flags = ::fcntl(file->descriptor(), F_GETFL);
  if (::fcntl(file->descriptor(), F_SETFL, flags | O_DIRECT) != 0)
    return unsupported("its file system has no O_DIRECT");
  const std::uint32_t unit = direct_unit(file->descriptor());
  if (unit == 0) return unsupported("its file system wants longer units");
  return std::unique_ptr<DiskFile>(new StreamFile(std::move(*file), unit, std::move(queue)));
}

StreamFile::StreamFile(File file, std::uint32_t unit, std::unique_ptr<WriteQueue> queue)
    : file_(std::move(file)), unit_(unit), queue_(std::move(queue)), memory_(free_memory().take()) {
  static_assert(kMemoryBytes % kHugePageBytes == 0);
  TAPLINE_CHECK(memory_ != nullptr);
  for (std::uint32_t i = 0; i < kBuffers; ++i) buffers_[i].bytes = memory_.get() + i * kBufferBytes;
}

StreamFile::~StreamFile() {
  wait_for_all();
  free_memory().give(std::move(memory_));
}

Status StreamFile::append(std::span<const Bytes> pieces) {
  TAPLINE_TRY(state());
  for (Bytes piece : pieces) {
    while (!piece.empty()) {
      const std::size_t bytes = std::min(piece.size(), kBufferBytes - filled_);
      streaming_copy(buffers_[current_].bytes + filled_, piece.data(), bytes);
      filled_ += bytes;
      piece = piece.subspan(bytes);
      if (filled_ < kBufferBytes) continue;
      begin_write(kBufferBytes);
      next_buffer();
    }
  }
  return state();
}

/// By as much again as there is, and in few steps: each waits for what is under way. Not before a whole
/// buffer is written, so that a file which is flushed then begins with what it was given.
void StreamFile::move_length_ahead(std::uint64_t end_bytes) {
  if (end_bytes < kBufferBytes || end_bytes <= length_ || end_bytes > allocated_) return;
  const std::uint64_t ahead = std::clamp<std::uint64_t>(end_bytes, kAheadBytesMin, kAheadBytesMax);
  const std::uint64_t length = std::min(end_bytes + ahead, allocated_);
  if (file_.truncate(length)) length_ = length;  // else the write makes it longer
}

/// Of the buffer that fills, from its beginning.
void StreamFile::begin_write(std::size_t length) {
  move_length_ahead(begin_ + length);
  Buffer& buffer = buffers_[current_];
  buffer.offset = begin_;
  buffer.length = length;
  ++under_way_;
  const QueuedWrite write{file_.descriptor(), begin_, Bytes(buffer.bytes, length), current_};
  if (!queue_->begin(write)) write_now(current_);
}

/// What is left of a write, here and now.
void StreamFile::write_now(std::uint32_t number) {
  Buffer& buffer = buffers_[number];
  std::size_t done = 0;
  while (done < buffer.length) {
    const ssize_t written = ::pwrite(file_.descriptor(), buffer.bytes + done, buffer.length - done,
                                     static_cast<off_t>(buffer.offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      keep_failure(buffer.offset + done, written < 0 ? errno : ENOSPC);
      break;
    }
    done += static_cast<std::size_t>(written);
  }
  buffer.length = 0;
  --under_way_;
}

void StreamFile::wait_for_one() {
  const QueuedWriteResult result = queue_->wait();
  Buffer& buffer = buffers_[result.tag];
  if (result.bytes == static_cast<std::int64_t>(buffer.length)) {
    buffer.length = 0;
    --under_way_;
    return;
  }
  // The whole write again: what is written twice is the same, and the error then is that of the rest.
  if (result.bytes >= 0 || result.bytes == -EINTR || result.bytes == -EAGAIN) return write_now(result.tag);
  keep_failure(buffer.offset, static_cast<int>(-result.bytes));
  buffer.length = 0;
  --under_way_;
}

void StreamFile::wait_for_all() {
  while (under_way_ > 0) wait_for_one();
}

/// The first in the file counts: all before it was written, or will be.
void StreamFile::keep_failure(std::uint64_t offset, int number) {
  if (failure_ && failure_->offset <= offset) return;
  errno = number;
  failure_ = Failure{io_error("write", file_.path()), offset};
}

void StreamFile::next_buffer() {
  begin_ += filled_;
  filled_ = flushed_ = 0;
  if (under_way_ == kBuffers) wait_for_one();
  const auto idle = std::ranges::find(buffers_, std::size_t{0}, &Buffer::length);
  current_ = static_cast<std::uint32_t>(idle - buffers_.begin());
}

Status StreamFile::flush() {
  if (!failure_ && flushed_ < filled_) {
    const std::size_t length = (filled_ + unit_ - 1) / unit_ * unit_;
    std::memset(buffers_[current_].bytes + filled_, 0, length - filled_);
    begin_write(length);
  }
  wait_for_all();
  TAPLINE_TRY(state());
  // Whole sectors are done with; what is left of the last one is written again with what comes.
  const std::size_t whole = filled_ / unit_ * unit_;
  std::uint8_t* const bytes = buffers_[current_].bytes;
  std::memmove(bytes, bytes + whole, filled_ - whole);
  begin_ += whole;
  filled_ -= whole;
  flushed_ = filled_;
  return {};
}

Status StreamFile::sync() {
  TAPLINE_TRY(flush());
  return file_.sync_data();
}

Status StreamFile::truncate(std::uint64_t bytes) {
  wait_for_all();
  if (failure_ && bytes > failure_->offset) return failure_->error;
  failure_.reset();
  if (bytes >= begin_) {
    TAPLINE_CHECK(bytes <= end());
    filled_ = bytes - begin_;
    flushed_ = 0;
    TAPLINE_TRY(flush());
  } else {
    TAPLINE_TRY(load_tail(bytes));
  }
  length_ = bytes;
  return file_.truncate(bytes);
}

/// Makes the sector in which the file is to end the beginning of the buffer.
Status StreamFile::load_tail(std::uint64_t bytes) {
  begin_ = bytes / unit_ * unit_;
  filled_ = flushed_ = bytes - begin_;
  if (filled_ == 0) return {};
  const ssize_t read =
      ::pread(file_.descriptor(), buffers_[current_].bytes, unit_, static_cast<off_t>(begin_));
  return read >= static_cast<ssize_t>(filled_) ? Status() : io_error("read the end of", file_.path());
}

Status StreamFile::allocate(std::uint64_t bytes) {
  TAPLINE_TRY(file_.allocate(bytes));
  allocated_ = bytes;
  return {};
}

}  // namespace tapline
