#pragma once
// FuzzFolder: a folder of this process, in memory where the system has that; removed with what is in it.

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tapline {

class FuzzFolder {
 public:
  FuzzFolder() {
    const std::filesystem::path shared = "/dev/shm";
    std::error_code error;
    path_ = (std::filesystem::is_directory(shared, error) ? shared : std::filesystem::temp_directory_path())
                .string();
    path_ += "/tapline-fuzz-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  FuzzFolder(const FuzzFolder&) = delete;
  FuzzFolder& operator=(const FuzzFolder&) = delete;
  ~FuzzFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tapline
