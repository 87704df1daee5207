#include "tests/disk/fault_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "capture/base/check.hpp"
#include "capture/base/file.hpp"

namespace tapline::test {
namespace {

std::uint64_t size_of(const std::string& path) {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(path, missing);
  return missing ? 0 : bytes;
}

void zero_from(const std::string& path, std::uint64_t offset) {
  const std::uint64_t bytes = size_of(path);
  if (bytes <= offset) return;
  const std::vector<std::uint8_t> zeroes(bytes - offset);
  Result<File> file = File::open_existing(path);
  TAPLINE_CHECK(file && file->seek(offset) && file->write_all(zeroes));
}

std::vector<std::uint8_t> joined(std::span<const Bytes> pieces) {
  std::vector<std::uint8_t> bytes;
  for (const Bytes piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

}  // namespace

/// A file follows its name when that changes; its number stays.
class FaultDisk::FaultFile : public DiskFile {
 public:
  FaultFile(FaultDisk& disk, std::unique_ptr<DiskFile> real, std::string path, std::size_t number,
            std::uint32_t sync_unit)
      : disk_(disk),
        real_(std::move(real)),
        path_(std::move(path)),
        number_(number),
        sync_unit_(sync_unit),
        bytes_(size_of(path_)),
        synced_bytes_(bytes_) {}

  Status append(std::span<const Bytes> pieces) override {
    std::vector<std::uint8_t> bytes = joined(pieces);
    if (disk_.append_hook_) disk_.append_hook_(bytes.size());
    const std::optional<Error> failure = disk_.next_failure(path_, Kind::kAppend);
    if (failure) bytes.resize(bytes.size() / 2);
    const Bytes written(bytes);
    TAPLINE_TRY(real_->append({&written, 1}));
    const std::uint64_t offset = std::exchange(bytes_, bytes_ + bytes.size());
    disk_.record({Kind::kAppend, path_, {}, number_, offset, std::move(bytes)});
    return failure ? Status(*failure) : Status();
  }

  Status flush() override { return real_->flush(); }

  Status sync() override {
    if (const std::optional<Error> failure = disk_.next_failure(path_, Kind::kSync)) {
      zero_from(path_, synced_bytes_);
      return *failure;
    }
    TAPLINE_TRY(real_->sync());
    synced_bytes_ = bytes_;
    disk_.record({Kind::kSync, path_, {}, number_, 0, {}});
    return {};
  }

  Status truncate(std::uint64_t bytes) override {
    if (const std::optional<Error> failure = disk_.next_failure(path_, Kind::kTruncate)) return *failure;
    TAPLINE_TRY(real_->truncate(bytes));
    bytes_ = bytes;
    synced_bytes_ = std::min(synced_bytes_, bytes);
    disk_.record({Kind::kTruncate, path_, {}, number_, bytes, {}});
    return {};
  }

  Status allocate(std::uint64_t) override {
    const std::optional<Error> failure = disk_.next_failure(path_, Kind::kCreate);
    return failure ? Status(*failure) : Status();
  }

  std::uint32_t sync_unit() const override { return sync_unit_; }

 private:
  FaultDisk& disk_;
  std::unique_ptr<DiskFile> real_;
  const std::string path_;
  const std::size_t number_;
  const std::uint32_t sync_unit_;
  std::uint64_t bytes_;
  std::uint64_t synced_bytes_;
};

FaultDisk::FaultDisk(std::string folder, bool record) : folder_(std::move(folder)), record_(record) {}

Result<std::unique_ptr<DiskFile>> FaultDisk::create(const std::string& path) {
  return make_file(path, 1);
}

Result<std::unique_ptr<DiskFile>> FaultDisk::create_stream(const std::string& path) {
  return make_file(path, 512);
}

Result<std::unique_ptr<DiskFile>> FaultDisk::make_file(const std::string& path, std::uint32_t sync_unit) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kCreate)) return *failure;
  Result<std::unique_ptr<DiskFile>> real = real_disk().create(path);
  if (!real) return real;
  {
    const std::lock_guard lock(mutex_);
    numbers_[path] = files_++;
  }
  const std::uint64_t is_stream = sync_unit > 1 ? 1 : 0;
  record({Kind::kCreate, path, {}, number_of(path), is_stream, {}});
  return std::unique_ptr<DiskFile>(
      std::make_unique<FaultFile>(*this, std::move(*real), path, number_of(path), sync_unit));
}

