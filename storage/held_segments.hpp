#pragma once
// HeldSegments: which segments no ring may evict, because a hold covers them. What holds ask for is found out
// elsewhere (storage/query/hold_keeper.hpp); this is what the ring and that one meet at. Any thread.
//
// While there are holds, a segment that has not been judged counts as held: one that was published a moment
// ago cannot be evicted before somebody has looked whether a hold covers it. A claim makes "not held" last
// until the eviction is over: a hold that comes meanwhile is told that this segment is going.

#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_set>

namespace tapline::storage {

class HeldSegments {
 public:
  using Ids = std::unordered_set<std::uint64_t>;  // id_high of segments
  /// Judges one segment, by calling set(), or does not know it. Called by claim(), outside of any lock.
  using Judge = std::function<void(std::uint64_t id_high)>;

  // For the ring.

  /// Held, or not judged while there are holds.
  bool contains(std::uint64_t id_high) const;
  /// Before a segment is evicted: false where it is held. True: it is not, and will not be before unclaim().
  bool claim(std::uint64_t id_high);
  /// After the eviction, or after its failure.
  void unclaim(std::uint64_t id_high);

  // For the keeper of the holds.

  /// Before the ring sees this object; null: nobody is asked.
  void set_judge(Judge judge) { judge_ = std::move(judge); }
  /// From now on: `any_hold` false: nothing is held. Returns the segments that are claimed at this moment:
  /// they may be on their way out, whatever `held` says.
  Ids replace(bool any_hold, Ids held, Ids free);
  /// Judges one more.
  void set(std::uint64_t id_high, bool held);

 private:
  bool is_free(std::uint64_t id_high) const { return !any_hold_ || free_.contains(id_high); }

  Judge judge_;
  mutable std::mutex mutex_;  // of what follows
  bool any_hold_ = false;
  Ids held_;
  Ids free_;
  Ids claimed_;
};

}  // namespace tapline::storage
