#pragma once
// Store: the directory that is the only interface between capture and everything else.
//   tapline-store   what it is: format and sensor name (text)
//   lock            held by the one writer
//   packets/        segments and their indexes; `.expired` where the ring has dropped one
//   volumes/        other directories with packets/ of the store, one text file each (store_volume.hpp)
//   sessions/       session files
//   ledger/         the account of every frame
//   holds/, held/   what may not be evicted: requests of readers, answers of the writer (hold.hpp)
//   scrub           how far the writer has verified it (scrub_state.hpp)
//   sources/        what was imported or recorded, one text file each (source.hpp)
// Readers need no lock and never write, but for requests in holds/.

#include <cstdint>
#include <optional>
#include <string>

#include "capture/base/file.hpp"
#include "capture/base/result.hpp"
#include "storage/disk/disk.hpp"

namespace tapline::storage {

class Store {
 public:
  /// For readers: kNotFound where `path` is no store, kUnsupported for a newer one.
  static Result<Store> open(const std::string& path);
  /// For the writer: makes the directories where they are missing. `sensor_name` counts for a new store only;
  /// empty: this host's name.
  /// `disk` is what its writers write to; it outlives the store and them.
  static Result<Store> open_or_create(const std::string& path, const std::string& sensor_name,
                                      Disk& disk = real_disk());

  Disk& disk() const { return *disk_; }
  const std::string& path() const { return path_; }
  const std::string& sensor_name() const { return sensor_name_; }
  /// XXH3-64 of the sensor's name: part of every uid.
  std::uint64_t sensor_id() const { return sensor_id_; }
  std::string packets_directory() const { return path_ + "/packets"; }
  std::string sessions_directory() const { return path_ + "/sessions"; }
  std::string ledger_directory() const { return path_ + "/ledger"; }
  std::string sources_directory() const { return path_ + "/sources"; }
  std::string volumes_directory() const { return path_ + "/volumes"; }
  std::string holds_directory() const { return path_ + "/holds"; }
  std::string held_directory() const { return path_ + "/held"; }

 private:
  Store(Disk& disk, std::string path, std::string sensor_name);
  static Result<Store> open_on(Disk& disk, const std::string& path);

  Disk* disk_;
  std::string path_;
  std::string sensor_name_;
  std::uint64_t sensor_id_ = 0;
};

/// The one-writer lock: of the open file description, so that it goes with its process, and so that readers
/// can ask for it without taking it. kBusy names the process that holds it.
class StoreLock {
 public:
  static Result<StoreLock> acquire(const Store& store);

 private:
  explicit StoreLock(File file) : file_(std::move(file)) {}
  File file_;
};

/// The process id of the store's writer, as text; nothing where there is none. Takes no lock, not even for a
/// moment: a writer that starts meanwhile notices nothing.
Result<std::optional<std::string>> find_writer(const Store& store);

}  // namespace tapline::storage