Result<std::unique_ptr<DiskFile>> FaultDisk::open(const std::string& path) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kCreate)) return *failure;
  Result<std::unique_ptr<DiskFile>> real = real_disk().open(path);
  if (!real) return real;
  return std::unique_ptr<DiskFile>(
      std::make_unique<FaultFile>(*this, std::move(*real), path, number_of(path), 1));
}

Status FaultDisk::make_directory(const std::string& path) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kCreate)) return *failure;
  return real_disk().make_directory(path);
}

Status FaultDisk::rename(const std::string& from, const std::string& to) {
  if (const std::optional<Error> failure = next_failure(from, Kind::kRename)) return *failure;
  TAPLINE_TRY(real_disk().rename(from, to));
  const std::size_t number = number_of(from);
  {
    const std::lock_guard lock(mutex_);
    numbers_.erase(from);
    numbers_[to] = number;
  }
  record({Kind::kRename, from, to, number, 0, {}});
  return {};
}

Status FaultDisk::remove(const std::string& path) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kRemove)) return *failure;
  const bool existed = std::filesystem::exists(path);
  TAPLINE_TRY(real_disk().remove(path));
  if (!existed) return {};
  const std::size_t number = number_of(path);
  {
    const std::lock_guard lock(mutex_);
    numbers_.erase(path);
  }
  record({Kind::kRemove, path, {}, number, 0, {}});
  return {};
}

Status FaultDisk::sync_directory(const std::string& path) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kSyncDirectory)) return *failure;
  TAPLINE_TRY(real_disk().sync_directory(path));
  record({Kind::kSyncDirectory, path, {}, 0, 0, {}});
  return {};
}

Result<FileSystem> FaultDisk::file_system(const std::string& path) {
  if (const std::optional<Error> failure = next_failure(path, Kind::kCreate)) return *failure;
  Result<FileSystem> real = real_disk().file_system(path);
  const std::lock_guard lock(mutex_);
  if (real && free_bytes_) real->free_bytes = *free_bytes_;
  return real;
}

void FaultDisk::set_free_bytes(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

void FaultDisk::fail(const std::string& prefix, ErrorCode code) {
  const std::lock_guard lock(mutex_);
  fault_ = {prefix, code, false, false};
}

void FaultDisk::fail_syncs(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  fault_ = {prefix, ErrorCode::kIo, true, false};
}

void FaultDisk::fail_once(std::uint64_t operation, ErrorCode code) {
  const std::lock_guard lock(mutex_);
  failure_to_come_ = {operation, code};
}

void FaultDisk::fail_next_append(const std::string& prefix, ErrorCode code) {
  const std::lock_guard lock(mutex_);
  fault_ = {prefix, code, false, true};
}

void FaultDisk::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  failure_to_come_.reset();
}

void FaultDisk::on_append(std::function<void(std::uint64_t)> hook) {
  append_hook_ = std::move(hook);
}

int FaultDisk::syncs(const std::string& suffix) const {
  const std::lock_guard lock(mutex_);
  int sum = 0;
  for (const auto& [path, count] : syncs_) sum += path.ends_with(suffix) ? count : 0;
  return sum;
}

std::optional<Error> FaultDisk::next_failure(const std::string& path, Kind kind) {
  const std::lock_guard lock(mutex_);
  TAPLINE_CHECK(path.starts_with(folder_));
  std::optional<ErrorCode> code;
  const bool is_sync = kind == Kind::kSync || kind == Kind::kSyncDirectory;
  const bool of_kind =
      fault_ && (is_sync || !fault_->syncs_only) && (kind == Kind::kAppend || !fault_->one_append);
  if (of_kind && path.starts_with(fault_->prefix)) {
    code = fault_->code;
    if (fault_->one_append) fault_.reset();
  }
  if (failure_to_come_ && failure_to_come_->first-- == 0) {
    code = failure_to_come_->second;
    failure_to_come_.reset();
  }
  if (!code) return std::nullopt;
  return Error{*code, "cannot use " + path + ": a fault of the test"};
}

std::size_t FaultDisk::number_of(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = numbers_.try_emplace(path, files_);
  if (is_new) ++files_;  // it was there before this disk
  return found->second;
}

void FaultDisk::record(Operation operation) {
  const std::lock_guard lock(mutex_);
  if (operation.kind == Kind::kSync) ++syncs_[operation.path];
  if (record_) operations_.push_back(std::move(operation));
}

}  // namespace tapline::test
