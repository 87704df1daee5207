#pragma once
// KeptStore: beside a LiveRig that records on a disk that remembers everything, what else writes to a live
// store: holds that are asked for, answered, released and expire, the scrub, the keeper of the volumes, one
// of which fails for a while. It remembers what had been answered after each operation, and checks what a
// power cut leaves of that.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sensor/store_keeper.hpp"
#include "storage/hold.hpp"
#include "storage/query/hold_keeper.hpp"
#include "storage/scrubber.hpp"
#include "tests/sensor/live_rig.hpp"

namespace tapline::test {

class KeptStore {
 public:
  static constexpr const char* kVolume = "other";
  static constexpr std::uint64_t kQuotaBytes = 96 * 1024;
  static constexpr int kTicks = 400;  // of 10 ms

  /// What the ring had dropped in times long ago, so that it is folded when the ring begins.
  static void leave_markers(const storage::Store& store);

  /// `rig` has the volume kVolume, and outlives it.
  explicit KeptStore(LiveRig& rig);

  /// After the rig's tick number `tick`.
  void step(int tick);
  /// The other volume returns errors, or what it lost has not been recovered yet.
  bool volume_fails() const { return volume_fails_; }

  /// `store`: as a sensor that starts has recovered it after a cut behind `operation_count` operations.
  /// Requires that what was answered is there, that nothing was that nobody asked for, and that a ring which
  /// needs room drops everything but what is held. Drops it.
  void check_cut(const storage::Store& store, std::size_t operation_count) const;

  struct Checked {
    std::uint64_t holds_in_force = 0;  // in all images
    std::uint64_t segments_held = 0;
    std::uint64_t segments_dropped = 0;  // for want of room, from images
    std::uint64_t scrub_states = 0;
  };
  const Checked& checked() const { return checked_; }
  /// Of the holds at the end, by state.
  std::size_t count(storage::HoldState state) const;

 private:
  using Segments = std::set<std::uint64_t>;  // id_high
  struct Answer {
    storage::HoldState state = storage::HoldState::kHeld;
    Segments segments;
    bool operator==(const Answer&) const = default;
  };
  using Answers = std::map<storage::SegmentId, Answer>;
  /// All of it survives any cut from `operations` on.
  struct Durable {
    std::size_t operations = 0;
    TimeNs time_ns = 0;
    Answers answers;
    std::string scrub_position;  // empty: it has not been saved
  };

  void open_keeper();
  storage::HoldRequest make_request(std::uint8_t number, const std::string& filter, const TimeWindow& window);
  void ask(const storage::HoldRequest& request);
  void ask_and_release(int tick);
  void fail_and_heal(int tick);
  void note_durable();
  std::size_t operations() const { return rig_.store.disk().operations().size(); }

  static Answers read_answers(const storage::Store& store);
  void check_answers(const Answers& found, const Durable& before, const Durable& after) const;
  void check_scrub(const storage::Store& store, const Durable& before) const;
  void check_ring(const storage::Store& store, const Durable& before, const Durable& after) const;

  LiveRig& rig_;
  sensor::StoreKeeper store_keeper_;
  storage::Scrubber scrubber_;
  std::unique_ptr<query::HoldKeeper> keeper_;
  std::set<storage::SegmentId> asked_;
  std::vector<Durable> durable_;  // by operations
  bool volume_fails_ = false;
  mutable Checked checked_;
};

}  // namespace tapline::test
