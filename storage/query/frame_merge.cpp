#include "storage/query/frame_merge.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "capture/base/check.hpp"

namespace tapline::query {

namespace {

/// Given out at a time: 40 bytes each, so that they and their frames' places stay in the processor's caches.
constexpr std::size_t kRunsMax = 1024;

}  // namespace

struct FrameMerge::Segment {
  storage::SegmentHeader header{};
  std::uint32_t cursors_left = 0;
  TimeNs first_ns = TimeWindow::kUnlimitedUntil;  // of its planned blocks
  TimeNs last_ns = TimeWindow::kUnlimitedSince;
  bool gone = false;                // and reported
  std::optional<bool> table_right;  // once somebody has looked
};

/// The planned blocks of one lane, and the accepted frames of the one that is loaded.
struct FrameMerge::Cursor {
  std::uint32_t number = 0;
  std::uint32_t segment = 0;
  struct Wanted {
    std::size_t job = 0;
    OrderKey due;  // see add_segment()
  };
  std::vector<Wanted> jobs;
  std::size_t next_job = 0;
  FetchedBlock block;
  std::size_t next_frame = 0;
  std::optional<OrderKey> lane_end;  // the last order key of the blocks that were loaded

  bool loaded() const { return next_frame < block.frames.size(); }
};

FrameMerge::Place::Place(const OrderKey& order, bool loaded, std::uint32_t cursor)
    : time(static_cast<std::uint64_t>(order.time_ns) ^ (std::uint64_t{1} << 63)),
      rest((std::uint64_t{order.count} << 32) | (std::uint64_t{loaded} << kCursorBits) | cursor) {}

bool FrameMerge::comes_later(const Place& a, const Place& b) {
  return a.time != b.time ? a.time > b.time : a.rest > b.rest;
}

/// Cursors are numbered in the order in which equal order keys are given out: by port and worker, then by
/// segment as given, then by lane.
FrameMerge::FrameMerge(std::vector<PlannedSegment> segments, Accept accept, const ReadLimits& limits)
    : stop_(limits.stop) {
  std::ranges::stable_sort(segments, {}, [](const PlannedSegment& segment) {
    return std::pair(segment.header.port, segment.header.worker);
  });
  std::vector<Due> due;
  for (PlannedSegment& segment : segments) add_segment(std::move(segment), due);
  TAPLINE_CHECK(cursors_.size() < kCursorsMax);
  prepare_fetch(std::move(due), std::move(accept), limits);
  queue_.reserve(cursors_.size());
  runs_.reserve(kRunsMax);
  for (const auto& cursor : cursors_) {
    if (has_more(*cursor)) {
      queue_.push_back(place_of(*cursor));
    } else {
      end(*cursor);
    }
  }
  std::ranges::make_heap(queue_, comes_later);
}

FrameMerge::~FrameMerge() = default;

/// A block is due no later than those behind it in its lane, so that an entry that claims too late a key, and
/// is found out when its block is read, has not kept these back.
void FrameMerge::add_segment(PlannedSegment planned, std::vector<Due>& due) {
  Segment segment;
  segment.header = planned.header;
  const std::uint32_t number = readers_.add(std::move(planned.file), planned.single_blocks);
  std::map<std::uint16_t, std::vector<PlannedBlock>> lanes;
  for (const PlannedBlock& block : planned.blocks) {
    lanes[block.entry.lane].push_back(block);
    segment.first_ns = std::min(segment.first_ns, block.entry.first_ns);
    segment.last_ns = std::max(segment.last_ns, block.entry.last_ns);
  }
  for (const auto& [lane, blocks] : lanes) {
    auto cursor = std::make_unique<Cursor>();
    cursor->number = static_cast<std::uint32_t>(cursors_.size());
    cursor->segment = number;
    cursor->jobs.resize(blocks.size());
    const std::size_t first_due = due.size();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const storage::BlockEntry& entry = blocks[i].entry;
      due.push_back(
          {{{entry.order_first_ns, entry.order_first_count}, false, cursor->number}, i, {number, blocks[i]}});
    }
    for (std::size_t i = due.size() - 1; i > first_due; --i)
      if (comes_later(due[i - 1].place, due[i].place)) due[i - 1].place = due[i].place;
    cursors_.push_back(std::move(cursor));
    ++segment.cursors_left;
  }
  segments_.push_back(segment);
}

