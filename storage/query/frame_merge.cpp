#include "storage/query/frame_merge.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "capture/base/check.hpp"

namespace tapline::query {

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

bool FrameMerge::comes_later(const Place& a, const Place& b) {
  return std::tie(a.order, a.loaded, a.port, a.worker, a.cursor) >
         std::tie(b.order, b.loaded, b.port, b.worker, b.cursor);
}

FrameMerge::FrameMerge(std::vector<PlannedSegment> segments, Accept accept, const ReadLimits& limits)
    : stop_(limits.stop) {
  std::vector<Due> due;
  for (PlannedSegment& segment : segments) add_segment(std::move(segment), due);
  prepare_fetch(std::move(due), std::move(accept), limits);
  queue_.reserve(cursors_.size());
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

/// Cursors are numbered by segment, then lane: of equal order keys the lower number comes first. A block is
/// due no later than those behind it in its lane, so that an entry that claims too late a key, and is found
/// out when its block is read, has not kept these back.
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
      due.push_back({{{entry.order_first_ns, entry.order_first_count},
                      segment.header.port,
                      segment.header.worker,
                      false,
                      cursor->number},
                     i,
                     {number, blocks[i]}});
    }
    for (std::size_t i = due.size() - 1; i > first_due; --i)
      due[i - 1].place.order = std::min(due[i - 1].place.order, due[i].place.order);
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
    cursors_[block.place.cursor]->jobs[block.in_lane] = {jobs.size(), block.place.order};
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
  const storage::SegmentHeader& header = segments_[cursor.segment].header;
  if (cursor.loaded())
    return {cursor.block.frames[cursor.next_frame].order, header.port, header.worker, true, cursor.number};
  return {cursor.jobs[cursor.next_job].due, header.port, header.worker, false, cursor.number};
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
    end(cursor);
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
  if (cursor.block.has_later) later_blocks_.push_back({readers_.file(cursor.segment), planned.number});
}

const Frame* FrameMerge::next() {
  if (given_out_ != nullptr) {
    Cursor& cursor = *std::exchange(given_out_, nullptr);
    ++cursor.next_frame;
    replace_first(cursor);
  }
  while (!queue_.empty()) {
    Cursor& cursor = *cursors_[queue_[0].cursor];
    if (queue_[0].loaded) {
      given_out_ = &cursor;
      return &cursor.block.frames[cursor.next_frame];
    }
    // Set by a signal handler or another thread; nothing else is read because of it.
    if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return nullptr;
    load(cursor);
    replace_first(cursor);
  }
  return nullptr;
}

std::uint64_t FrameMerge::blocks_read() const {
  return fetch_->blocks_read();
}

std::uint64_t FrameMerge::bytes_read() const {
  return fetch_->bytes_read();
}

const storage::BlockHeader& FrameMerge::block_header() const {
  TAPLINE_CHECK(given_out_ != nullptr);
  return given_out_->block.header;
}

}  // namespace tapline::query
