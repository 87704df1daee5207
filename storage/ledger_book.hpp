#pragma once
// LedgerBook: the running account of one port on one worker. Frames are booked at the second of their order
// time, exactly; a burst usually lies within one, so that finding it costs one comparison. One thread.

#include <span>
#include <vector>

#include "storage/ledger_row.hpp"

namespace tapline::storage {

class LedgerBook {
 public:
  LedgerBook(std::uint16_t port, std::uint16_t worker);

  /// The counters of the second that holds `order_ns`, valid until the next call. Seconds may come in any
  /// order: another second than the one before ends a row, and rows of the same second add up.
  LedgerCounts& at(TimeNs order_ns) {
    if (order_ns < first_ns_ || order_ns > last_ns_) [[unlikely]]
      turn_to(order_ns);
    return row_.counts;
  }

  /// A reading of the device's cumulative counters at order time `order_ns`.
  void note_device(TimeNs order_ns, std::uint64_t received_frames, std::uint64_t dropped_frames);

  /// Rows that are done, oldest first; the caller drains them between bursts (a burst ends at most as many
  /// rows as it has frames).
  std::span<const LedgerRow> rows() const { return rows_; }
  void clear_rows() { rows_.clear(); }
  /// Ends the row of the current second, so that rows() holds everything.
  void close_second();

 private:
  void turn_to(TimeNs order_ns);

  TimeNs first_ns_ = 0;  // of the current second
  TimeNs last_ns_ = kNsPerSecond - 1;
  LedgerRow row_;
  std::vector<LedgerRow> rows_;
};

}  // namespace tapline::storage
