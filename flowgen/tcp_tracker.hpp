#pragma once
// TCP tracker: what a TCP session's segments say about it: state of both ends, history, retransmissions,
// order, gaps, round trips. Rules are Zeek's (TCPSessionAdapter, TCP_Endpoint; BSD licence), so that
// `conn_state` and `history` can be compared, except that nothing depends on who is taken for the originator
// but the reading of a first SYN. Pure: works on a session's TcpState and the sequence numbers of its
// directions, without allocation; any segment may come.
//
// Most segments tell nothing new but how far both sides have come: is_expected() finds them without touching
// TcpState, and take_expected() is all that is to be done for them.

#include <array>
#include <cstdint>

#include "capture/base/time.hpp"
#include "capture/packet/history.hpp"
#include "capture/packet/tcp_flags.hpp"
#include "flowgen/tcp_holes.hpp"

namespace tapline::flowgen {

struct TcpSegment {
  TimeNs time_ns;
  std::uint32_t seq;
  std::uint32_t ack;
  std::uint32_t payload_bytes;
  std::uint16_t window;  // as in the header, not scaled
  std::uint8_t flags;
  bool bad_checksum = false;
};

/// Sequence numbers of one direction, in the line that every one of its frames writes.
struct TcpSequence {
  std::uint32_t next;   // one past the highest number sent
  std::uint32_t acked;  // highest acknowledgment sent: of the other direction's numbers
};

/// Zeek's states of an endpoint.
enum class TcpEndState : std::uint8_t {
  kInactive,
  kSynSent,
  kSynAckSent,
  kPartial,  // seen from the middle on
  kEstablished,
  kClosed,  // sent FIN
  kReset,   // sent RST
};

/// What one side has sent.
struct TcpSide {
  std::uint32_t start;     // number of the SYN; one before the first seen where there was none
  std::uint32_t last_syn;  // numbers of the last SYN, FIN and RST in the history
  std::uint32_t last_fin;
  std::uint32_t last_reset;
  TcpHoles holes;
  std::uint64_t retransmitted_bytes : 48;  // payload that had been seen before
  std::uint64_t zero_windows : 16;         // segments that closed the window; stays at the maximum
  std::uint32_t retransmitted_packets;     // payload, and none of it new
  std::uint32_t out_of_order_packets;      // filled a hole
  std::uint32_t bad_checksums;             // segments; stays at the maximum
  std::uint16_t gaps;                      // holes that were acknowledged; stays at the maximum
  std::uint16_t state : 3;                 // TcpEndState
  std::uint16_t state_before : 3;
  std::uint16_t seen : 8;  // see tcp_tracker.cpp

  TcpEndState end_state() const { return static_cast<TcpEndState>(state); }
};

struct TcpState {
  std::array<TcpSide, 2> sides;  // by Direction
  History history;
  TimeNs waiting_since_ns;  // of the round trip that is being measured: when it began
  TimeNs rtt_server_ns;     // from SYN to SYN-ACK; 0: not measured, as below
  TimeNs rtt_client_ns;     // from SYN-ACK to the opener's ACK
  TimeNs response_ns;       // from the opener's first payload to the first of the answer
  std::uint32_t first_syn;  // number of the first SYN without ACK of either side, where has_syn
  bool has_syn;
  Direction opener;    // who opens the session, as far as its first segment tells
  std::uint8_t stage;  // of the round trips: see tcp_tracker.cpp
};

/// Numbers that a segment takes: one each for SYN and FIN; what a RST carries is no part of the stream.
inline std::uint32_t sequence_length(std::uint8_t flags, std::uint32_t payload_bytes) {
  return ((flags & kTcpRst) != 0 ? 0 : payload_bytes) + ((flags & kTcpSyn) != 0 ? 1 : 0) +
         ((flags & kTcpFin) != 0 ? 1 : 0);
}

/// A session that begins with this segment. `opener`: who is to be taken for its originator.
void begin_tcp(TcpState& state, Direction opener);

/// Whether the segment is the next one of its direction and tells nothing but that: no flags, no closed
/// window, no wrong checksum. The other direction need not be looked at, which would be one more line from
/// memory.
inline bool is_expected(const TcpSequence& mine, const TcpSegment& segment) {
  return segment.seq == mine.next && (segment.flags & ~kTcpPsh) == kTcpAck && segment.window != 0 &&
         !segment.bad_checksum;
}

/// A number further off than this is broken, or of another session (Zeek: TOO_LARGE_SEQ_DELTA).
inline constexpr std::int32_t kFarOff = 1 << 20;

/// An acknowledgment of 0 that is far off is more likely broken than a number that happens to be 0.
inline void take_acknowledgment(TcpSequence& mine, std::uint32_t ack) {
  const std::int32_t progress = sequence_distance(mine.acked, ack);
  if (progress > 0 && (ack != 0 || progress <= kFarOff)) mine.acked = ack;
}

/// All that an expected segment changes.
inline void take_expected(TcpSequence& mine, const TcpSegment& segment) {
  mine.next += segment.payload_bytes;
  take_acknowledgment(mine, segment.ack);
}

/// Any segment. `sequences`: of both directions, by Direction.
void observe_tcp(TcpState& state, std::array<TcpSequence*, 2> sequences, Direction direction,
                 const TcpSegment& segment);

/// Which expected segments of a direction need not be observed: bit 0 those with payload, bit 1 those
/// without.
enum PlainBit : std::uint8_t { kPlainPayload = 1 << 0, kPlainAck = 1 << 1 };
std::uint8_t plain_segments(const TcpState& state, Direction direction);

/// Bytes of a side that were not seen, though acknowledged; where nothing of the other side was seen, though
/// later ones were.
std::uint64_t gap_bytes(const TcpState& state, Direction direction, const TcpSequence& mine,
                        const TcpSequence& theirs, bool other_seen);

}  // namespace tapline::flowgen
