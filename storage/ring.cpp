#include "storage/ring.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "capture/base/size.hpp"
#include "storage/catalog.hpp"

namespace tapline::storage {
namespace {

/// A missing file counts nothing.
std::uint64_t bytes_of(const std::string& path) {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : bytes;
}

/// Segment and index, whole or in steps.
std::uint64_t bytes_on_disk(const CatalogFile& segment) {
  std::uint64_t bytes = segment.file_bytes;
  if (!segment.open) bytes += bytes_of(index_path_of(segment.path));
  for (const IndexStep& step : segment.steps) bytes += bytes_of(step.path);
  return bytes;
}

/// What follows the rename of an eviction. The size comes last: an expired file that still has one tells that
/// this was interrupted. Truncation returns the space even if a reader still holds the file open.
Status release_expired(const std::string& expired_path) {
  const std::string stem = expired_path.substr(0, expired_path.size() - kExpiredSuffix.size());
  const std::string index_path = stem + std::string(kIndexSuffix);
  std::error_code error;
  std::filesystem::remove(index_path, error);
  if (error) return Error{ErrorCode::kIo, fmt::format("cannot remove {}: {}", index_path, error.message())};
  std::filesystem::resize_file(expired_path, 0, error);
  if (error)
    return Error{ErrorCode::kIo, fmt::format("cannot truncate {}: {}", expired_path, error.message())};
  return {};
}

/// Rename first: from then on the catalog says `expired`.
Status evict(const CatalogFile& segment) {
  const std::string expired_path =
      segment.path.substr(0, segment.path.size() - kPacketSuffix.size()) + std::string(kExpiredSuffix);
  TAPLINE_TRY(rename_durably(segment.path, expired_path));
  return release_expired(expired_path);
}

}  // namespace

std::uint64_t Ring::segment_bytes(std::uint64_t wanted_bytes, unsigned writers) const {
  constexpr std::uint64_t kSegmentsMin = 16;
  return budget_bytes_ == 0 ? wanted_bytes : std::min(wanted_bytes, budget_bytes_ / (kSegmentsMin * writers));
}

Status Ring::reserve(const SegmentId& id, std::uint64_t bytes) {
  if (budget_bytes_ == 0) return {};
  const std::lock_guard lock(mutex_);
  TAPLINE_TRY(make_room(bytes));
  reserved_[id] = bytes;
  return {};
}

void Ring::release(const SegmentId& id) {
  if (budget_bytes_ == 0) return;
  const std::lock_guard lock(mutex_);
  reserved_.erase(id);
}

bool Ring::is_reserved(const CatalogFile& segment) const {
  const std::string file_name = std::filesystem::path(segment.path).filename().string();
  return std::ranges::any_of(reserved_, [&](const auto& reservation) {
    const SegmentId& id = reservation.first;
    return segment.open ? file_name == open_name(id, kPacketSuffix) : segment.name.id_high == id_high(id);
  });
}

Status Ring::make_room(std::uint64_t bytes) {
  Result<Catalog> catalog = Catalog::scan_packets(store_);
  if (!catalog) return catalog.error();
  for (const CatalogFile& expired : catalog->expired) {
    if (expired.file_bytes > 0) TAPLINE_TRY(release_expired(expired.path));
  }
  std::uint64_t used_bytes = 0;
  for (const auto& [id, reserved_bytes] : reserved_) used_bytes += reserved_bytes;
  for (const std::string& stray : catalog->strays) used_bytes += bytes_of(stray);
  std::erase_if(catalog->segments, [this](const CatalogFile& segment) { return is_reserved(segment); });
  for (const CatalogFile& segment : catalog->segments) used_bytes += bytes_on_disk(segment);
  std::erase_if(catalog->segments, [](const CatalogFile& segment) { return segment.open; });
  std::ranges::sort(catalog->segments, {}, [](const CatalogFile& segment) { return segment.name.last_ns; });
  std::uint64_t held_segments = 0;
  std::uint64_t held_bytes = 0;
  for (const CatalogFile& segment : catalog->segments) {
    if (used_bytes + bytes <= budget_bytes_) break;
    const std::uint64_t segment_bytes = bytes_on_disk(segment);
    const std::uint64_t id_high = segment.name.id_high;
    if (held_ != nullptr && !held_->claim(id_high)) {
      ++held_segments;
      held_bytes += segment_bytes;
      continue;
    }
    const Status evicted = evict(segment);
    if (held_ != nullptr) held_->unclaim(id_high);
    TAPLINE_TRY(evicted);
    used_bytes -= segment_bytes;
    segments_evicted_.fetch_add(1, std::memory_order_relaxed);
  }
  if (used_bytes + bytes <= budget_bytes_) return {};
  if (held_segments > 0) {
    return Error{ErrorCode::kLimit,
                 fmt::format("{}: a segment of {} does not fit into the budget of {}: holds keep {} segments "
                             "of {}: release one (`tapline hold list`) or raise --budget",
                             store_.path(), format_size(bytes), format_size(budget_bytes_), held_segments,
                             format_size(held_bytes))};
  }
  return Error{ErrorCode::kLimit,
               fmt::format("{}: a segment of {} does not fit into the budget of {}: raise --budget",
                           store_.path(), format_size(bytes), format_size(budget_bytes_))};
}

}  // namespace tapline::storage
