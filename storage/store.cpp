#include "storage/store.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>

#include "storage/format.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {
namespace {

std::string marker_path(const std::string& path) {
  return path + "/tapline-store";
}

constexpr std::array<const char*, 7> kDirectories{"packets", "sessions", "ledger", "sources",
                                                  "volumes", "holds",    "held"};

/// Empty but for what a file system makes itself (mke2fs(8)), or a writer has left that was killed while it
/// made the store.
bool holds_nothing_of_others(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "lost+found" || name == "tapline-store.tmp") continue;
    const bool ours = std::ranges::find(kDirectories, name) != kDirectories.end();
    if (!ours || !std::filesystem::is_empty(entry->path(), error)) return false;
  }
  return !error;
}

std::string parent_of(const std::string& path) {
  const std::filesystem::path whole = std::filesystem::path(path + "/.").parent_path();
  const std::string parent = whole.parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "sensor";
}

Status make_directories(Disk& disk, const std::string& path) {
  for (const char* const name : kDirectories) TAPLINE_TRY(disk.make_directory(path + "/" + name));
  return {};
}

std::string lock_path(const Store& store) {
  return store.path() + "/lock";
}

/// The whole file, for fcntl(2). l_pid must be 0 for locks of open file descriptions.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string read_holder(const std::string& path) {
  const Result<std::vector<std::uint8_t>> holder = read_file(path);
  return holder ? std::string(holder->begin(), holder->end()) : std::string("unknown");
}

}  // namespace

Store::Store(Disk& disk, std::string path, std::string sensor_name)
    : disk_(&disk),
      path_(std::move(path)),
      sensor_name_(std::move(sensor_name)),
      sensor_id_(XXH3_64bits(sensor_name_.data(), sensor_name_.size())) {}

Result<Store> Store::open(const std::string& path) {
  return open_on(real_disk(), path);
}

Result<Store> Store::open_on(Disk& disk, const std::string& path) {
  const Result<TextRecord> marker = TextRecord::load(marker_path(path));
  if (!marker && marker.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} is not a tapline store: it has no file tapline-store; check --store", path)};
  }
  if (!marker) return marker.error();
  const Result<std::uint64_t> version = marker->number("format");
  if (!version) return version.error();
  if (*version > kFormatVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: the store has format {}; this program reads up to {}: "
                             "use a newer tapline",
                             path, *version, kFormatVersion)};
  }
  return Store(disk, path, marker->text("sensor"));
}

Result<Store> Store::open_or_create(const std::string& path, const std::string& sensor_name, Disk& disk) {
  Result<Store> store = open_on(disk, path);
  if (!store && store.error().code != ErrorCode::kNotFound) return store;
  if (!store) {
    TAPLINE_TRY(disk.make_directory(path));
    if (!holds_nothing_of_others(path)) {
      return Error{
          ErrorCode::kInvalid,
          fmt::format("{} is neither a tapline store nor empty: name a new directory with --store", path)};
    }
    // The marker last: whoever sees it finds a whole store.
    TAPLINE_TRY(make_directories(disk, path));
    TextRecord marker;
    marker.set("format", std::to_string(kFormatVersion));
    marker.set("sensor", sensor_name.empty() ? host_name() : sensor_name);
    TAPLINE_TRY(marker.publish(disk, marker_path(path)));
    TAPLINE_TRY(disk.sync_directory(parent_of(path)));
    store = Store(disk, path, marker.text("sensor"));  // as it will be read again
  }
  TAPLINE_TRY(make_directories(disk, path));
  return store;
}

Result<StoreLock> StoreLock::acquire(const Store& store) {
  const std::string path = lock_path(store);
  Result<File> file = File::open_existing(path);
  if (!file) file = File::create(path);
  if (!file) return file.error();
  const struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file->descriptor(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return io_error("lock", path);
    return Error{ErrorCode::kBusy,
                 fmt::format("{} is being written by process {}: a store has one writer at a time",
                             store.path(), read_holder(path))};
  }
  const std::string pid = std::to_string(::getpid());
  TAPLINE_TRY(file->truncate(0));
  TAPLINE_TRY(file->write_all(Bytes(reinterpret_cast<const std::uint8_t*>(pid.data()), pid.size())));
  return StoreLock(std::move(*file));
}

Result<std::optional<std::string>> find_writer(const Store& store) {
  const std::string path = lock_path(store);
  const Result<File> file = File::open_read(path);
  if (!file && file.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  if (!file) return file.error();
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(file->descriptor(), F_OFD_GETLK, &lock) != 0) return io_error("look at the lock of", path);
  if (lock.l_type == F_UNLCK) return std::optional<std::string>();
  return std::optional(read_holder(path));
}

}  // namespace tapline::storage
