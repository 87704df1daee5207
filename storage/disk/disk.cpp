#include "storage/disk/disk.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "capture/base/file.hpp"
#include "storage/disk/stream_file.hpp"

namespace tapline {
namespace {

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

class RealFile : public DiskFile {
 public:
  explicit RealFile(File file) : file_(std::move(file)) {}

  Status append(std::span<const Bytes> pieces) override { return file_.write_gather(pieces); }
  Status flush() override { return {}; }
  Status sync() override { return file_.sync_data(); }
  Status truncate(std::uint64_t bytes) override {
    TAPLINE_TRY(file_.truncate(bytes));
    return file_.seek(bytes);
  }
  Status allocate(std::uint64_t bytes) override { return file_.allocate(bytes); }
  std::uint32_t sync_unit() const override { return 1; }

 private:
  File file_;
};

Result<std::unique_ptr<DiskFile>> as_disk_file(Result<File> file) {
  if (!file) return file.error();
  return std::unique_ptr<DiskFile>(std::make_unique<RealFile>(std::move(*file)));
}

class RealDisk : public Disk {
 public:
  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    return as_disk_file(File::create(path));
  }

  Result<std::unique_ptr<DiskFile>> create_stream(const std::string& path) override {
    Result<std::unique_ptr<DiskFile>> stream =
        StreamFile::create(path, make_write_queue(StreamFile::kBuffers));
    if (!stream && stream.error().code == ErrorCode::kUnsupported) return create(path);
    return stream;
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path) override {
    Result<File> file = File::open_existing(path);
    if (!file) return file.error();
    if (::lseek(file->descriptor(), 0, SEEK_END) < 0) return io_error("seek in", path);
    return as_disk_file(std::move(file));
  }

  Status make_directory(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (!error) return {};
    return Error{ErrorCode::kIo, fmt::format("cannot make directory {}: {}", path, error.message())};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) == 0) return {};
    return io_error(fmt::format("rename {} to", from), to);
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return io_error("remove", path);
  }

  Status sync_directory(const std::string& path) override {
    const Result<File> directory = File::open_directory(path);
    if (!directory) return directory.error();
    if (::fsync(directory->descriptor()) != 0) return io_error("sync directory", path);
    return {};
  }

  Result<FileSystem> file_system(const std::string& path) override {
    struct statvfs space {};
    struct stat about {};
    if (::statvfs(path.c_str(), &space) != 0 || ::stat(path.c_str(), &about) != 0)
      return io_error("look at the disk of", path);
    return FileSystem{std::uint64_t{space.f_blocks} * space.f_frsize,
                      std::uint64_t{space.f_bavail} * space.f_frsize, about.st_dev};
  }
};

}  // namespace

Disk& real_disk() {
  static RealDisk disk;
  return disk;
}

Status Disk::write_draft(const std::string& path, Bytes content) {
  Result<std::unique_ptr<DiskFile>> file = create(path);
  if (!file) return file.error();
  TAPLINE_TRY((*file)->append({&content, 1}));
  return (*file)->sync();
}

Status Disk::publish_file(const std::string& path, Bytes content) {
  const std::string draft = path + ".tmp";
  Status written = write_draft(draft, content);
  if (written) written = rename_durably(draft, path);
  if (!written) static_cast<void>(remove(draft).ok());
  return written;
}

Status Disk::rename_durably(const std::string& from, const std::string& to) {
  TAPLINE_TRY(rename(from, to));
  return sync_directory(directory_of(to));
}

Status publish_file(const std::string& path, Bytes content) {
  return real_disk().publish_file(path, content);
}

}  // namespace tapline
