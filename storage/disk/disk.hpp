#pragma once
// Disk: everything that changes files of the store, behind an interface, so that tests can put one in its
// place that forgets what was not synced, tears writes, fails and slows down. Reading needs no interface:
// what is on a disk is read from it.
//
// A name that was made, changed or removed survives a power cut once its directory was synced, content once
// its file was. Until then, any part of either may survive.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "capture/base/bytes.hpp"
#include "capture/base/result.hpp"

namespace tapline {

/// The file system that a path is on.
struct FileSystem {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // to us, who may not be root
  std::uint64_t device = 0;      // st_dev: another number is another file system
};

/// A file that is being written, at its end only. One thread. Closed by its destructor, which syncs nothing.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  /// All pieces, one after the other. After a failure a part of them may stand at the end; of a stream, the
  /// failure may be that of an earlier append.
  virtual Status append(std::span<const Bytes> pieces) = 0;
  /// Readers find what was appended; behind it, a stream may have some zeroes until more comes.
  virtual Status flush() = 0;
  /// flush(), then fdatasync. A failure is for good: the kernel reports pages that it could not write once,
  /// and may have dropped them.
  virtual Status sync() = 0;
  /// Cuts the file; what is appended later follows there.
  virtual Status truncate(std::uint64_t bytes) = 0;
  /// Takes the disk's space for a file of `bytes` without making it longer; truncate() gives back what is
  /// beyond. kNoSpace; nothing happens where the file system cannot do it.
  virtual Status allocate(std::uint64_t bytes) = 0;
  /// Whoever pads the file to a multiple of so many bytes before it syncs never has a sector written again
  /// that was synced: 1 where there is nothing to gain, at most kSyncUnitMax.
  virtual std::uint32_t sync_unit() const = 0;
};

inline constexpr std::uint32_t kSyncUnitMax = 4096;

/// Any thread. Paths of one call are on one file system.
class Disk {
 public:
  virtual ~Disk() = default;

  /// A new, empty file; one that is there loses its content.
  virtual Result<std::unique_ptr<DiskFile>> create(const std::string& path) = 0;
  /// The same for long runs of bytes: written past the page cache where the disk can do that. What was
  /// appended may reach the file with flush(), sync() and truncate() only.
  virtual Result<std::unique_ptr<DiskFile>> create_stream(const std::string& path) = 0;
  /// An existing file, to be cut and appended to. kNotFound.
  virtual Result<std::unique_ptr<DiskFile>> open(const std::string& path) = 0;
  virtual Status make_directory(const std::string& path) = 0;
  /// Replaces `to` if it is there.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// What is not there needs no removing.
  virtual Status remove(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<FileSystem> file_system(const std::string& path) = 0;

  /// Writes `path`.tmp, syncs it, renames it over `path`, syncs the directory: after a crash the old or the
  /// new, never half. After a failure the draft is removed.
  Status publish_file(const std::string& path, Bytes content);
  /// rename(), then syncs the directory of `to`.
  Status rename_durably(const std::string& from, const std::string& to);

 private:
  Status write_draft(const std::string& path, Bytes content);
};

/// The operating system's.
Disk& real_disk();

/// real_disk().publish_file()
Status publish_file(const std::string& path, Bytes content);

}  // namespace tapline
