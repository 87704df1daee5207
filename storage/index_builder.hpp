#pragma once
// IndexBuilder: collects (key, block) postings of one segment while it is written, and encodes them as the
// sidecar file of FORMAT.md, "Index". One thread, and one of its own between sort_ahead() and finish().
// Memory: 8 bytes a posting (16 for IPv6 addresses) and as much again while they are sorted; a segment ends
// early at kPostingsMax, so that tiny frames cannot make it grow without limit.

#include <array>
#include <cstdint>
#include <future>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "storage/container_writer.hpp"
#include "storage/index_key.hpp"

namespace tapline::storage {

/// What a posting costs on disk at most: two varints, of 64 and of 26 bits. Usually 2 to 4.
inline constexpr std::uint64_t kIndexPostingBytesMax = 14;

class IndexBuilder {
 public:
  static constexpr std::size_t kPostingsMax = 16u << 20;

  /// Blocks come in ascending order; repeated postings cost memory until finish() and nothing on disk.
  void post(IndexKey key, std::uint32_t block);

  std::size_t postings() const { return postings_; }
  bool full() const { return postings_ >= kPostingsMax; }

  /// Sorts what was posted so far while more comes: finish(), for which the disk waits, has less to do then.
  /// At most once before finish().
  void sort_ahead();

  /// The whole index file for a segment of `block_count` blocks; the builder is empty afterwards.
  ByteBuffer finish(const SegmentId& segment_id, std::uint32_t block_count);

 private:
  struct WidePosting {
    std::uint64_t value;
    std::uint32_t block;
  };
  // Key value << 24 | block, for kinds whose values fit 40 bits; IPv6 prefixes need all 64.
  using NarrowPostings = std::array<std::vector<std::uint64_t>, kIndexKeyKindCount>;

  static void sort(NarrowPostings& postings);
  NarrowPostings take_sorted();

  NarrowPostings narrow_;
  std::future<NarrowPostings> sorted_;  // valid between sort_ahead() and finish(): all before narrow_
  std::vector<WidePosting> wide_;
  std::size_t postings_ = 0;
};

}  // namespace tapline::storage
