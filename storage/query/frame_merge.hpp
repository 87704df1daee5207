#pragma once
// FrameMerge: the frames of planned blocks in order: by order key, then port, then worker. A k-way merge over
// the lanes of all segments: within a lane order keys ascend, so that one block a lane is merged at a time,
// and a block is needed only when its first order key is due. A block that breaks the order of its lane
// counts as damaged, so that frames come in order whatever segments claim. What is given out are runs: frames
// of one block that no other lane comes between. Blocks are fetched by the threads of BlockFetch; everything
// here is called by one.

#include <atomic>
#include <memory>
#include <vector>

#include "capture/packet/frame.hpp"
#include "storage/query/block_fetch.hpp"
#include "storage/query/frame_run.hpp"
#include "storage/query/plan.hpp"
#include "storage/query/segment_readers.hpp"

namespace tapline::query {

class FrameMerge {
 public:
  /// Which frames are wanted; called once for every frame of every planned block. By several threads at once
  /// where `limits` allow more than one, else by the caller's within next().
  using Accept = BlockFetch::Accept;

  FrameMerge(std::vector<PlannedSegment> segments, Accept accept, const ReadLimits& limits = {});
  ~FrameMerge();

  /// The next frames, as many as there are before another block has to be read, valid until the next call;
  /// none at the end, or where ReadLimits::stop wants so. A block that cannot be read is skipped and reported
  /// by unreadable(); the merge goes on with what is whole. A segment that has expired since it was planned
  /// is reported once, as kNotFound with the times of its name.
  std::span<const FrameRun> next_runs();
  /// The same frame by frame; null where there are none. Whoever takes frames takes no runs.
  const Frame* next();
  /// Once there were none: nothing is left.
  bool at_end() const { return queue_.empty(); }
  /// All frames of earlier order times were given out.
  TimeNs given_until_ns() const;
  /// The header of the block that holds the frame that next() gave out last; valid as long as that.
  const storage::BlockHeader& block_header() const;

  const std::vector<UnreadableSegment>& unreadable() const { return unreadable_; }
  /// Blocks with frames that are later than PlannedBlock::order, as far as they were read; and those of which
  /// nothing could be read yet.
  struct LaterBlock {
    storage::CatalogFile segment;
    std::uint32_t number = 0;
    bool unread = false;
  };
  const std::vector<LaterBlock>& later_blocks() const { return later_blocks_; }
  std::uint64_t blocks_read() const;
  std::uint64_t bytes_read() const;

 private:
  struct Segment;
  struct Cursor;
  /// Where a cursor stands: order key, whether that is a frame's, and the cursor's number, as two numbers to
  /// be compared one after the other.
  struct Place {
    std::uint64_t time;  // ascending with order time
    std::uint64_t rest;  // count, loaded, cursor: 32, 1 and 31 bits

    Place(const OrderKey& order, bool loaded, std::uint32_t cursor);
    /// False: a lower bound; the block must be read before anything equal is given out.
    bool loaded() const { return ((rest >> kCursorBits) & 1) != 0; }
    OrderKey order() const {
      return {static_cast<TimeNs>(time ^ (std::uint64_t{1} << 63)), static_cast<std::uint32_t>(rest >> 32)};
    }
    std::uint32_t cursor() const { return static_cast<std::uint32_t>(rest & (kCursorsMax - 1)); }
  };
  static constexpr unsigned kCursorBits = 31;
  static constexpr std::uint64_t kCursorsMax = std::uint64_t{1} << kCursorBits;
  static bool comes_later(const Place& a, const Place& b);
  /// A block on its way into the list of jobs.
  struct Due {
    Place place;
    std::size_t in_lane;  // its place among the planned blocks of its lane
    FetchJob job;
  };

  void add_segment(PlannedSegment segment, std::vector<Due>& due);
  void prepare_fetch(std::vector<Due> due, Accept accept, const ReadLimits& limits);
  Place place_of(const Cursor& cursor) const;
  bool has_more(const Cursor& cursor) const;
  /// Puts the first of the queue, a cursor that went on, where it belongs by now, or away where it has no
  /// more.
  void replace_first(Cursor& cursor);
  void sift_down();
  void end(Cursor& cursor);
  void load(Cursor& cursor);
  void check_lane_order(Cursor& cursor, std::uint32_t block);
  void take_run(Cursor& cursor);
  bool table_is_right(std::uint32_t segment);
  void report(std::uint32_t segment, const PlannedBlock& planned, Error error);

  SegmentReaders readers_;
  std::vector<Segment> segments_;  // by their numbers in readers_
  std::vector<std::unique_ptr<Cursor>> cursors_;
  std::unique_ptr<BlockFetch> fetch_;
  const std::atomic<bool>* stop_;  // null: never
  std::vector<Place> queue_;       // a heap, the place that comes first at its top
  std::vector<FrameRun> runs_;
  Cursor* ended_ = nullptr;  // by the last of runs_
  std::size_t run_ = 0;      // of runs_, the one that next() gives out
  std::size_t frame_ = 0;    // of that, how many next() has given out
  std::vector<UnreadableSegment> unreadable_;
  std::vector<LaterBlock> later_blocks_;
};

}  // namespace tapline::query
