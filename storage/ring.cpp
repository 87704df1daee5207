#include "storage/ring.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "capture/base/size.hpp"
#include "capture/base/time_window.hpp"

namespace tapline::storage {
namespace {

// Session files are closed hourly or by size; nobody tells the ring.
constexpr TimeNs kSessionsPeriodNs = 60 * kNsPerSecond;
constexpr std::size_t kNoticesMax = 100;
// Room for records and ledger while packets are dropped for others.
constexpr std::uint64_t kFreeBytesMax = 256u << 20;

/// Nothing is wrong with the volume.
bool lacks_space(const Error& error) {
  return error.code == ErrorCode::kLimit || error.code == ErrorCode::kNoSpace;
}

}  // namespace

Status Ring::load() {
  const std::lock_guard lock(mutex_);
  return load_locked();
}

Status Ring::load_locked() {
  if (loaded_) return {};
  const Result<std::vector<StoreVolume>> known = list_volumes(store_);
  if (!known) return known.error();
  std::vector<Volume> volumes;
  for (const StoreVolume& about : *known) {
    volumes.push_back({about, RingDirectory(store_.disk(), about.packets_directory(), kPacketSuffix)});
  }
  volumes_ = std::move(volumes);
  TAPLINE_TRY(load_volume(volumes_.front()));
  for (Volume& volume : volumes_) {
    if (volume.about.own()) continue;
    volume.about.out_since_ns = 0;
    if (Status loaded = load_volume(volume); !loaded) take_out(volume, loaded.error());
  }
  loaded_ = true;
  return {};
}

Status Ring::load_volume(Volume& volume) {
  TAPLINE_TRY(check_identity(volume.about));
  TAPLINE_TRY(volume.files.load());
  const Result<FileSystem> disk = store_.disk().file_system(volume.files.directory());
  if (!disk) return disk.error();
  volume.device = disk->device;
  volume.free_bytes_min =
      limits_.free_bytes_min > 0 ? limits_.free_bytes_min : std::min(kFreeBytesMax, disk->total_bytes / 50);
  volume.budget_bytes = limits_.bytes;
  if (limits_.bytes == 0 && limits_.percent > 0)
    volume.budget_bytes = (disk->free_bytes + volume.files.used_bytes()) / 100 * limits_.percent;
  return {};
}

std::uint64_t Ring::budget_bytes() const {
  std::uint64_t sum = 0;
  for (const Volume& volume : volumes_) sum += volume.budget_bytes;
  return sum;
}

std::uint64_t Ring::segment_bytes(std::uint64_t wanted_bytes, unsigned writers) {
  constexpr std::uint64_t kSegmentsMin = 16;
  static_cast<void>(load().ok());  // a failure shows when something is to be written
  for (const Volume& volume : volumes_) {
    if (volume.budget_bytes > 0)
      wanted_bytes = std::min(wanted_bytes, volume.budget_bytes / (kSegmentsMin * writers));
  }
  return wanted_bytes;
}

std::vector<Ring::Volume*> Ring::by_preference() {
  std::vector<Volume*> volumes;
  for (Volume& volume : volumes_) {
    if (volume.in_use()) volumes.push_back(&volume);
  }
  const auto rank = [](const Volume* volume) {
    const std::uint64_t used = volume->files.used_bytes();
    const std::uint64_t room = volume->budget_bytes > used ? volume->budget_bytes - used : 0;
    const auto& finished = volume->files.finished();
    return std::tuple(volume->files.open_files(), ~room,
                      finished.empty() ? 0 : finished.begin()->first.first);
  };
  std::ranges::stable_sort(volumes, {}, rank);
  return volumes;
}

Result<std::string> Ring::reserve(const SegmentId& id, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  TAPLINE_TRY(load_locked());
  if (std::ranges::none_of(volumes_, &Volume::in_use)) {
    for (Volume& volume : volumes_) try_to_take_back(volume);
  }
  std::optional<Error> first;
  for (Volume* const volume : by_preference()) {
    const Status reserved = reserve_on(*volume, id, bytes);
    if (reserved) return volume->files.directory();
    if (!lacks_space(reserved.error())) take_out(*volume, reserved.error());
    if (!first) first = reserved.error();
  }
  if (first) return *first;
  return Error{ErrorCode::kIo, fmt::format("{}: no volume can be written: {}", store_.path(),
                                           volumes_.front().about.out_reason)};
}

Status Ring::reserve_on(Volume& volume, const SegmentId& id, std::uint64_t bytes) {
  TAPLINE_TRY(check(volume));
  TAPLINE_TRY(volume.files.finish_evictions());  // of prepare()
  TAPLINE_TRY(keep_budget(volume, bytes));
  if (limits_.any()) TAPLINE_TRY(keep_free(volume, bytes));
  TAPLINE_TRY(volume.files.finish_evictions());
  volume.files.reserve(id, bytes);
  return {};
}

void Ring::prepare(const SegmentId& id, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Volume* const volume = find(id);
  if (volume == nullptr || !volume->in_use()) return;
  const Status made = keep_budget(*volume, bytes);
  if (!made && !lacks_space(made.error())) take_out(*volume, made.error());
}

/// Whether it is still the volume that was loaded.
Status Ring::check(const Volume& volume) {
  TAPLINE_TRY(check_identity(volume.about));
  const Result<FileSystem> disk = store_.disk().file_system(volume.files.directory());
  if (!disk) return disk.error();
  if (disk->device == volume.device) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("{} is on another file system than before: is its disk mounted?",
                           volume.files.directory())};
}

