#pragma once
// Ring: keeps the packets of a store within a byte budget by dropping the oldest finished segments. A dropped
// segment leaves an empty `.expired` file of the same name, so that coverage can say what is gone. All
// writers of a store share one; any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include "storage/catalog.hpp"
#include "storage/held_segments.hpp"
#include "storage/segment_space.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

class Ring : public SegmentSpace {
 public:
  /// `budget_bytes` bounds segments and indexes, open ones included; 0: no limit.
  /// `held`: what must not be dropped, if it is not null; it outlives the ring.
  Ring(const Store& store, std::uint64_t budget_bytes, HeldSegments* held = nullptr)
      : store_(store), budget_bytes_(budget_bytes), held_(held) {}

  /// Segments small enough that the ring drops a sixteenth of itself at a time, at most `wanted_bytes`.
  /// `writers`: how many of them are open at once.
  std::uint64_t segment_bytes(std::uint64_t wanted_bytes, unsigned writers = 1) const;

  /// Evicts until `bytes` more fit, what open segments may still grow included. kLimit where they cannot,
  /// even with nothing left to drop but what is held.
  Status reserve(const SegmentId& id, std::uint64_t bytes) override;
  void release(const SegmentId& id) override;

  std::uint64_t segments_evicted() const { return segments_evicted_.load(std::memory_order_relaxed); }

 private:
  Status make_room(std::uint64_t bytes);
  /// Whether the file is of a segment that has a reservation: open, or published a moment ago.
  bool is_reserved(const CatalogFile& segment) const;

  const Store store_;
  const std::uint64_t budget_bytes_;
  HeldSegments* const held_;
  std::mutex mutex_;                                // held while evicting: once a segment
  std::map<SegmentId, std::uint64_t> reserved_;     // bytes by the open segment
  std::atomic<std::uint64_t> segments_evicted_{0};  // written under mutex_; a count to look at
};

}  // namespace tapline::storage
