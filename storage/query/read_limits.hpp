#pragma once
// ReadLimits: what answering a question may take. They change what an answer costs, never what it is.

#include <atomic>
#include <cstdint>

#include "storage/io_budget.hpp"

namespace tapline::query {

struct ReadLimits {
  /// At work on segments and blocks, the caller's thread included.
  unsigned threads = 1;
  /// For blocks that are fetched ahead, those that are merged at the moment included.
  std::uint64_t memory_bytes_max = 256u << 20;
  /// Less content than this is not worth a thread: a block of 256 KiB takes some 0.15 ms.
  std::uint64_t alone_bytes_max = 1u << 20;
  /// From so much content on it pays to start threads that do nothing but read (BulkReads).
  std::uint64_t bulk_bytes_min = 64u << 20;
  storage::IoBudget* budget = nullptr;  // null: none
  /// Once true, no further block is given out, and waits for the budget end within 50 ms: whoever asked for
  /// the answer takes no more of it.
  const std::atomic<bool>* stop = nullptr;  // null: never
};

}  // namespace tapline::query
