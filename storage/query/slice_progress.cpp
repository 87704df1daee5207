#include "storage/query/slice_progress.hpp"

#include <algorithm>

namespace tapline::query {

void SliceProgress::begin_slice(TimeNs until_ns) {
  slice_ = {slice_.until_ns, std::max(until_ns, slice_.until_ns)};
}

const SliceProgress::Segment* SliceProgress::find(const storage::CatalogFile& segment) const {
  const auto found = segments_.find(segment.name.id_high);
  return found == segments_.end() ? nullptr : &found->second;
}

bool SliceProgress::is_done(const storage::CatalogFile& file) const {
  const Segment* const segment = find(file);
  return segment != nullptr && segment->finished && segment->pending.empty();
}

void SliceProgress::restrict_to_rest(const storage::CatalogFile& file, storage::BlockSet& blocks) const {
  const Segment* const segment = find(file);
  if (segment == nullptr) return;
  const std::uint32_t seen = std::min(segment->blocks_seen, blocks.block_count());
  for (std::uint32_t block = 0; block < seen; ++block) {
    if (!segment->pending.contains(block)) blocks.remove(block);
  }
}

TimeWindow SliceProgress::order_of(const storage::CatalogFile& file, std::uint32_t block) const {
  const Segment* const segment = find(file);
  const bool seen = segment != nullptr && block < segment->blocks_seen && !segment->unread.contains(block);
  return {seen ? slice_.since_ns : TimeWindow::kUnlimitedSince, slice_.until_ns};
}

void SliceProgress::note_planned(const storage::CatalogFile& file, std::uint32_t block_count, bool finished,
                                 const std::vector<std::uint32_t>& waiting) {
  Segment& segment = segments_[file.name.id_high];
  segment.blocks_seen = block_count;
  segment.finished = finished;
  segment.pending = {waiting.begin(), waiting.end()};
  segment.unread.clear();
}

void SliceProgress::note_later(const storage::CatalogFile& file, std::uint32_t block, bool unread) {
  Segment& segment = segments_[file.name.id_high];
  segment.pending.insert(block);
  if (unread) segment.unread.insert(block);
}

void SliceProgress::give_up(const storage::CatalogFile& file) {
  Segment& segment = segments_[file.name.id_high];
  segment.finished = true;
  segment.pending.clear();
}

}  // namespace tapline::query
