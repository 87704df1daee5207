#include "capture/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace tapline {
namespace {

constexpr mode_t kCreateMode = 0640;  // captures are confidential: the group may read, others may not

Result<int> open_descriptor(const std::string& path, int flags, std::string_view action) {
  int descriptor = -1;
  bool again = true;
  while (descriptor < 0 && again) {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, kCreateMode);
    const bool not_owner = descriptor < 0 && errno == EPERM && (flags & O_NOATIME) != 0;  // open(2)
    if (not_owner) flags &= ~O_NOATIME;
    again = not_owner || errno == EINTR;
  }
  if (descriptor >= 0) return descriptor;
  const bool missing = errno == ENOENT;
  Error error = io_error(action, path);
  if (missing) error.code = ErrorCode::kNotFound;
  return error;
}

}  // namespace

Error io_error(std::string_view action, const std::string& path) {
  const std::string words = std::generic_category().message(errno);
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return {full ? ErrorCode::kNoSpace : ErrorCode::kIo, fmt::format("cannot {} {}: {}", action, path, words)};
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  close();
}

Result<File> File::open_read(const std::string& path) {
  // The first read since a file was written would otherwise write its inode (relatime), and to do so read
  // the blocks of the inode table around it: 132 KiB for one session, on ext4.
  const Result<int> descriptor = open_descriptor(path, O_RDONLY | O_NOATIME, "open");
  if (!descriptor) return descriptor.error();
  return File(*descriptor, path);
}

Result<File> File::create(const std::string& path) {
  const Result<int> descriptor = open_descriptor(path, O_RDWR | O_CREAT | O_TRUNC, "create");
  if (!descriptor) return descriptor.error();
  return File(*descriptor, path);
}

Result<File> File::open_existing(const std::string& path) {
  const Result<int> descriptor = open_descriptor(path, O_RDWR, "open");
  if (!descriptor) return descriptor.error();
  return File(*descriptor, path);
}

Result<File> File::open_directory(const std::string& path) {
  const Result<int> descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY, "open directory");
  if (!descriptor) return descriptor.error();
  return File(*descriptor, path);
}

File File::adopt(int descriptor, std::string name) {
  return {descriptor, std::move(name)};
}

Result<std::uint64_t> File::size_bytes() const {
  struct stat about {};
  if (::fstat(descriptor_, &about) != 0) return io_error("look at", path_);
  return static_cast<std::uint64_t>(about.st_size);
}

void File::expect_single_reads() const {
  // Advice: where the kernel does not take it, more is read.
  static_cast<void>(::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM));
}

Result<std::size_t> File::read(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::read(descriptor_, out.data() + done, out.size() - done);
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      return io_error("read", path_);
    }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Status File::pread_exact(std::uint64_t offset, std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (count == 0) {
      return Error{ErrorCode::kCorrupt, fmt::format("{}: offset {}: the file ends {} bytes too early", path_,
                                                    offset + done, out.size() - done)};
    }
    if (count < 0) {
      if (errno == EINTR) continue;
      return io_error("read", path_);
    }
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Status File::write_all(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return io_error("write", path_);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status File::write_gather(std::span<const Bytes> pieces) {
  constexpr std::size_t kVectorsMax = 1024;  // IOV_MAX of Linux
  while (!pieces.empty()) {
    std::array<iovec, kVectorsMax> vectors;
    const std::size_t count = std::min(pieces.size(), kVectorsMax);
    std::size_t wanted_bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
      wanted_bytes += pieces[i].size();
    }
    const ssize_t written = ::writev(descriptor_, vectors.data(), static_cast<int>(count));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error("write", path_);
    if (static_cast<std::size_t>(written) < wanted_bytes) {
      TAPLINE_TRY(write_rest(pieces.first(count), static_cast<std::size_t>(written)));
    }
    pieces = pieces.subspan(count);
  }
  return {};
}

Status File::write_rest(std::span<const Bytes> pieces, std::size_t written_bytes) {
  for (const Bytes piece : pieces) {
    const std::size_t skipped = std::min(piece.size(), written_bytes);
    written_bytes -= skipped;
    TAPLINE_TRY(write_all(piece.subspan(skipped)));
  }
  return {};
}

Status File::seek(std::uint64_t offset) {
  if (::lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0) return io_error("seek in", path_);
  return {};
}

Status File::sync_data() {
  if (::fdatasync(descriptor_) != 0) return io_error("sync", path_);
  return {};
}

Status File::truncate(std::uint64_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) return io_error("truncate", path_);
  return {};
}

Status File::allocate(std::uint64_t bytes) {
  const int done = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
  return done == 0 || errno == EOPNOTSUPP ? Status() : io_error("take space for", path_);
}

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Result<std::vector<std::uint8_t>> read_file(const std::string& path) {
  Result<File> file = File::open_read(path);
  if (!file) return file.error();
  const Result<std::uint64_t> size = file->size_bytes();
  if (!size) return size.error();
  // One byte more than its size, so that the end shows at once; the loop is for files that grow or that, as
  // in /proc, do not know their size.
  std::vector<std::uint8_t> content(*size + 1);
  for (std::size_t used = 0;;) {
    const Result<std::size_t> count = file->read(std::span(content).subspan(used));
    if (!count) return count.error();
    used += *count;
    if (used < content.size()) {
      content.resize(used);
      return content;
    }
    content.resize(content.size() + content.size() / 2 + 4'096);
  }
}

}  // namespace tapline