bool Ring::is_young(const RingDirectory::Finished& segment) const {
  return limits_.age_min_ns > 0 && segment.last_ns > saturating_add(clock_(), -limits_.age_min_ns);
}

Status Ring::keep_budget(Volume& volume, std::uint64_t bytes) {
  while (volume.budget_bytes > 0 && volume.files.used_bytes() + bytes > volume.budget_bytes) {
    const RingDirectory::Finished* const oldest = claim_oldest(volume);
    if (oldest == nullptr) {
      return Error{ErrorCode::kLimit,
                   fmt::format("{}: a segment of {} does not fit into the budget of {}: {}raise --budget",
                               volume.about.path, format_size(bytes), format_size(volume.budget_bytes),
                               describe_held(volume))};
    }
    if (is_young(*oldest)) {
      spare(*oldest);
      return {};
    }
    TAPLINE_TRY(evict(volume, *oldest));
  }
  return {};
}

/// A disk that others fill has to be left room, too.
Status Ring::keep_free(Volume& volume, std::uint64_t bytes) {
  const Result<FileSystem> disk = store_.disk().file_system(volume.files.directory());
  if (!disk) return disk.error();
  for (std::uint64_t free_bytes = disk->free_bytes; free_bytes < bytes + volume.free_bytes_min;) {
    const RingDirectory::Finished* const oldest = claim_oldest(volume);
    if (oldest == nullptr) {
      return Error{ErrorCode::kNoSpace,
                   fmt::format("{}: its disk has {} free, and a segment needs {}: {}others have filled it",
                               volume.about.path, format_size(free_bytes),
                               format_size(bytes + volume.free_bytes_min), describe_held(volume))};
    }
    if (is_young(*oldest) && !std::exchange(dropped_young_, true))
      notice(true, fmt::format("{}: packets younger than --keep-at-least have to go: the disk is full",
                               volume.about.path));
    free_bytes += oldest->bytes;
    TAPLINE_TRY(evict(volume, *oldest));
  }
  return {};
}

Status Ring::keep_age(Volume& volume) {
  if (limits_.age_max_ns == 0) return {};
  const TimeNs least_ns = saturating_add(clock_(), -limits_.age_max_ns);
  for (;;) {
    const RingDirectory::Finished* const oldest = claim_oldest(volume);
    if (oldest == nullptr) return {};
    if (oldest->last_ns >= least_ns) {
      spare(*oldest);
      return {};
    }
    TAPLINE_TRY(evict(volume, *oldest));
  }
}

const RingDirectory::Finished* Ring::claim_oldest(const Volume& volume) {
  for (const auto& [age, finished] : volume.files.finished()) {
    if (held_ == nullptr || held_->claim(finished.id_high)) return &finished;
  }
  return nullptr;
}

void Ring::spare(const RingDirectory::Finished& claimed) {
  if (held_ != nullptr) held_->unclaim(claimed.id_high);
}

Status Ring::evict(Volume& volume, const RingDirectory::Finished& claimed) {
  const std::uint64_t id_high = claimed.id_high;
  Status evicted = volume.files.evict(claimed);
  if (held_ != nullptr) held_->unclaim(id_high);
  if (evicted) segments_evicted_.fetch_add(1, std::memory_order_relaxed);
  return evicted;
}

/// With nothing left to drop, all that is left is held.
std::string Ring::describe_held(const Volume& volume) const {
  std::uint64_t bytes = 0;
  for (const auto& [age, finished] : volume.files.finished()) bytes += finished.bytes;
  if (volume.files.finished().empty()) return {};
  return fmt::format("holds keep {} segments of {}: release one (`tapline hold list`) or ",
                     volume.files.finished().size(), format_size(bytes));
}

Ring::Volume* Ring::find(const SegmentId& id) {
  const auto volume =
      std::ranges::find_if(volumes_, [&](const Volume& one) { return one.files.has_reserved(id); });
  return volume == volumes_.end() ? nullptr : &*volume;
}

