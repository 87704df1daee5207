#pragma once
// StreamFile: a DiskFile for long runs of bytes. It writes past the page cache (O_DIRECT), a buffer at a
// time, several of them under way while the next fills: the disk is kept busy, and what other processes have
// in the cache stays there.
//
// Writes that make a file longer wait for each other in the kernel, so its length is moved ahead of them
// within what allocate() took: behind what was written it has zeroes, until truncate() says where it ends.
//
// A buffer that is not full yet is written by flush() and sync() up to the end of its last sector, which is
// padded with zeroes and written again when more comes. Whoever pads the file to `sync_unit()` itself before
// it syncs never has a sector written again that was synced.

#include <array>
#include <memory>
#include <optional>

#include "capture/base/file.hpp"
#include "storage/disk/direct_memory.hpp"
#include "storage/disk/disk.hpp"
#include "storage/disk/write_queue.hpp"

namespace tapline {

class StreamFile : public DiskFile {
 public:
  static constexpr std::size_t kBufferBytes = 1u << 20;
  static constexpr std::uint32_t kBuffers = 8;  // one fills, the others are under way
  static constexpr std::uint64_t kAheadBytesMin = 16u << 20;
  static constexpr std::uint64_t kAheadBytesMax = 256u << 20;

  /// A new, empty file, or one that is emptied. kUnsupported where the file system or the kernel has no such
  /// writes, or wants longer units than kSyncUnitMax: an ordinary file does it then. `queue` writes for it.
  static Result<std::unique_ptr<DiskFile>> create(const std::string& path, std::unique_ptr<WriteQueue> queue);
  ~StreamFile() override;

  Status append(std::span<const Bytes> pieces) override;
  Status flush() override;
  Status sync() override;
  Status truncate(std::uint64_t bytes) override;
  Status allocate(std::uint64_t bytes) override;
  std::uint32_t sync_unit() const override { return unit_; }

 private:
  struct Buffer {
    std::uint8_t* bytes = nullptr;  // in memory_
    std::uint64_t offset = 0;       // of the write that is under way
    std::size_t length = 0;         // 0: none is
  };
  struct Failure {
    Error error;
    std::uint64_t offset = 0;  // up to there, all was written
  };

  StreamFile(File file, std::uint32_t unit, std::unique_ptr<WriteQueue> queue);
  std::uint64_t end() const { return begin_ + filled_; }
  void begin_write(std::size_t length);
  void move_length_ahead(std::uint64_t end_bytes);
  void write_now(std::uint32_t number);
  void wait_for_one();
  void wait_for_all();
  void keep_failure(std::uint64_t offset, int number);
  void next_buffer();
  Status load_tail(std::uint64_t bytes);
  Status state() const { return failure_ ? Status(failure_->error) : Status(); }

  File file_;
  std::uint32_t unit_;
  std::unique_ptr<WriteQueue> queue_;
  DirectMemory memory_;
  std::array<Buffer, kBuffers> buffers_;
  std::uint32_t current_ = 0;  // the one that fills
  std::uint64_t begin_ = 0;    // of the file: where it begins; a multiple of unit_
  std::size_t filled_ = 0;     // bytes in it
  std::size_t flushed_ = 0;    // of them, those that have been written
  std::uint64_t length_ = 0;   // of the file, as the file system has it, at least
  std::uint64_t allocated_ = 0;
  std::uint32_t under_way_ = 0;  // buffers
  std::optional<Failure> failure_;
};

}  // namespace tapline
