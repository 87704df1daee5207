#pragma once
// FrameMerge: the frames of planned blocks in order: by order key, then port, then worker. A k-way merge over
// the lanes of all segments: within a lane order keys ascend, so that one block a lane is in memory at a
// time, and a block is read only when its first order key is due. One thread.

#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/container_reader.hpp"
#include "storage/query/plan.hpp"

namespace tapline::query {

class FrameMerge {
 public:
  /// Which frames are wanted; called once for every frame of every planned block.
  using Accept = std::function<bool(const Frame&)>;

  FrameMerge(std::vector<PlannedSegment> segments, Accept accept);
  ~FrameMerge();

  /// The next frame, valid until the next call; null at the end. A block that cannot be read is skipped and
  /// reported by unreadable(); the merge goes on with what is whole. A segment that has expired since it was
  /// planned is reported once, as kNotFound with the times of its name.
  const Frame* next();
  /// The header of the block that holds the frame that next() gave out last; valid as long as that.
  const storage::BlockHeader& block_header() const;

  const std::vector<UnreadableSegment>& unreadable() const { return unreadable_; }
  std::uint64_t blocks_read() const { return blocks_read_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct Segment;
  struct Cursor;
  struct Place {
    OrderKey order;
    std::uint16_t port;
    std::uint16_t worker;
    bool loaded;  // false: a lower bound; the block must be read before anything equal is given out
    std::uint32_t cursor;
  };
  struct Later {
    bool operator()(const Place& a, const Place& b) const;
  };

  void add_segment(PlannedSegment segment);
  void push(std::uint32_t cursor);
  void load(Cursor& cursor);
  Status read_once(Cursor& cursor, const PlannedBlock& planned);
  Status read_block(Cursor& cursor, const PlannedBlock& planned);
  static bool table_is_right(const Segment& segment);
  void report(Segment& segment, const PlannedBlock& planned, Error error);

  Accept accept_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<std::unique_ptr<Cursor>> cursors_;
  std::priority_queue<Place, std::vector<Place>, Later> queue_;
  Cursor* given_out_ = nullptr;
  std::vector<UnreadableSegment> unreadable_;
  std::uint64_t blocks_read_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tapline::query
