#include "storage/query/segment_readers.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace tapline::query {

std::uint32_t SegmentReaders::add(storage::CatalogFile file, bool single_blocks) {
  const std::lock_guard lock(mutex_);
  segments_.push_back({std::move(file), single_blocks, false, nullptr, 0});
  return static_cast<std::uint32_t>(segments_.size() - 1);
}

Result<SegmentReaders::Reader> SegmentReaders::open(std::uint32_t number) {
  storage::CatalogFile file;
  {
    const std::lock_guard lock(mutex_);
    Segment& segment = segments_[number];
    segment.used = ++calls_;
    if (segment.reader) return segment.reader;
    if (segment.gone) return Error{ErrorCode::kNotFound, fmt::format("{} is gone", segment.file.path)};
    file = segment.file;
  }
  // Unlocked: where two threads open it at once, one of the two goes on with what the other has opened.
  Result<storage::ContainerReader> opened = storage::open_listed(file);
  const std::lock_guard lock(mutex_);
  Segment& segment = segments_[number];
  if (segment.reader) return segment.reader;
  segment.file = std::move(file);
  segment.gone = !opened && opened.error().code == ErrorCode::kNotFound;
  if (!opened) return opened.error();
  if (segment.single_blocks) opened->expect_single_blocks();
  if (open_.size() >= open_max_) close_longest_unused();
  segment.reader = std::make_shared<const storage::ContainerReader>(std::move(*opened));
  open_.push_back(number);
  return segment.reader;
}

void SegmentReaders::close_longest_unused() {
  const auto oldest =
      std::ranges::min_element(open_, {}, [this](std::uint32_t number) { return segments_[number].used; });
  segments_[*oldest].reader.reset();
  open_.erase(oldest);
}

bool SegmentReaders::look_again(std::uint32_t number, const Reader& failed) {
  const std::lock_guard lock(mutex_);
  if (segments_[number].reader != failed) return true;  // another thread has looked already
  if (!storage::has_vanished(segments_[number].file.path)) return false;
  segments_[number].reader.reset();
  std::erase(open_, number);
  return true;
}

void SegmentReaders::close(std::uint32_t number) {
  const std::lock_guard lock(mutex_);
  segments_[number].reader.reset();
  std::erase(open_, number);
}

std::size_t SegmentReaders::size() const {
  const std::lock_guard lock(mutex_);
  return segments_.size();
}

bool SegmentReaders::single_blocks(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return segments_[number].single_blocks;
}

storage::CatalogFile SegmentReaders::file(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return segments_[number].file;
}

}  // namespace tapline::query
