#pragma once
// HoldKeeper: keeps the holds of a store while it is being written: answers requests, finds which segments
// each hold covers, tells the ring (storage/held_segments.hpp), lets holds end. A segment is covered where a
// plan of the hold's filter and window names a block of it; segments that are published later are judged when
// they come, at the latest when the ring wants to evict them. All are bounded by a quota.
//
// Order makes it safe: a hold is in force before its answer is published, and its end is published before it
// is in force no longer. So a crash leaves no answered hold that does not hold: open() puts all of them back
// into force, with the segments that their answers name, before anything can be evicted.
//
// step() belongs to one thread; judging may come from any other through HeldSegments::claim().

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/held_segments.hpp"
#include "storage/hold_folder.hpp"
#include "storage/query/hold_in_force.hpp"

namespace tapline::query {

struct HoldKeeperConfig {
  std::uint64_t quota_bytes = 0;  // of held segments and their indexes, all holds together; 0: no limit
  TimeNs (*clock)() = wall_clock_ns;
  TimeNs (*steady_clock)() = steady_clock_ns;
};

class HoldKeeper {
 public:
  static constexpr std::size_t kHoldsMax = 256;             // in force
  static constexpr std::size_t kEndedHoldsMax = 1000;       // whose records are kept; the oldest go
  static constexpr TimeNs kLookAgainNs = 5 * kNsPerSecond;  // even if no folder seems to have changed

  /// Puts all holds into force and answers what was asked meanwhile. `held` speaks for them from now on and
  /// outlives the keeper; the caller has the store's lock, and nothing is evicted before this returns. An
  /// error where the answers cannot be read: then nothing may be evicted.
  static Result<std::unique_ptr<HoldKeeper>> open(const storage::Store& store, storage::HeldSegments& held,
                                                  const HoldKeeperConfig& config);
  ~HoldKeeper();

  /// Looks for requests and releases, new segments, and holds whose time is over. Costs three stat(2) where
  /// nothing has changed. What fails is said and tried again.
  void step();
  /// Any thread: step() returns within the time to look into one index, leaves what it has not answered, and
  /// answers nothing any more.
  void request_stop() { stop_.store(true, std::memory_order_relaxed); }
  /// What happened since the last call, for the log.
  std::vector<std::string> take_notices();

 private:
  HoldKeeper(const storage::Store& store, storage::HeldSegments& held, const HoldKeeperConfig& config);

  Status load();
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }
  std::unique_ptr<HoldInForce> load_hold(const storage::Hold& hold);
  void answer_papers();
  void answer(const storage::HoldRequest& request);
  void refuse(const storage::HoldRequest& request, std::string why);
  void release(const storage::SegmentId& id);
  std::string exceeds_quota(const HoldInForce& wanted);
  Status put_into_force(std::unique_ptr<HoldInForce> active, const storage::Catalog& catalog);
  Status drop_gone(HoldInForce& added, const storage::Catalog& after,
                   const storage::HeldSegments::Ids& going);
  Status end(std::size_t number, storage::HoldState state, std::string why);
  void end_expired();
  void forget_old();

  void look_at_segments();
  void judge_known(std::uint64_t id_high);  // for HeldSegments
  void judge(const storage::CatalogFile& file);
  storage::HeldSegments::Ids speak();
  bool is_held(std::uint64_t id_high) const;
  void note_over_quota(storage::Hold& hold);
  void save_changed();
  void say(std::string notice);

  const storage::Store store_;
  storage::HeldSegments& held_;
  const HoldKeeperConfig config_;
  // step() only:
  TimeNs papers_looked_at_ns_ = 0;  // steady clock
  TimeNs segments_looked_at_ns_ = 0;
  std::int64_t papers_changed_ns_ = -1;  // the folder's time of change when it was listed
  std::int64_t segments_changed_ns_ = -1;
  bool any_ended_ = true;
  std::atomic<bool> stop_{false};  // relaxed: orders nothing
  std::mutex mutex_;               // of what follows; the list of holds changes in step() only
  std::vector<std::unique_ptr<HoldInForce>> active_;
  std::unordered_map<std::uint64_t, storage::CatalogFile> files_;  // finished segments, as last listed
  std::uint64_t held_bytes_ = 0;                                   // each segment once
  std::mutex notices_mutex_;
  std::vector<std::string> notices_;
};

}  // namespace tapline::query
