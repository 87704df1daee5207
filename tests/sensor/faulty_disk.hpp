#pragma once
// FaultyDisk: a disk that refuses to make files durable. Takes the place of fdatasync(2) in the test that
// links it; files outside of the folder are not touched. As a kernel does whose disk fails (fsync(2)), it
// reports an error once, and what was written to the file since its last good sync reads as zeroes
// afterwards.

#include <string>

namespace tapline::test {

class FaultyDisk {
 public:
  /// While the object lives, fdatasync() of files whose path begins with `folder` fails; one object at a
  /// time.
  explicit FaultyDisk(const std::string& folder);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// Good syncs since the program began, of files whose path ends with `suffix`.
  static int syncs(const std::string& suffix);
};

}  // namespace tapline::test