/// Blocks are wanted in the order of their first frames; of a lane one after the other, whatever a damaged
/// block table says.
void FrameMerge::prepare_fetch(std::vector<Due> due, Accept accept, const ReadLimits& limits) {
  std::ranges::stable_sort(due, [](const Due& a, const Due& b) { return comes_later(b.place, a.place); });
  std::vector<FetchJob> jobs;
  jobs.reserve(due.size());
  for (const Due& block : due) {
    cursors_[block.place.cursor()]->jobs[block.in_lane] = {jobs.size(), block.place.order()};
    jobs.push_back(block.job);
  }
  std::vector<storage::SegmentHeader> headers;
  headers.reserve(segments_.size());
  for (const Segment& segment : segments_) headers.push_back(segment.header);
  fetch_ =
      std::make_unique<BlockFetch>(readers_, std::move(headers), std::move(jobs), std::move(accept), limits);
}

/// Of a cursor that has a frame or a block left.
FrameMerge::Place FrameMerge::place_of(const Cursor& cursor) const {
  if (cursor.loaded()) return {cursor.block.frames[cursor.next_frame].order, true, cursor.number};
  return {cursor.jobs[cursor.next_job].due, false, cursor.number};
}

bool FrameMerge::has_more(const Cursor& cursor) const {
  return cursor.loaded() || cursor.next_job < cursor.jobs.size();
}

/// One pass from the top: a pop and a push would be two, and most cursors stay near it.
void FrameMerge::sift_down() {
  const Place moved = queue_[0];
  std::size_t at = 0;
  for (std::size_t child = 1; child < queue_.size(); child = 2 * at + 1) {
    if (child + 1 < queue_.size() && comes_later(queue_[child], queue_[child + 1])) ++child;
    if (!comes_later(moved, queue_[child])) break;
    queue_[at] = queue_[child];
    at = child;
  }
  queue_[at] = moved;
}

void FrameMerge::replace_first(Cursor& cursor) {
  if (has_more(cursor)) {
    queue_[0] = place_of(cursor);
  } else {
    if (runs_.empty()) {
      end(cursor);
    } else {  // its frames are in the last run
      ended_ = &cursor;
    }
    queue_[0] = queue_.back();
    queue_.pop_back();
  }
  if (!queue_.empty()) sift_down();
}

/// All frames of its blocks were given out.
void FrameMerge::end(Cursor& cursor) {
  const std::uint32_t segment = cursor.segment;
  if (--segments_[segment].cursors_left == 0) readers_.close(segment);
  fetch_->release(std::move(cursor.block));
  cursors_[cursor.number].reset();
}

/// Whether the times of its planned blocks are what was written. The plan may have single entries of the
/// block table, which has one checksum as a whole; entries of open files are from checked headers.
bool FrameMerge::table_is_right(std::uint32_t number) {
  if (readers_.file(number).open) return true;
  Segment& segment = segments_[number];
  if (!segment.table_right) {
    const Result<SegmentReaders::Reader> reader = readers_.open(number);
    segment.table_right = reader && (*reader)->load_entries();
  }
  return *segment.table_right;
}

void FrameMerge::report(std::uint32_t number, const PlannedBlock& planned, Error error) {
  Segment& segment = segments_[number];
  const bool gone = error.code == ErrorCode::kNotFound;
  storage::CatalogFile file = readers_.file(number);
  if (!gone && table_is_right(number)) {
    file.name.first_ns = planned.entry.first_ns;
    file.name.last_ns = planned.entry.last_ns;
  } else if (gone && file.open) {  // nothing is left of it that could tell its times
    file.name.first_ns = segment.first_ns;
    file.name.last_ns = segment.last_ns;
  }
  file.open = false;
  segment.gone = gone;
  unreadable_.push_back({std::move(file), std::move(error)});
}

