#pragma once
// File: an owned descriptor with whole-transfer reads and writes. Errors carry the path and the operating
// system's words. Any thread may call the positioned reads; writes belong to one thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/base/result.hpp"

namespace tapline {

class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Leaves no access time behind where the file is the caller's own.
  static Result<File> open_read(const std::string& path);
  /// Creates or truncates.
  static Result<File> create(const std::string& path);
  /// For reading and writing what exists; the position is at the start.
  static Result<File> open_existing(const std::string& path);
  /// For syncing it.
  static Result<File> open_directory(const std::string& path);
  /// Takes over an open descriptor, such as standard input; `name` is used in messages.
  static File adopt(int descriptor, std::string name);

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }

  Result<std::uint64_t> size_bytes() const;
  /// Reads are going to be here and there: the kernel shall read no more than is asked for.
  void expect_single_reads() const;
  /// Reads up to out.size() bytes from the current position; fewer only at the end of the file.
  Result<std::size_t> read(std::span<std::uint8_t> out);
  /// Reads exactly out.size() bytes at `offset`; kCorrupt where the file ends before.
  Status pread_exact(std::uint64_t offset, std::span<std::uint8_t> out) const;
  Status write_all(Bytes bytes);
  /// All pieces one after the other, in as few system calls as the kernel allows.
  Status write_gather(std::span<const Bytes> pieces);
  Status seek(std::uint64_t offset);
  Status sync_data();
  Status truncate(std::uint64_t bytes);
  /// Takes the disk's space for `bytes` without making the file longer; nothing happens where the file system
  /// cannot do it.
  Status allocate(std::uint64_t bytes);
  void close();

 private:
  File(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Status write_rest(std::span<const Bytes> pieces, std::size_t written_bytes);

  int descriptor_ = -1;
  std::string path_;
};

/// kIo, kNoSpace for ENOSPC and EDQUOT, with "cannot <action> <path>: <strerror(errno)>".
Error io_error(std::string_view action, const std::string& path);

Result<std::vector<std::uint8_t>> read_file(const std::string& path);

}  // namespace tapline
