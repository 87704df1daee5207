#include "capture/files/byte_input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tapline {

FileInput::FileInput(File file) : file_(std::move(file)) {
  struct stat about {};
  if (::fstat(file_.descriptor(), &about) != 0 || !S_ISREG(about.st_mode)) return;
  progress_.total_bytes = static_cast<std::uint64_t>(about.st_size);
  // Advice only: a file system that ignores it is read all the same.
  ::posix_fadvise(file_.descriptor(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

Result<std::size_t> FileInput::read(std::span<std::uint8_t> out) {
  ssize_t count = 0;
  do {
    count = ::read(file_.descriptor(), out.data(), out.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return io_error("read", file_.path());
  progress_.consumed_bytes += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

Result<std::size_t> MemoryInput::read(std::span<std::uint8_t> out) {
  const std::size_t count = std::min(out.size(), rest_.size());
  std::copy_n(rest_.begin(), count, out.begin());
  rest_ = rest_.subspan(count);
  return count;
}

}  // namespace tapline
