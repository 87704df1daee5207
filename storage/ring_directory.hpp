#pragma once
// RingDirectory: the finished files of one directory (packets/ of a volume, sessions/) by age, what they take
// and what open ones may still take; drops the oldest. A dropped file leaves an empty `.expired` one, so that
// coverage can say what is gone; many of them are folded (expired_intervals.hpp). The directory is listed
// once; from then on nobody but its owner changes it. Not thread-safe.

#include <cstdint>
#include <future>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/disk/disk.hpp"
#include "storage/store_directory.hpp"

namespace tapline::storage {

class RingDirectory {
 public:
  /// `suffix` of its files. `disk` outlives it.
  RingDirectory(Disk& disk, std::string directory, std::string_view suffix)
      : disk_(&disk), directory_(std::move(directory)), suffix_(suffix) {}

  /// Lists the directory anew and completes evictions that were interrupted. What was reserved stays so.
  Status load();

  const std::string& directory() const { return directory_; }
  /// Of finished files with their indexes, of what writers have left behind, and of reservations.
  std::uint64_t used_bytes() const { return finished_bytes_ + left_bytes_ + reserved_bytes_; }
  std::size_t open_files() const { return reserved_.size(); }
  bool has_reserved(const SegmentId& id) const { return reserved_.contains(id); }
  /// The same by what an open file's name tells of its id.
  bool has_reserved(std::uint64_t id_high) const;

  void reserve(const SegmentId& id, std::uint64_t bytes);
  /// The file with this id is finished as `path`. Ends its reservation, if it has one.
  void add(const SegmentId& id, const std::string& path, std::uint64_t bytes);
  /// Its file stays open as `path`, with `bytes`, until load() finds it recovered.
  void leave(const SegmentId& id, const std::string& path, std::uint64_t bytes);
  /// Paths of open files that nobody has reserved.
  const std::vector<std::string>& left_open() const { return left_open_; }

  struct Finished {
    std::string path;
    TimeNs first_ns = 0;
    TimeNs last_ns = 0;
    std::uint64_t bytes = 0;  // with its index
    std::uint64_t id_high = 0;
  };
  /// (last time, id)
  using Age = std::pair<TimeNs, std::uint64_t>;
  const std::map<Age, Finished>& finished() const { return files_; }
  /// Drops one of its finished files. It is out of the account even where the disk fails. The disk has its
  /// space back a moment later: a thread sees to it; its failure is that of the next call.
  Status evict(const Finished& finished);
  /// Returns when the disk has the space of all that was evicted.
  Status finish_evictions();

 private:
  void end_reservation(const SegmentId& id);
  Status begin_release(const std::string& expired_path);
  Status fold();
  void insert(const CatalogFile& file, std::uint64_t bytes);

  Disk* disk_;
  std::string directory_;
  std::string_view suffix_;
  std::map<Age, Finished> files_;
  std::map<SegmentId, std::uint64_t> reserved_;  // bytes by the open file
  std::vector<CatalogFile> markers_;             // `.expired` files
  std::vector<std::string> left_open_;
  std::uint64_t finished_bytes_ = 0;
  std::uint64_t left_bytes_ = 0;
  std::uint64_t reserved_bytes_ = 0;
  std::future<Status> release_;  // of the last one evicted; its destructor waits
};

}  // namespace tapline::storage
