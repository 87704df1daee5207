#pragma once
// A file without a disk: storage's readers open paths, and /proc/self/fd/N is one for memfd_create(2). Kept
// open from one input to the next, because making one costs more than most inputs.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "capture/base/file.hpp"

namespace tapline {

class MemoryFile {
 public:
  MemoryFile() : file_(File::adopt(::memfd_create("fuzz", 0), "memory file")) {
    if (!file_.is_open()) std::abort();
  }

  void fill(Bytes bytes) {
    if (!file_.truncate(0) || !file_.seek(0) || !file_.write_all(bytes)) std::abort();
  }

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_.descriptor()); }

 private:
  File file_;
};

/// A name for a memory file, in a folder of this process; removed at its end.
class NamedLink {
 public:
  NamedLink(const MemoryFile& file, const std::string& name) {
    path_ = std::filesystem::temp_directory_path() / (std::to_string(::getpid()) + "-" + name);
    std::filesystem::remove(path_);
    std::filesystem::create_symlink(file.path(), path_);
  }
  ~NamedLink() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tapline
