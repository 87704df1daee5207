#pragma once
// FaultDisk: a disk for tests, over real files in one folder. It remembers all that was done, so that after
// any operation the power can be cut: write_image() makes the folder that the next start would find. It
// fails, tears writes and fills up when told to.
//
// What survives a cut: content up to the file's last good sync, and of what was written since as much as the
// test asks for; behind a stream that was not cut since, any number of zeroes; names as of the directory's
// last good sync, or as of now. A change of a name is never half. Directories survive as soon as they are
// made.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/disk/disk.hpp"

namespace tapline::test {

/// What of that which was not synced is there after a cut.
struct Survival {
  enum class Content : std::uint8_t {
    kSynced,      // nothing since the last sync
    kAll,         // everything: as after kill -9
    kTorn,        // everything, but of the last append only `torn_bytes`
    kSectors,     // a random half of the sectors (512 bytes); the others read as before, or as zeroes
    kLengthOnly,  // the file is as long as it was, and what was not synced reads as zeroes
  };
  Content content = Content::kAll;
  std::uint64_t torn_bytes = 0;
  std::uint64_t seed = 1;  // of kSectors
  bool all_names = true;   // false: only those synced
};

class FaultDisk : public Disk {
 public:
  enum class Kind : std::uint8_t { kCreate, kAppend, kSync, kTruncate, kRename, kRemove, kSyncDirectory };
  /// One operation that was done, or failed in part.
  struct Operation {
    Kind kind;
    std::string path;                 // of kRename: from
    std::string to;                   // of kRename
    std::size_t file = 0;             // its number; of all but kSyncDirectory
    std::uint64_t offset = 0;         // of kAppend: where; of kTruncate: new size; of kCreate: 1: a stream
    std::vector<std::uint8_t> bytes;  // of kAppend
  };

  /// `folder` exists; all paths are below it. `record`: whether write_image() will be wanted.
  explicit FaultDisk(std::string folder, bool record = true);

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override;
  /// With sectors of 512 bytes.
  Result<std::unique_ptr<DiskFile>> create_stream(const std::string& path) override;
  Result<std::unique_ptr<DiskFile>> open(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<FileSystem> file_system(const std::string& path) override;

  /// Until heal(), everything below `prefix` fails with `code`; appends leave half of what they were given.
  void fail(const std::string& prefix, ErrorCode code);
  /// Until heal(), syncs of files below `prefix` fail, and what was written since the last good one reads as
  /// zeroes: a kernel reports pages that it could not write once, and drops them (fsync(2)).
  void fail_syncs(const std::string& prefix);
  /// The operation that is number `operation` from now on (0: the next) fails with `code`, and no other.
  void fail_once(std::uint64_t operation, ErrorCode code);
  /// The next append to a file below `prefix` fails with `code`.
  void fail_next_append(const std::string& prefix, ErrorCode code);
  void heal();
  /// Others fill the disk: so much is left, however much is written or removed.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// Called before each append with its bytes; a disk that takes its time.
  void on_append(std::function<void(std::uint64_t bytes)> hook);

  /// Good syncs of files whose path ends with `suffix`.
  int syncs(const std::string& suffix) const;
  const std::vector<Operation>& operations() const { return operations_; }

  /// Makes `folder` (which does not exist) what a disk holds on which the power was cut after the first
  /// `operation_count` operations.
  void write_image(std::size_t operation_count, const Survival& survival, const std::string& folder) const;

 private:
  class FaultFile;
  struct Fault {
    std::string prefix;
    ErrorCode code = ErrorCode::kIo;
    bool syncs_only = false;
    bool one_append = false;
  };

  Result<std::unique_ptr<DiskFile>> make_file(const std::string& path, std::uint32_t sync_unit);
  /// The failure that this operation meets, if any.
  std::optional<Error> next_failure(const std::string& path, Kind kind);
  void record(Operation operation);
  std::size_t number_of(const std::string& path);

  const std::string folder_;
  const bool record_;
  mutable std::mutex mutex_;  // writers may be threads
  std::optional<Fault> fault_;
  std::optional<std::pair<std::uint64_t, ErrorCode>> failure_to_come_;
  std::optional<std::uint64_t> free_bytes_;
  std::function<void(std::uint64_t)> append_hook_;
  std::map<std::string, std::size_t> numbers_;  // of the files, by present path
  std::size_t files_ = 0;
  std::map<std::string, int> syncs_;  // by path
  std::vector<Operation> operations_;
};

}  // namespace tapline::test
