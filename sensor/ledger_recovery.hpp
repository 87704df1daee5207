#pragma once
// LedgerRecovery: makes the ledger of one worker of a killed run agree with its segments. Rows of the last
// seconds may be missing, or speak of frames that never reached the disk: the stored frames are counted once
// more, second by second, and rows are added that say the difference. Afterwards there is none, so that a
// repetition adds nothing. One thread. Memory: two LedgerCounts a second of the window.
//   load(), then recount() for every stored frame since `since`, then finish().

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "capture/packet/packet_meta.hpp"
#include "storage/ledger_file.hpp"

namespace tapline::sensor {

struct LedgerRecoveryCounters {
  std::uint64_t rows_written = 0;
  std::uint64_t frames_added = 0;  // stored, and in no row
  std::uint64_t frames_lost = 0;   // in a row, and not stored: booked as dropped in the crash
};

/// A row's counters that, added to `booked`, make its stored frames and bytes those of `found`. Frames beyond
/// what was booked were polled and decoded, too; missing ones move to DropCause::kCrash, and stay decoded.
/// Books that close, close afterwards.
storage::LedgerCounts correct_counts(const storage::LedgerCounts& booked, const storage::LedgerCounts& found);

class LedgerRecovery {
 public:
  explicit LedgerRecovery(const storage::RowGroupFileConfig& files);

  /// Reads what the run has written. Seconds of order time from `since_ns` on will be corrected, and those
  /// from 10 s before the last row; none before `not_before_ns`. A file that cannot be read (further) goes to
  /// `unreadable`.
  void load(const std::vector<std::string>& paths, TimeNs since_ns, TimeNs not_before_ns,
            std::vector<Error>& unreadable);
  /// Order time since which recount() wants every stored frame.
  TimeNs recount_since_ns() const { return since_ns_; }

  /// `packets`: of the frame, outermost first. `cut`: the store has less of it than was captured. How much
  /// was captured then is not known any more: all of it is assumed.
  void recount(const Frame& frame, std::span<const PacketMeta> packets, bool cut);
  /// Seconds whose stored frames could not all be read are left as they are.
  void leave_out(TimeNs first_ns, TimeNs last_ns);

  Status finish();

  /// Of the whole run; complete after finish().
  const storage::LedgerTotals& totals() const { return totals_; }
  const LedgerRecoveryCounters& counters() const { return counters_; }
  /// How far the files say to be complete; the least time where none does.
  TimeNs complete_until_ns() const { return complete_until_ns_; }
  /// The latest order time that rows of the run speak for, as far as they say; the least time without any.
  TimeNs accounted_until_ns() const;

 private:
  struct Second {
    storage::LedgerCounts booked;
    storage::LedgerCounts found;
    bool left_out = false;
  };

  Status load_file(const std::string& path, bool collect);
  Status append(std::int64_t second, const storage::LedgerCounts& counts);

  std::uint16_t port_;
  std::uint16_t worker_;
  storage::LedgerFileWriter writer_;
  TimeNs since_ns_ = 0;
  std::int64_t since_second_ = 0;
  std::int64_t last_second_;
  std::map<std::int64_t, Second> seconds_;
  storage::LedgerTotals totals_;
  LedgerRecoveryCounters counters_;
  TimeNs complete_until_ns_;
};

}  // namespace tapline::sensor
