#pragma once
// Scrubber: verifies the finished files of a store for as long as its recorder runs, oldest first, one after
// the other at a low rate: damage is found while what is around it can still be saved, not when somebody
// asks. It passes from the oldest file to the newest, then looks at each new one, until it is time for the
// next pass; what it knows survives in `scrub`. Reads from the disk and not from memory, as far as the kernel
// lets it, and leaves nothing in memory. step() belongs to one thread, of the holder of the store's lock; it
// shares nothing with those who record.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/io_budget.hpp"
#include "storage/scrub_state.hpp"

namespace tapline::storage {

struct ScrubConfig {
  /// 8 MiB/s is 2 % of one SATA disk's reads (a tenth of a hard disk's) and 0.7 TB a day; checksums of it
  /// take 0.1 % of a processor, decoding one file in 16 less than as much again (at 10 GB/s and 1 GB/s).
  std::uint64_t bytes_per_second = 8u << 20;
  unsigned deep_every = 16;                          // one file in so many is decoded, too; 0: none
  TimeNs pass_period_ns = 24 * 3600 * kNsPerSecond;  // a pass begins so long after the one before, at least
  TimeNs save_period_ns = 30 * kNsPerSecond;         // how often the position is written, at most
  TimeNs (*clock)() = wall_clock_ns;
  TimeNs (*steady_clock)() = steady_clock_ns;
};

class Scrubber {
 public:
  /// Goes on where the store's `scrub` says; one that cannot be read is begun anew.
  Scrubber(const Store& store, const ScrubConfig& config);

  /// Verifies the next file. False: there was none, come again in some seconds.
  bool step();
  /// What was found since the last call, for the log.
  std::vector<std::string> take_notices();

  /// Any thread: step() returns within a block of a file (1 ms; the end of a deep one: the time to sort an
  /// index, 0.1 s), and does nothing from then on.
  void request_stop();
  bool stop_requested() const { return stop_.load(std::memory_order_acquire); }
  /// Waits so long, or until request_stop().
  void wait(TimeNs wait_ns);

  /// The thread of step() only.
  const ScrubState& state() const { return state_; }
  /// Writes where it is; after the last step().
  void save();

 private:
  std::optional<CatalogFile> find_next(const Catalog& catalog);
  void begin_pass();
  void end_pass();
  void forget_gone(const Catalog& catalog);
  void verify(const Catalog& catalog, const CatalogFile& file);
  void report(const std::string& name, const std::string& what, bool index);
  void say(std::string notice);

  const Store store_;
  const ScrubConfig config_;
  IoBudget budget_;
  ScrubState state_;
  bool pass_ended_ = false;  // came to the newest file; new ones are looked at all the same
  TimeNs saved_at_ns_;       // steady clock
  std::mutex mutex_;         // of what follows
  std::condition_variable stopped_;
  std::vector<std::string> notices_;
  std::atomic<bool> stop_{false};
};

}  // namespace tapline::storage
