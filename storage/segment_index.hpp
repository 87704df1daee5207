#pragma once
// The index of a segment made from its frames alone: what recovery and `reindex` write, and what `verify`
// compares. Memory: the index's distinct postings, and the keys of one block.

#include <memory>
#include <string>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/base/result.hpp"
#include "capture/packet/frame.hpp"
#include "storage/format.hpp"

namespace tapline::storage {

/// The keys of decoded blocks, for who decodes them anyway.
class SegmentIndexer {
 public:
  SegmentIndexer();
  ~SegmentIndexer();
  SegmentIndexer(const SegmentIndexer&) = delete;
  SegmentIndexer& operator=(const SegmentIndexer&) = delete;

  /// Posts the frames of one block; blocks in ascending order.
  void add(std::uint32_t block, const std::vector<Frame>& frames);
  void add_unreadable(std::uint32_t block);
  /// The index file. Nothing may follow.
  ByteBuffer finish(const SegmentHeader& segment, std::uint32_t block_count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The bytes that the segment's writer would have written. kCorrupt where a block cannot be read.
Result<ByteBuffer> build_index(const std::string& segment_path);

/// An index in which blocks that are damaged, cannot be parsed or are of an unknown kind stand as
/// kUnreadable: whoever asks reads them, and reports them.
struct SegmentIndex {
  ByteBuffer bytes;
  std::vector<Error> unreadable;  // one a block
};
/// Fails where the file itself cannot be read.
Result<SegmentIndex> index_readable_blocks(const std::string& segment_path);

/// index_readable_blocks(), published as `index_path`; returns what `unreadable` says.
Result<std::vector<Error>> rebuild_index(const std::string& segment_path, const std::string& index_path);

}  // namespace tapline::storage
