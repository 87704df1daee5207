#pragma once
// SegmentReaders: the segments of a plan while their blocks are read. A segment is opened when the first of
// its blocks is due and closed after its last, or earlier, where more than a fixed number would be open: a
// question over thousands of segments needs no more descriptors than one over a few. Any thread may call.

#include <memory>
#include <mutex>
#include <vector>

#include "storage/catalog.hpp"

namespace tapline::query {

class SegmentReaders {
 public:
  using Reader = std::shared_ptr<const storage::ContainerReader>;

  /// Half of what systems with small limits (256 descriptors) would leave to a program.
  static constexpr std::size_t kOpenMax = 64;

  /// At most `open_max` stay open besides those that callers hold.
  explicit SegmentReaders(std::size_t open_max = kOpenMax) : open_max_(open_max) {}

  /// Numbers them from 0 on. `single_blocks`: few of its blocks are going to be read.
  std::uint32_t add(storage::CatalogFile file, bool single_blocks);

  /// Wherever the file is by now; errors as storage::open_listed, kNotFound from then on.
  Result<Reader> open(std::uint32_t segment);
  /// After `failed` could not be read. True where that may be because the file has another name by now, or
  /// none: the next open() looks for it.
  bool look_again(std::uint32_t segment, const Reader& failed);
  /// No more blocks of it are wanted.
  void close(std::uint32_t segment);

  std::size_t size() const;
  bool single_blocks(std::uint32_t segment) const;
  /// With the name that it had when it was opened last.
  storage::CatalogFile file(std::uint32_t segment) const;

 private:
  struct Segment {
    storage::CatalogFile file;
    bool single_blocks = false;
    bool gone = false;  // `file` has the name with its times, if there still is one
    Reader reader;
    std::uint64_t used = 0;  // when, in calls of open()
  };

  void close_longest_unused();

  const std::size_t open_max_;
  mutable std::mutex mutex_;
  std::vector<Segment> segments_;
  std::vector<std::uint32_t> open_;
  std::uint64_t calls_ = 0;
};

}  // namespace tapline::query
