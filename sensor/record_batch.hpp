#pragma once
// RecordBatch: what a worker hands to its writer beside packet blocks: session records and rows of the
// ledger, in the order in which they were made. Used again and again; its memory is allocated by the
// constructor.

#include <limits>
#include <vector>

#include "capture/packet/packet_layers.hpp"
#include "capture/packet/session_record.hpp"
#include "flowgen/flow_table.hpp"
#include "storage/ledger_row.hpp"

namespace tapline::sensor {

struct RecordBatch {
  /// What one burst can bring: each frame may be several packets.
  static constexpr std::size_t kSessionsPerBurst =
      std::size_t{flowgen::FlowTable::kRecordsPerFrameMax} * kPacketLayersMax * kBurstFramesMax;
  /// That, and one step of the timers.
  static constexpr std::size_t kSessionsMax = kSessionsPerBurst + flowgen::FlowTable::kRecordsPerAdvanceMax;
  /// A burst ends as many seconds as it has frames at most; a device reading and a stop one each.
  static constexpr std::size_t kLedgerRowsMax = 2 * (kBurstFramesMax + 2);

  std::vector<SessionRecord> sessions;
  std::vector<storage::LedgerRow> ledger;
  /// Order time up to which all that was due is in this batch or one before it.
  TimeNs complete_until_ns = std::numeric_limits<TimeNs>::min();

  RecordBatch() {
    sessions.reserve(kSessionsMax);
    ledger.reserve(kLedgerRowsMax);
  }
  void clear() {
    sessions.clear();
    ledger.clear();
  }
  bool empty() const { return sessions.empty() && ledger.empty(); }
};

}  // namespace tapline::sensor
