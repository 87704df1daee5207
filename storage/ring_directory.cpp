#include "storage/ring_directory.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "storage/catalog.hpp"
#include "storage/expired_intervals.hpp"

namespace tapline::storage {
namespace {

// `.expired` files before they are folded: a listing of so many takes less than a millisecond.
constexpr std::size_t kMarkersMax = 256;

/// A missing file counts nothing.
std::uint64_t bytes_of(const std::string& path) {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : bytes;
}

/// File and index, whole or in steps.
std::uint64_t bytes_on_disk(const CatalogFile& file) {
  std::uint64_t bytes = file.file_bytes;
  if (!file.open) bytes += bytes_of(index_path_of(file.path));
  for (const IndexStep& step : file.steps) bytes += bytes_of(step.path);
  return bytes;
}

/// The size comes last: an expired file that still has one tells that this was interrupted. Truncation
/// returns the space even if a reader still holds the file open.
Status release_expired(Disk& disk, const std::string& expired_path) {
  const std::string stem = expired_path.substr(0, expired_path.size() - kExpiredSuffix.size());
  TAPLINE_TRY(disk.remove(stem + std::string(kIndexSuffix)));
  Result<std::unique_ptr<DiskFile>> expired = disk.open(expired_path);
  return expired ? (*expired)->truncate(0) : Status(expired.error());
}

}  // namespace

Status RingDirectory::load() {
  TAPLINE_TRY(finish_evictions());
  Result<StoreDirectory> listed = StoreDirectory::list(directory_, suffix_);
  if (!listed) return listed.error();
  files_.clear();
  markers_.clear();
  left_open_.clear();
  finished_bytes_ = left_bytes_ = 0;
  for (const CatalogFile& file : listed->files) {
    if (!file.open) {
      insert(file, bytes_on_disk(file));
    } else if (!has_reserved(file.name.id_high)) {
      left_bytes_ += bytes_on_disk(file);
      left_open_.push_back(file.path);
    }
  }
  for (const std::string& stray : listed->strays) left_bytes_ += bytes_of(stray);
  for (CatalogFile& marker : listed->expired) {
    if (!marker.path.ends_with(kExpiredSuffix)) continue;
    if (marker.file_bytes > 0) TAPLINE_TRY(release_expired(*disk_, marker.path));
    markers_.push_back(std::move(marker));
  }
  return fold();
}

bool RingDirectory::has_reserved(std::uint64_t id) const {
  return std::ranges::any_of(reserved_,
                             [&](const auto& reservation) { return id_high(reservation.first) == id; });
}

void RingDirectory::insert(const CatalogFile& file, std::uint64_t bytes) {
  const Age age{file.name.last_ns, file.name.id_high};
  files_[age] = {file.path, file.name.first_ns, file.name.last_ns, bytes, file.name.id_high};
  finished_bytes_ += bytes;
}

void RingDirectory::reserve(const SegmentId& id, std::uint64_t bytes) {
  reserved_[id] = bytes;
  reserved_bytes_ += bytes;
}

void RingDirectory::add(const SegmentId& id, const std::string& path, std::uint64_t bytes) {
  end_reservation(id);
  std::optional<CatalogFile> file = parse_name(std::filesystem::path(path).filename().string(), suffix_);
  if (!file || file->open) return;
  file->path = path;
  insert(*file, bytes);
}

void RingDirectory::leave(const SegmentId& id, const std::string& path, std::uint64_t bytes) {
  end_reservation(id);
  left_bytes_ += bytes;
  if (bytes > 0) left_open_.push_back(path);
}

void RingDirectory::end_reservation(const SegmentId& id) {
  const auto reservation = reserved_.find(id);
  if (reservation == reserved_.end()) return;
  reserved_bytes_ -= reservation->second;
  reserved_.erase(reservation);
}

/// Rename first: from then on the catalog says `expired`.
Status RingDirectory::evict(const Finished& finished) {
  const Finished file = finished;  // erased next
  files_.erase({file.last_ns, file.id_high});
  finished_bytes_ -= file.bytes;
  TAPLINE_TRY(finish_evictions());
  // What cannot be folded now is with the next eviction.
  if (markers_.size() >= kMarkersMax) static_cast<void>(fold().ok());
  CatalogFile marker;
  marker.path = file.path.substr(0, file.path.size() - suffix_.size()) + std::string(kExpiredSuffix);
  marker.name.first_ns = file.first_ns;
  marker.name.last_ns = file.last_ns;
  Status renamed = disk_->rename_durably(file.path, marker.path);
  if (!renamed && has_vanished(file.path)) return {};  // somebody has removed it by hand
  if (!renamed) return renamed;
  markers_.push_back(marker);
  return begin_release(marker.path);
}

/// Some file systems take 0.2 s for a GiB: they tell the device at once what is free (mount option
/// `discard`).
Status RingDirectory::begin_release(const std::string& expired_path) {
  const auto release = [disk = disk_, expired_path] { return release_expired(*disk, expired_path); };
  try {  // std::async reports by exceptions
    release_ = std::async(std::launch::async, release);
  } catch (const std::system_error&) {
    return release();
  }
  return {};
}

Status RingDirectory::finish_evictions() {
  return release_.valid() ? release_.get() : Status();
}

Status RingDirectory::fold() {
  if (markers_.size() <= kMarkersMax / 2) return {};
  std::vector<ExpiredInterval> intervals;
  for (const CatalogFile& marker : markers_) intervals.push_back({marker.name.first_ns, marker.name.last_ns});
  TAPLINE_TRY(fold_expired_intervals(*disk_, directory_, intervals));
  for (const CatalogFile& marker : markers_) TAPLINE_TRY(disk_->remove(marker.path));
  markers_.clear();
  return {};
}

}  // namespace tapline::storage
