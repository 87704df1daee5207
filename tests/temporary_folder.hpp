#pragma once
// A folder of its own for one test, removed at its end; in memory where the system has that, because tests
// publish thousands of small files and each costs a sync.

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "capture/base/file.hpp"

namespace tapline {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    namespace fs = std::filesystem;
    const fs::path base = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    path_ = (base / "tapline-test-XXXXXX").string();
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  /// A file of this content; its path.
  std::string write(const std::string& name, Bytes content) const {
    std::string path = *this / name;
    Result<File> file = File::create(path);
    REQUIRE(file.ok());
    REQUIRE(file->write_all(content).ok());
    return path;
  }

 private:
  std::string path_;
};

/// Of all files in a directory while others may remove some.
inline std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::error_code gone;
    const std::uint64_t size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace tapline
