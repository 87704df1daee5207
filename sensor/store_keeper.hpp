#pragma once
// StoreKeeper: what a live store needs once a second and what may wait for disks: the ring's ages, disks that
// others fill, volumes that go and come, segments that a writer had to give up. A thread of its own calls
// run(), or a test step().

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "capture/frame_source.hpp"
#include "storage/ring.hpp"
#include "storage/store.hpp"

namespace tapline::sensor {

class StoreKeeper {
 public:
  /// Both outlive it.
  StoreKeeper(const storage::Store& store, storage::Ring& ring) : store_(store), ring_(ring) {}

  void step();
  /// step() every second, until request_stop() of another thread.
  void run();
  void request_stop();
  /// After run(), when nobody writes any more: what writers gave up is recovered now, and not at the next
  /// start.
  void finish();

  /// Any thread: what there is to log, since the last call.
  std::vector<SourceNotice> take_notices();

 private:
  /// False where there is none, or none of them can be recovered now.
  bool recover_one();
  void note(bool warning, std::string text);

  const storage::Store& store_;
  storage::Ring& ring_;
  std::set<std::string> hopeless_;  // leftovers of a newer format
  std::set<std::string> failed_;    // others that could not be recovered, and said so; they are tried again
  std::mutex mutex_;                // of what follows
  std::condition_variable stopping_;
  bool stop_requested_ = false;
  std::vector<SourceNotice> notices_;
};

}  // namespace tapline::sensor
