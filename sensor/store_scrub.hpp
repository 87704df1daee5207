#pragma once
// StoreScrub: the thread in which a sensor scrubs its store while it records: with the least processor time
// (nice 19) and idle input and output, where the kernel's scheduler knows that, so that it costs no frame.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "capture/base/result.hpp"
#include "storage/scrubber.hpp"

namespace tapline::sensor {

class StoreScrub {
 public:
  /// Begins at once. `store` outlives it. kLimit where there is no thread.
  static Result<std::unique_ptr<StoreScrub>> start(const storage::Store& store,
                                                   const storage::ScrubConfig& config);
  /// Stops within 0.1 s, and remembers its place.
  ~StoreScrub();

  /// What was found since the last call. Any thread.
  std::vector<std::string> take_notices() { return scrubber_.take_notices(); }

 private:
  StoreScrub(const storage::Store& store, const storage::ScrubConfig& config) : scrubber_(store, config) {}
  void run();

  storage::Scrubber scrubber_;
  std::thread thread_;
};

}  // namespace tapline::sensor
