#include "storage/store_volume.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

constexpr std::string_view kVolumeSuffix = ".volume";
const std::string kMarkerName = "tapline-volume";

std::string marker_path(const std::string& volume) {
  return volume + "/" + kMarkerName;
}

std::string record_path(const Store& store, const SegmentId& id) {
  return store.volumes_directory() + "/" + format_segment_id(id) + std::string(kVolumeSuffix);
}

Result<StoreVolume> load_volume(const std::string& path, const SegmentId& id) {
  const Result<TextRecord> record = TextRecord::load(path);
  return record ? read_volume(*record, id, path) : record.error();
}

/// The id that a directory's marker tells; nothing where it has none.
Result<std::optional<SegmentId>> read_marker(const std::string& volume) {
  const Result<TextRecord> marker = TextRecord::load(marker_path(volume));
  if (!marker && marker.error().code == ErrorCode::kNotFound) return std::optional<SegmentId>();
  if (!marker) return marker.error();
  const std::optional<SegmentId> id = parse_segment_id(marker->text("volume"));
  if (!id) return Error{ErrorCode::kCorrupt, fmt::format("{}: no volume id", marker_path(volume))};
  return id;
}

/// But for what mke2fs(8) makes, and for the draft of a marker whose writer was stopped.
bool is_empty(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name != "lost+found" && name != kMarkerName + std::string(kDraftSuffix)) return false;
  }
  return !error;
}

/// A marker of ours that no store has taken up: its writer was killed in between.
bool is_unclaimed(const std::string& volume) {
  std::error_code error;
  return !std::filesystem::exists(volume + "/packets", error) || is_empty(volume + "/packets");
}

/// The marker comes first: without an entry in the store it is nobody's, and is taken up next time.
Result<SegmentId> make_marker(const Store& store, const std::string& path) {
  if (!is_empty(path)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{} is neither a volume of {} nor empty: name an empty directory with --volume",
                             path, store.path())};
  }
  const SegmentId id = make_segment_id();
  TextRecord marker;
  marker.set("volume", format_segment_id(id));
  marker.set("sensor", store.sensor_name());
  TAPLINE_TRY(marker.publish(store.disk(), marker_path(path)));
  return id;
}

}  // namespace

Result<StoreVolume> read_volume(const TextRecord& record, const SegmentId& id, const std::string& path) {
  StoreVolume volume;
  volume.id = id;
  volume.path = record.text("path");
  volume.out_reason = record.text("out_reason");
  const Result<std::int64_t> added_at_ns = record.signed_number("added_at_ns");
  const Result<std::int64_t> out_since_ns = record.signed_number("out_since_ns");
  if (!added_at_ns) return added_at_ns.error();
  if (!out_since_ns) return out_since_ns.error();
  if (volume.path.empty())
    return Error{
        ErrorCode::kCorrupt,
        fmt::format("{}: it has no path: say `path = DIR`, or remove it if the volume is gone for good",
                    path)};
  volume.added_at_ns = *added_at_ns;
  volume.out_since_ns = *out_since_ns;
  return volume;
}

Result<std::vector<StoreVolume>> list_volumes(const Store& store) {
  std::vector<StoreVolume> volumes(1);
  volumes[0].path = store.path();
  std::error_code error;
  if (!std::filesystem::is_directory(store.volumes_directory(), error)) return volumes;  // an older store
  const Result<std::vector<std::string>> names = list_names(store.volumes_directory());
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!name.ends_with(kVolumeSuffix)) continue;
    const std::optional<SegmentId> id = parse_segment_id(name.substr(0, name.size() - kVolumeSuffix.size()));
    if (!id) continue;
    Result<StoreVolume> volume = load_volume(store.volumes_directory() + "/" + name, *id);
    if (!volume) return volume.error();
    volumes.push_back(std::move(*volume));
  }
  std::ranges::stable_sort(volumes.begin() + 1, volumes.end(), {}, &StoreVolume::added_at_ns);
  return volumes;
}

Status save_volume(const Store& store, const StoreVolume& volume) {
  if (volume.own()) return {};
  TextRecord record;
  record.set("path", volume.path);
  record.set("added_at_ns", std::to_string(volume.added_at_ns));
  record.set("out_since_ns", std::to_string(volume.out_since_ns));
  record.set("out_reason", volume.out_reason);
  return record.publish(store.disk(), record_path(store, volume.id));
}

Result<StoreVolume> add_volume(const Store& store, const std::string& path) {
  std::error_code error;
  const std::string whole = std::filesystem::weakly_canonical(path, error).string();
  if (error) return Error{ErrorCode::kIo, fmt::format("cannot look at {}: {}", path, error.message())};
  TAPLINE_TRY(store.disk().make_directory(whole));
  const Result<std::optional<SegmentId>> marked = read_marker(whole);
  if (!marked) return marked.error();
  const Result<std::vector<StoreVolume>> known = list_volumes(store);
  if (!known) return known.error();
  StoreVolume volume;
  volume.added_at_ns = wall_clock_ns();
  if (*marked) {
    const auto found = std::ranges::find(*known, **marked, &StoreVolume::id);
    if (found != known->end()) {
      volume = *found;
    } else if (!is_unclaimed(whole)) {
      return Error{ErrorCode::kInvalid, fmt::format("{} is a volume of another store", path)};
    }
    volume.id = **marked;
  } else {
    const Result<SegmentId> id = make_marker(store, whole);
    if (!id) return id.error();
    volume.id = *id;
  }
  volume.path = whole;
  TAPLINE_TRY(store.disk().make_directory(volume.packets_directory()));
  TAPLINE_TRY(save_volume(store, volume));
  return volume;
}

Status check_identity(const StoreVolume& volume) {
  if (volume.own()) return {};
  const Result<std::optional<SegmentId>> marked = read_marker(volume.path);
  if (!marked) return marked.error();
  if (*marked == volume.id) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("{} is {}: is its disk mounted?", volume.path,
                           *marked ? "another volume than before" : "no volume of the store")};
}

}  // namespace tapline::storage
