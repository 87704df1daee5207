#pragma once
// Ring: keeps the packets of a store within budgets, on one or several volumes, by dropping the oldest
// finished segments of the volume that is to be written. A volume that fails is taken out, and back when it
// can be written again. All writers of a store share one; any thread.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/held_segments.hpp"
#include "storage/ring_directory.hpp"
#include "storage/segment_space.hpp"
#include "storage/store_volume.hpp"

namespace tapline::storage {

/// Without `bytes`, `percent` and `age_max_ns` no segment is ever dropped.
struct RingLimits {
  std::uint64_t bytes = 0;  // of each volume's segments and indexes, open ones included
  unsigned percent = 0;     // the same, of what its disk has free or the segments have taken already
  /// That each volume's disk keeps free, if any of the others is set; 0: 2 %, at most 256 MiB.
  std::uint64_t free_bytes_min = 0;
  TimeNs age_max_ns = 0;  // of a segment's last frame
  /// Younger segments are dropped for want of disk space only, not for `bytes` or `percent`.
  TimeNs age_min_ns = 0;
  std::uint64_t session_bytes = 0;  // of session files

  bool any() const { return bytes > 0 || percent > 0 || age_max_ns > 0; }
};

/// For the log.
struct RingNotice {
  bool alarm = false;
  std::string text;
};

class Ring : public SegmentSpace {
 public:
  /// `held`: what must not be dropped, if it is not null; it outlives the ring.
  Ring(const Store& store, const RingLimits& limits, HeldSegments* held = nullptr,
       TimeNs (*clock)() = wall_clock_ns)
      : store_(store), limits_(limits), held_(held), clock_(clock) {}
  Ring(const Store& store, std::uint64_t budget_bytes, HeldSegments* held = nullptr)
      : Ring(store, RingLimits{.bytes = budget_bytes}, held) {}

  /// Lists the volumes and their segments, once. The other functions do it where it has not been done.
  Status load();
  /// Of all volumes together; 0: none has one.
  std::uint64_t budget_bytes() const;

  /// Segments small enough that a volume drops a sixteenth of itself at a time, at most `wanted_bytes`.
  /// `writers`: how many of them are open at once.
  std::uint64_t segment_bytes(std::uint64_t wanted_bytes, unsigned writers = 1);

  /// On the volume with the fewest open segments, then with the most room, then with the oldest segment.
  /// Evicts until `bytes` more fit, what open segments may still grow included. kLimit where they cannot,
  /// even with nothing left to drop but what is held; kIo where no volume can be written.
  Result<std::string> reserve(const SegmentId& id, std::uint64_t bytes) override;
  /// Evicts on the volume of `id` until `bytes` more fit into its budget; the disk gives back the last one's
  /// space meanwhile. A volume that fails is taken out.
  void prepare(const SegmentId& id, std::uint64_t bytes) override;
  void publish(const SegmentId& id, const std::string& path, std::uint64_t bytes) override;
  /// kIo, kNotFound: its volume is taken out.
  void give_up(const SegmentId& id, const Error& reason) override;

  /// About once a second, from a thread that may wait for disks: drops what is too old, or what the disk
  /// needs that others fill; takes out volumes that are not there, and back those that are there again.
  void keep();
  /// Drops a segment on the store's own volume.
  Status yield_space() override;
  /// `.open` segments of volumes in use that no writer works on: to be recovered.
  std::vector<std::string> find_leftovers();
  /// Files below `directory` were changed by somebody else, such as recovery.
  void reload(const std::string& directory);

  std::vector<RingNotice> take_notices();
  std::uint64_t segments_evicted() const { return segments_evicted_.load(std::memory_order_relaxed); }

 private:
  struct Volume {
    StoreVolume about;
    RingDirectory files;
    std::uint64_t budget_bytes = 0;
    std::uint64_t free_bytes_min = 0;
    std::uint64_t device = 0;
    bool in_use() const { return about.out_since_ns == 0; }
  };

  Status load_locked();
  Status load_volume(Volume& volume);
  std::vector<Volume*> by_preference();
  Volume* find(const SegmentId& id);
  Status check(const Volume& volume);
  Status reserve_on(Volume& volume, const SegmentId& id, std::uint64_t bytes);
  Status keep_budget(Volume& volume, std::uint64_t bytes);
  Status keep_free(Volume& volume, std::uint64_t bytes);
  Status keep_age(Volume& volume);
  Status keep_sessions();
  /// The oldest segment that is not held; claimed, until evict() or spare(). Null where there is none.
  const RingDirectory::Finished* claim_oldest(const Volume& volume);
  Status evict(Volume& volume, const RingDirectory::Finished& claimed);
  void spare(const RingDirectory::Finished& claimed);
  /// What holds keep of a volume, for an error; empty where that is nothing.
  std::string describe_held(const Volume& volume) const;
  bool is_young(const RingDirectory::Finished& segment) const;
  void take_out(Volume& volume, const Error& reason);
  void try_to_take_back(Volume& volume);
  void notice(bool alarm, std::string text);

  const Store store_;
  const RingLimits limits_;
  HeldSegments* const held_;
  TimeNs (*clock_)();
  std::mutex mutex_;  // held while evicting: once a segment
  bool loaded_ = false;
  std::vector<Volume> volumes_;  // the store's own first
  std::optional<RingDirectory> sessions_;
  TimeNs sessions_loaded_ns_ = 0;
  bool dropped_young_ = false;  // and said so
  std::vector<RingNotice> notices_;
  std::atomic<std::uint64_t> segments_evicted_{0};  // written under mutex_; a count to look at
};

}  // namespace tapline::storage
