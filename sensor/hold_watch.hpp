#pragma once
// HoldWatch: the thread in which a sensor keeps the holds of its store while it records: requests are
// answered within 200 ms and the time it takes to look into indexes.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/query/hold_keeper.hpp"

namespace tapline::sensor {

class HoldWatch {
 public:
  /// Returns when all holds are in force: nothing may be evicted before. `held` is what the ring is given; it
  /// and `store` outlive the watch, and the ring must be at rest when the watch ends.
  static Result<std::unique_ptr<HoldWatch>> start(const storage::Store& store, storage::HeldSegments& held,
                                                  std::uint64_t quota_bytes);
  ~HoldWatch();

  /// What happened since the last call. Any thread.
  std::vector<std::string> take_notices() { return keeper_->take_notices(); }

 private:
  explicit HoldWatch(std::unique_ptr<query::HoldKeeper> keeper) : keeper_(std::move(keeper)) {}
  void run();

  std::unique_ptr<query::HoldKeeper> keeper_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace tapline::sensor
