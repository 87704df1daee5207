#pragma once
// The columns of session records: numbers, names, types, meanings. Times and byte counts are stored as
// differences to what can be foretold from other columns, so that the usual value is 0; all arithmetic wraps
// at 64 bits, so that odd values survive, too. Formulas: FORMAT.md, "Session records".

#include <array>

#include "capture/packet/session_record.hpp"
#include "storage/row_group.hpp"

namespace tapline::storage {

/// Column numbers; on disk, never reused. The order within is that of kSessionColumns.
enum SessionColumn : std::uint16_t {
  kUidTail = 1,
  kUidMs,
  kFirst,
  kFirstSkew,
  kTurn,
  kASpan,
  kBSpan,
  kLastSkew,
  kDeltaFirst,
  kDeltaLast,
  kOrderTime,
  kOrderCount,
  kSeq,
  kAddressA,
  kAddressB,
  kPortA,
  kPortB,
  kIpProto,
  kKeyFlags,
  kLink,
  kTunnelId,
  kCountersA,
  kCountersB = kCountersA + 4,
  kSinceA = kCountersB + 4,
  kSinceB = kSinceA + 4,
  kDetailsA = kSinceB + 4,
  kDetailsB = kDetailsA + 6,
  kUnstoredPackets = kDetailsB + 6,
  kMplsLabel,
  kWorker,
  kEndReason,
  kOriginator,
  kOrientRule,
  kOrientConfidence,
  kTcpA,
  kTcpB = kTcpA + 5,
  kConnState = kTcpB + 5,
  kFlipped,
  kUntracked,
  kHistory,
  kRttServer = kHistory + 3,
  kRttClient,
  kResponse,
  kDuplicatesA,
  kDuplicatesB,
  kSinceDuplicatesA,
  kSinceDuplicatesB,
  kSyn,
  kSynAck = kSyn + 4,
  kBadChecksumsA = kSynAck + 4,
  kBadChecksumsB,
  kParentUid,
  kApp = kParentUid + 2,
};
inline constexpr std::uint16_t kSessionColumnCount = kApp;
static_assert(kSessionColumnCount == 92, "numbers of columns that are on disk never change");

/// Parts of a record that can be read alone: a scan for totals need not decode uids.
enum SessionFields : std::uint8_t {
  kFieldsIdentity = 1 << 0,  // uid, seq
  kFieldsTimes = 1 << 1,     // first, last, delta, directions' first and last, first order key
  kFieldsKey = 1 << 2,       // FlowKey
  kFieldsCounters = 1 << 3,  // total of both directions, unstored packets
  kFieldsPrevious = 1 << 4,  // previous of both directions
  kFieldsDetails = 1 << 5,   // TCP flags, TTL, tags, worker, end reason, orientation
  kFieldsTcp = 1 << 6,       // TCP counters, state, history, round trips, SYN signatures
  kFieldsAll = (1 << 7) - 1,
};

struct SessionColumnSpec {
  ColumnSpec column;
  std::uint8_t needed_for;  // SessionFields
};

/// Indexed by number - 1.
extern const std::array<SessionColumnSpec, kSessionColumnCount> kSessionColumns;

inline const ColumnSpec& session_column(std::uint16_t number) {
  return kSessionColumns[number - 1u].column;
}

/// What the bytes of a direction's packets are foretold to be, without which its overhead columns make no
/// sense.
inline constexpr std::uint64_t kLinkBytesForetold = 14;  // Ethernet without tags
inline std::uint64_t header_bytes_foretold(std::uint8_t ip_proto, std::uint8_t key_flags) {
  const std::uint64_t transport = ip_proto == 6 ? 20 : 8;
  return ((key_flags & kKeyIpv6) != 0 ? 40 : 20) + transport;
}

/// x - y, wrapping.
inline DirectionCounters difference(const DirectionCounters& x, const DirectionCounters& y) {
  return {x.packets - y.packets, x.frame_bytes - y.frame_bytes, x.ip_bytes - y.ip_bytes,
          x.payload_bytes - y.payload_bytes, x.duplicate_packets - y.duplicate_packets};
}

inline std::int64_t floor_milliseconds(TimeNs time_ns) {
  return time_ns / kNsPerMillisecond - (time_ns % kNsPerMillisecond < 0 ? 1 : 0);
}

}  // namespace tapline::storage
