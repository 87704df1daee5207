#include "tests/sensor/faulty_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <vector>

namespace tapline::test {
namespace {

struct Disk {
  std::mutex mutex;  // writers of other tests in this program sync from threads of their own
  std::string broken_folder;
  std::map<std::string, std::uint64_t> synced_bytes;  // by path
  std::vector<std::string> syncs;
};

Disk& disk() {
  static Disk instance;
  return instance;
}

std::string path_of(int descriptor) {
  char path[PATH_MAX] = {};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  return ::readlink(link.c_str(), path, sizeof path - 1) > 0 ? path : "";
}

std::uint64_t size_of(int descriptor) {
  struct stat about {};
  return ::fstat(descriptor, &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
}

void forget_pages(int descriptor, std::uint64_t from) {
  const std::vector<char> zeroes(size_of(descriptor) - std::min(from, size_of(descriptor)));
  static_cast<void>(!::pwrite(descriptor, zeroes.data(), zeroes.size(), static_cast<off_t>(from)));
}

/// False where the disk is broken; what was not synced before is gone then.
bool survives(int descriptor, const std::string& path) {
  const std::lock_guard lock(disk().mutex);
  if (!disk().broken_folder.empty() && path.starts_with(disk().broken_folder)) {
    forget_pages(descriptor, disk().synced_bytes[path]);
    return false;
  }
  disk().synced_bytes[path] = size_of(descriptor);
  disk().syncs.push_back(path);
  return true;
}

int sync_data(int descriptor) {
  if (survives(descriptor, path_of(descriptor)))
    return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
  errno = EIO;
  return -1;
}

}  // namespace

FaultyDisk::FaultyDisk(const std::string& folder) {
  const std::lock_guard lock(disk().mutex);
  disk().broken_folder = folder;
}

FaultyDisk::~FaultyDisk() {
  const std::lock_guard lock(disk().mutex);
  disk().broken_folder.clear();
}

int FaultyDisk::syncs(const std::string& suffix) {
  const std::lock_guard lock(disk().mutex);
  return static_cast<int>(
      std::ranges::count_if(disk().syncs, [&](const std::string& path) { return path.ends_with(suffix); }));
}

}  // namespace tapline::test

// The C library's own is weak: this one is linked in its place.
extern "C" int fdatasync(int descriptor) {
  return tapline::test::sync_data(descriptor);
}
