#include "storage/query/frame_merge.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "capture/base/check.hpp"
#include "storage/block_frames.hpp"

namespace tapline::query {

struct FrameMerge::Segment {
  storage::CatalogFile file;
  storage::SegmentHeader header{};
  std::unique_ptr<storage::ContainerReader> reader;  // from its first block to its last
  std::uint32_t cursors_left = 0;
  TimeNs first_ns = TimeWindow::kUnlimitedUntil;  // of its planned blocks
  TimeNs last_ns = TimeWindow::kUnlimitedSince;
  bool gone = false;  // and reported
};

/// The planned blocks of one lane, and the accepted frames of the one that is loaded.
struct FrameMerge::Cursor {
  std::uint32_t number = 0;
  Segment* segment = nullptr;
  std::vector<PlannedBlock> blocks;
  std::size_t next_block = 0;
  storage::DecodedBlock block;
  std::vector<Frame> frames;
  std::size_t next_frame = 0;

  bool loaded() const { return next_frame < frames.size(); }
};

bool FrameMerge::Later::operator()(const Place& a, const Place& b) const {
  return std::tie(a.order, a.loaded, a.port, a.worker, a.cursor) >
         std::tie(b.order, b.loaded, b.port, b.worker, b.cursor);
}

FrameMerge::FrameMerge(std::vector<PlannedSegment> segments, Accept accept) : accept_(std::move(accept)) {
  for (PlannedSegment& segment : segments) add_segment(std::move(segment));
}

FrameMerge::~FrameMerge() = default;

void FrameMerge::add_segment(PlannedSegment planned) {
  auto segment = std::make_unique<Segment>();
  segment->file = std::move(planned.file);
  segment->header = planned.header;
  std::map<std::uint16_t, std::vector<PlannedBlock>> lanes;
  for (const PlannedBlock& block : planned.blocks) {
    lanes[block.entry.lane].push_back(block);
    segment->first_ns = std::min(segment->first_ns, block.entry.first_ns);
    segment->last_ns = std::max(segment->last_ns, block.entry.last_ns);
  }
  for (auto& [lane, blocks] : lanes) {
    auto cursor = std::make_unique<Cursor>();
    cursor->number = static_cast<std::uint32_t>(cursors_.size());
    cursor->segment = segment.get();
    cursor->blocks = std::move(blocks);
    ++segment->cursors_left;
    cursors_.push_back(std::move(cursor));
    push(cursors_.back()->number);
  }
  segments_.push_back(std::move(segment));
}

void FrameMerge::push(std::uint32_t number) {
  Cursor& cursor = *cursors_[number];
  const storage::SegmentHeader& header = cursor.segment->header;
  if (cursor.loaded()) {
    queue_.push({cursor.frames[cursor.next_frame].order, header.port, header.worker, true, number});
  } else if (cursor.next_block < cursor.blocks.size()) {
    const storage::BlockEntry& entry = cursor.blocks[cursor.next_block].entry;
    queue_.push({{entry.order_first_ns, entry.order_first_count}, header.port, header.worker, false, number});
  } else {
    if (--cursor.segment->cursors_left == 0) cursor.segment->reader.reset();
    cursors_[number].reset();
  }
}

Status FrameMerge::read_once(Cursor& cursor, const PlannedBlock& planned) {
  Segment& segment = *cursor.segment;
  if (!segment.reader) {
    Result<storage::ContainerReader> reader = storage::open_listed(segment.file);
    if (!reader) return reader.error();
    segment.reader = std::make_unique<storage::ContainerReader>(std::move(*reader));
  }
  const std::uint64_t before = segment.reader->bytes_read();
  Status read = segment.reader->read_block(planned.entry, planned.number, cursor.block);
  bytes_read_ += segment.reader->bytes_read() - before;
  return read;
}

Status FrameMerge::read_block(Cursor& cursor, const PlannedBlock& planned) {
  Segment& segment = *cursor.segment;
  Status read = read_once(cursor, planned);
  if (!read && segment.reader && storage::has_vanished(segment.file.path)) {
    // The ring cut it while it was read, or it is damaged and was published: its new name tells.
    segment.reader.reset();
    read = read_once(cursor, planned);
  }
  if (!read) return read;
  ++blocks_read_;
  return storage::parse_frames(cursor.block, segment.header, cursor.frames);
}

/// Whether the times of its planned blocks are what was written. The plan may have single entries of the
/// block table, which has one checksum as a whole; entries of open files are from checked headers.
bool FrameMerge::table_is_right(const Segment& segment) {
  return segment.file.open || (segment.reader && segment.reader->load_entries());
}

void FrameMerge::report(Segment& segment, const PlannedBlock& planned, Error error) {
  const bool gone = error.code == ErrorCode::kNotFound;
  if (gone && segment.gone) return;
  storage::CatalogFile file = segment.file;
  if (!gone && table_is_right(segment)) {
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

void FrameMerge::load(Cursor& cursor) {
  const PlannedBlock& planned = cursor.blocks[cursor.next_block++];
  cursor.next_frame = 0;
  cursor.frames.clear();
  if (cursor.segment->gone) return;
  if (Status read = read_block(cursor, planned); !read) {
    cursor.frames.clear();
    report(*cursor.segment, planned, read.error());
    return;
  }
  std::erase_if(cursor.frames, [this](const Frame& frame) { return !accept_(frame); });
}

const Frame* FrameMerge::next() {
  if (given_out_ != nullptr) {
    ++given_out_->next_frame;
    push(given_out_->number);
    given_out_ = nullptr;
  }
  while (!queue_.empty()) {
    const Place place = queue_.top();
    queue_.pop();
    Cursor& cursor = *cursors_[place.cursor];
    if (place.loaded) {
      given_out_ = &cursor;
      return &cursor.frames[cursor.next_frame];
    }
    load(cursor);
    push(place.cursor);
  }
  return nullptr;
}

const storage::BlockHeader& FrameMerge::block_header() const {
  TAPLINE_CHECK(given_out_ != nullptr);
  return given_out_->block.header;
}

}  // namespace tapline::query
