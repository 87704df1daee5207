#pragma once
// A live recording on a disk that remembers everything, what was in the store each time the sensor had made
// it durable, and the check of what a power cut at any operation leaves.

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/sensor/kept_store.hpp"
#include "tests/sensor/live_rig.hpp"

namespace tapline::test {

struct PowerCutConfig {
  int seconds = 4;
  std::uint64_t budget_bytes = 0;  // 0: nothing is evicted
  int frames_per_tick = 6;         // of 10 ms
  bool kept = false;               // with a KeptStore, whose volumes have the budget each, for its ticks
};

class PowerCutRun {
 public:
  explicit PowerCutRun(const PowerCutConfig& config);

  const FaultDisk& disk() { return rig_.store.disk(); }
  const std::vector<FaultDisk::Operation>& operations() { return disk().operations(); }
  /// From here on the store and the account of the run are durable.
  std::size_t first_operation() const { return durable_.front().operations; }
  const KeptStore* kept() const { return kept_ ? &*kept_ : nullptr; }
  std::uint64_t segments_evicted() const { return rig_.ring.segments_evicted(); }

  /// Makes the image in a folder of its own, recovers it as a sensor's start does, and requires that all that
  /// was durable is there, that nothing is there that was not recorded, and that every file is whole.
  /// `runs_too`: the sessions and the ledger of the run are recovered, too, and the books close.
  /// With a KeptStore, what that one says, too. `operation_count` >= first_operation().
  void check_cut(std::size_t operation_count, const Survival& survival, bool runs_too);

  struct Checked {
    std::uint64_t cuts = 0;
    std::uint64_t files_recovered = 0;  // `.open` files that held something
    std::uint64_t files_set_aside = 0;  // wholly or in part
    std::uint64_t torn_bytes = 0;
    std::uint64_t frames_lost = 0;  // recorded, but not yet durable
  };
  const Checked& checked() const { return checked_; }

 private:
  using Frames = std::map<TimeNs, ByteBuffer>;
  /// All of it survives any cut from `operations` on.
  struct Durable {
    std::size_t operations = 0;
    std::vector<TimeNs> frames;
    std::vector<SessionRecord> sessions;
    std::vector<storage::LedgerRow> ledger;
  };

  void record_tick(int frames);
  void note_durable();
  void check_run(const storage::Store& store);
  void check_store(const storage::Store& store, std::size_t operation_count);
  void check_frames(const storage::Store& store, const Durable& durable);
  void check_records(const storage::Store& store, const Durable& durable);

  LiveRig rig_;
  std::optional<KeptStore> kept_;
  std::independent_bits_engine<std::minstd_rand, 8, std::uint32_t> random_{5};
  Frames sent_;
  std::vector<Durable> durable_;  // by operations
  Checked checked_;
};

}  // namespace tapline::test
