#pragma once
// StoredSeconds: what packet blocks have put into the books as stored, second by second of order time, so
// that it can be taken back where the disk turns out not to have them, or counted once more under another
// name. One thread. Memory: an entry each time
// the second changes from frame to frame; clear() keeps it.

#include <vector>

#include "storage/ledger_row.hpp"
#include "storage/packet_block.hpp"

namespace tapline::storage {

class StoredSeconds {
 public:
  /// Walks the record headers of the block: 2 to 6 ns a frame that was just written, 1 us of the 100 that
  /// storing a block of 800-byte frames takes (measured on 200 blocks of 256 KiB, one size of frames each).
  void add(const PacketBlock& block);
  void clear() { seconds_.clear(); }

  /// Rows that turn these frames from stored ones into ones dropped by `cause`. Rows of one second add up.
  std::vector<LedgerRow> dropped_rows(DropCause cause, std::uint16_t port, std::uint16_t worker) const;

  /// Rows that say of these frames nothing but their number, in `counter`: one a second, in ascending order.
  std::vector<LedgerRow> counter_rows(LedgerCounter counter, std::uint16_t port, std::uint16_t worker) const;

 private:
  struct Second {
    std::int64_t second = 0;
    LedgerCounts stored;
  };

  LedgerCounts& at(std::int64_t second);

  std::vector<Second> seconds_;
};

}  // namespace tapline::storage