/// Of a block that was fetched whole. Its own order was looked at when it was parsed (FORMAT.md, "Lanes").
void FrameMerge::check_lane_order(Cursor& cursor, std::uint32_t number) {
  FetchedBlock& block = cursor.block;
  if (!block.status || block.header.frames == 0) return;
  if (cursor.lane_end && block.first_order() <= *cursor.lane_end) {
    block.status = Error{ErrorCode::kCorrupt,
                         fmt::format("{}: block {}: its frames are out of the order of lane {}",
                                     readers_.file(cursor.segment).path, number, block.header.lane)};
    block.frames.clear();
    block.has_later = false;
    return;
  }
  cursor.lane_end = block.last_order;
}

void FrameMerge::load(Cursor& cursor) {
  const std::size_t job = cursor.jobs[cursor.next_job++].job;
  cursor.next_frame = 0;
  fetch_->release(std::exchange(cursor.block, {}));
  if (segments_[cursor.segment].gone) {
    fetch_->skip(job);
    return;
  }
  cursor.block = fetch_->take(job);
  const PlannedBlock& planned = fetch_->job(job).planned;
  check_lane_order(cursor, planned.number);
  if (!cursor.block.status) report(cursor.segment, planned, cursor.block.status.error());
  if (cursor.block.has_later || cursor.block.not_yet) {
    later_blocks_.push_back({readers_.file(cursor.segment), planned.number, cursor.block.not_yet});
  }
}

/// Of the first in the queue, whose block is loaded: as much as comes before the second.
void FrameMerge::take_run(Cursor& cursor) {
  const std::vector<Frame>& frames = cursor.block.frames;
  const std::size_t first = cursor.next_frame++;
  if (queue_.size() == 1) {
    cursor.next_frame = frames.size();
  } else {
    const bool right = queue_.size() > 2 && comes_later(queue_[1], queue_[2]);
    const Place second = queue_[right ? 2 : 1];
    while (cursor.loaded() && comes_later(second, place_of(cursor))) ++cursor.next_frame;
  }
  runs_.push_back({{&frames[first], cursor.next_frame - first}, &cursor.block.header});
}

std::span<const FrameRun> FrameMerge::next_runs() {
  runs_.clear();
  if (ended_ != nullptr) end(*std::exchange(ended_, nullptr));
  while (!queue_.empty() && ended_ == nullptr && runs_.size() < kRunsMax) {
    Cursor& cursor = *cursors_[queue_[0].cursor()];
    if (queue_[0].loaded()) {
      take_run(cursor);
    } else {
      // Set by a signal handler or another thread; nothing else is read because of it.
      const bool stopped = stop_ != nullptr && stop_->load(std::memory_order_relaxed);
      // Loading takes away the block before, which runs point into.
      if (stopped || !runs_.empty()) break;
      load(cursor);
    }
    replace_first(cursor);
  }
  return runs_;
}

const Frame* FrameMerge::next() {
  if (run_ < runs_.size() && frame_ == runs_[run_].frames.size()) {
    ++run_;
    frame_ = 0;
  }
  if (run_ == runs_.size()) {
    run_ = 0;
    if (next_runs().empty()) return nullptr;
  }
  return &runs_[run_].frames[frame_++];
}

TimeNs FrameMerge::given_until_ns() const {
  if (frame_ > 0) {  // by next(), which has not given out all of runs_
    const std::span<const Frame> frames = runs_[run_].frames;
    if (frame_ < frames.size()) return frames[frame_].order.time_ns;
    if (run_ + 1 < runs_.size()) return runs_[run_ + 1].frames[0].order.time_ns;
  }
  return at_end() ? TimeWindow::kUnlimitedUntil : queue_.front().order().time_ns;
}

std::uint64_t FrameMerge::blocks_read() const {
  return fetch_->blocks_read();
}

std::uint64_t FrameMerge::bytes_read() const {
  return fetch_->bytes_read();
}

const storage::BlockHeader& FrameMerge::block_header() const {
  TAPLINE_CHECK(run_ < runs_.size());
  return *runs_[run_].block;
}

}  // namespace tapline::query
