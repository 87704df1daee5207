#pragma once
// BrokenFolder: a folder that a file has taken the place of, until restore(): nothing can be written into it,
// not even by root.

#include <filesystem>
#include <fstream>
#include <string>

namespace tapline::test {

class BrokenFolder {
 public:
  explicit BrokenFolder(const std::string& path) : path_(path) {
    std::filesystem::rename(path_, path_ + ".aside");
    std::ofstream(path_) << "not a folder";
  }
  void restore() const {
    std::filesystem::remove(path_);
    std::filesystem::rename(path_ + ".aside", path_);
  }

 private:
  std::string path_;
};

}  // namespace tapline::test
