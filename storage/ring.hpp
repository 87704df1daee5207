#pragma once
// Ring: keeps the packets of a store within a byte budget by dropping the oldest finished segments. A dropped
// segment leaves an empty `.expired` file of the same name, so that coverage can say what is gone. Called by
// the writer.

#include <cstdint>

#include "storage/store.hpp"

namespace tapline::storage {

class Ring {
 public:
  /// `budget_bytes` bounds segments and indexes, the open one included; 0: no limit.
  Ring(const Store& store, std::uint64_t budget_bytes) : store_(store), budget_bytes_(budget_bytes) {}

  /// Segments small enough that the ring drops a sixteenth of itself at a time, at most `wanted_bytes`.
  std::uint64_t segment_bytes(std::uint64_t wanted_bytes) const;

  /// Evicts until `bytes` more fit. kLimit where they cannot, even with nothing left to drop.
  Status make_room(std::uint64_t bytes);

  std::uint64_t segments_evicted() const { return segments_evicted_; }

 private:
  Store store_;
  std::uint64_t budget_bytes_;
  std::uint64_t segments_evicted_ = 0;
};

}  // namespace tapline::storage