void Ring::publish(const SegmentId& id, const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (Volume* const volume = find(id); volume != nullptr) volume->files.add(id, path, bytes);
}

void Ring::give_up(const SegmentId& id, const Error& reason) {
  const std::lock_guard lock(mutex_);
  Volume* const volume = find(id);
  if (volume == nullptr) return;
  std::error_code missing;
  const std::string open_path = volume->files.directory() + "/" + open_name(id, kPacketSuffix);
  const std::uintmax_t bytes = std::filesystem::file_size(open_path, missing);
  volume->files.leave(id, open_path, missing ? 0 : bytes);
  if (reason.code == ErrorCode::kIo || reason.code == ErrorCode::kNotFound) take_out(*volume, reason);
}

void Ring::take_out(Volume& volume, const Error& reason) {
  if (!volume.in_use()) return;
  volume.about.out_since_ns = std::max<TimeNs>(1, clock_());
  volume.about.out_reason = reason.context;
  notice(true, fmt::format("volume {} is out of use: {}", volume.about.path, reason.context));
  if (const Status saved = save_volume(store_, volume.about); !saved) notice(true, saved.error().context);
}

/// It is there, and takes a file.
void Ring::try_to_take_back(Volume& volume) {
  const auto probe = [&]() -> Status {
    TAPLINE_TRY(check_identity(volume.about));
    const std::string path = volume.files.directory() + "/probe";
    TAPLINE_TRY(store_.disk().publish_file(path, {}));
    TAPLINE_TRY(store_.disk().remove(path));
    if (volume.about.own() && volume.device != 0) TAPLINE_TRY(check(volume));
    return load_volume(volume);
  };
  if (!probe()) return;
  volume.about.out_since_ns = 0;
  volume.about.out_reason.clear();
  notice(false, fmt::format("volume {} is used again", volume.about.path));
  if (const Status saved = save_volume(store_, volume.about); !saved) notice(true, saved.error().context);
}

void Ring::keep() {
  const std::lock_guard lock(mutex_);
  if (!load_locked()) return;  // whoever wants to write is told
  for (Volume& volume : volumes_) {
    if (!volume.in_use()) {
      try_to_take_back(volume);
      continue;
    }
    Status kept = check(volume);
    if (kept) kept = keep_age(volume);
    if (kept && limits_.any()) kept = keep_free(volume, 0);
    if (kept) kept = volume.files.finish_evictions();
    const bool full = !kept && kept.error().code == ErrorCode::kNoSpace;  // with nothing to drop
    if (!kept && !full) take_out(volume, kept.error());
  }
  if (const Status sessions = keep_sessions(); !sessions) notice(true, sessions.error().context);
}

Status Ring::keep_sessions() {
  if (limits_.session_bytes == 0) return {};
  if (!sessions_) sessions_.emplace(store_.disk(), store_.sessions_directory(), kSessionSuffix);
  const TimeNs now_ns = clock_();
  if (sessions_loaded_ns_ != 0 && now_ns - sessions_loaded_ns_ < kSessionsPeriodNs) return {};
  sessions_loaded_ns_ = now_ns;
  TAPLINE_TRY(sessions_->load());
  while (sessions_->used_bytes() > limits_.session_bytes && !sessions_->finished().empty())
    TAPLINE_TRY(sessions_->evict(sessions_->finished().begin()->second));
  return {};
}

Status Ring::yield_space() {
  const std::lock_guard lock(mutex_);
  TAPLINE_TRY(load_locked());
  Volume& own = volumes_.front();
  const RingDirectory::Finished* const oldest = own.in_use() && limits_.any() ? claim_oldest(own) : nullptr;
  if (oldest != nullptr) {
    TAPLINE_TRY(evict(own, *oldest));
    return own.files.finish_evictions();
  }
  return Error{ErrorCode::kNoSpace,
               fmt::format("{}: its disk is full, and there are no packets to drop", store_.path())};
}

std::vector<std::string> Ring::find_leftovers() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const Volume& volume : volumes_) {
    if (!volume.in_use()) continue;
    paths.insert(paths.end(), volume.files.left_open().begin(), volume.files.left_open().end());
  }
  return paths;
}

void Ring::reload(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  for (Volume& volume : volumes_) {
    if (volume.files.directory() != directory || !volume.in_use()) continue;
    if (const Status loaded = volume.files.load(); !loaded) take_out(volume, loaded.error());
  }
}

void Ring::notice(bool alarm, std::string text) {
  if (notices_.size() < kNoticesMax) notices_.push_back({alarm, std::move(text)});
}

std::vector<RingNotice> Ring::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

}  // namespace tapline::storage
