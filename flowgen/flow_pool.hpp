#pragma once
// FlowPool: the entries, and which of them are free. SlabPool: what only some flows need in addition. An
// entry that ends within a burst is buried: not given out again before the next call into the table, because
// hits of the burst still point into it.

#include <array>

#include "capture/base/check.hpp"
#include "capture/packet/frame.hpp"
#include "flowgen/flow_entry.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

class FlowPool {
 public:
  /// Room for `flows_max` flows and for a burst of buried ones.
  static Result<FlowPool> create(std::uint32_t flows_max) {
    FlowPool pool;
    pool.flows_max_ = flows_max;
    auto entries = MappedArray<FlowEntry>::create(std::size_t{flows_max} + kBurstFramesMax);
    if (!entries) return entries.error();
    auto freed = MappedArray<std::uint32_t>::create(entries->size());
    if (!freed) return freed.error();
    pool.entries_ = std::move(*entries);
    pool.freed_ = std::move(*freed);
    return pool;
  }

  /// Flows and those that are buried: every flow's number is less.
  std::size_t size() const { return entries_.size(); }
  FlowEntry& operator[](std::uint32_t flow) { return entries_[flow]; }
  const FlowEntry& operator[](std::uint32_t flow) const { return entries_[flow]; }
  FlowEntry* data() { return entries_.data(); }

  bool full() const { return active_count_ == flows_max_; }
  std::uint32_t active_count() const { return active_count_; }
  /// Entries from here on have never been used.
  std::uint32_t used_end() const { return used_end_; }

  /// Only while not full(). The entry holds what its last flow left.
  std::uint32_t allocate() {
    ++active_count_;
    return freed_count_ != 0 ? freed_[--freed_count_] : used_end_++;
  }
  /// The entry that the allocation after `ahead` others will give, for prefetching.
  const FlowEntry& upcoming(std::uint32_t ahead) const {
    if (ahead < freed_count_) return entries_[freed_[freed_count_ - 1 - ahead]];
    const std::size_t fresh = std::size_t{used_end_} + ahead - freed_count_;
    return entries_[fresh < entries_.size() ? fresh : 0];
  }
  /// At most kBurstFramesMax between two calls of release_buried().
  void bury(std::uint32_t flow) {
    TAPLINE_CHECK(buried_count_ < buried_.size());
    buried_[buried_count_++] = flow;
    --active_count_;
  }
  void release_buried() {
    while (buried_count_ != 0) freed_[freed_count_++] = buried_[--buried_count_];
  }

  bool take_pages() { return entries_.take_pages() || freed_.take_pages(); }
  std::size_t memory_bytes() const { return entries_.memory_bytes() + freed_.memory_bytes(); }

 private:
  MappedArray<FlowEntry> entries_;
  MappedArray<std::uint32_t> freed_;  // a stack: what was used last is likely still in the cache
  std::array<std::uint32_t, kBurstFramesMax> buried_{};
  std::uint32_t freed_count_ = 0;
  std::uint32_t buried_count_ = 0;
  std::uint32_t used_end_ = 0;
  std::uint32_t active_count_ = 0;
  std::uint32_t flows_max_ = 0;
};

/// Slabs by number.
template <class Slab>
class SlabPool {
 public:
  static Result<SlabPool> create(std::uint32_t slabs_max) {
    SlabPool pool;
    auto slabs = MappedArray<Slab>::create(slabs_max);
    if (!slabs) return slabs.error();
    pool.slabs_ = std::move(*slabs);
    return pool;
  }

  Slab& operator[](std::uint32_t slab) { return slabs_[slab]; }

  void prefetch(std::uint32_t slab) const {
    const auto* const at = reinterpret_cast<const std::uint8_t*>(&slabs_[slab]);
    for (std::size_t line = 0; line < sizeof(Slab); line += 64) __builtin_prefetch(at + line, 1);
  }

  /// Zeroed, or kNoSlab where all are in use.
  std::uint32_t allocate() {
    std::uint32_t slab = first_free_;
    if (slab != kNoSlab) {
      first_free_ = slabs_[slab].next_free;
    } else if (used_end_ < slabs_.size()) {
      slab = used_end_++;
    } else {
      return kNoSlab;
    }
    slabs_[slab] = Slab{};
    return slab;
  }
  void release(std::uint32_t slab) {
    slabs_[slab].next_free = first_free_;
    first_free_ = slab;
  }

  bool take_pages() { return slabs_.take_pages(); }
  std::size_t memory_bytes() const { return slabs_.memory_bytes(); }

 private:
  MappedArray<Slab> slabs_;
  std::uint32_t first_free_ = kNoSlab;
  std::uint32_t used_end_ = 0;
};

}  // namespace tapline::flowgen
