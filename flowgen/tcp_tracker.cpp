#include "flowgen/tcp_tracker.hpp"

#include <algorithm>
#include <limits>

#include "capture/base/time_window.hpp"

namespace tapline::flowgen {
namespace {

constexpr std::uint64_t k48Bits = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kCountMax = std::numeric_limits<std::uint16_t>::max();

// TcpSide::seen: what has its letter in the history.
enum SeenBit : std::uint8_t {
  kSeenSyn = 1 << 0,
  kSeenFin = 1 << 1,
  kSeenReset = 1 << 2,
  kSeenData = 1 << 3,
  kSeenAck = 1 << 4,
  kSeenMultiFlag = 1 << 5,
  kSeenInconsistent = 1 << 6,
  kSeenAcknowledgment = 1 << 7,  // no letter: TcpSequence::acked is valid
};

// TcpState::stage: the round trip that is waited for.
enum Stage : std::uint8_t { kNoSyn, kSynWaits, kSynAckWaits, kNoRequest, kRequestWaits, kAllMeasured };

TcpSide& side_of(TcpState& state, Direction direction) {
  return state.sides[static_cast<std::size_t>(direction)];
}
const TcpSide& side_of(const TcpState& state, Direction direction) {
  return state.sides[static_cast<std::size_t>(direction)];
}

/// One segment on its way through the rules.
struct Step {
  TcpState& state;
  TcpSide& mine;
  TcpSide& theirs;
  TcpSequence& my_sequence;
  TcpSequence& their_sequence;
  Direction direction;
  const TcpSegment& segment;

  bool has(std::uint8_t flag) const { return (segment.flags & flag) != 0; }
  bool from_opener() const { return direction == state.opener; }
  std::uint32_t end_seq() const {
    return segment.seq + sequence_length(segment.flags, segment.payload_bytes);
  }
};

void enter(TcpSide& side, TcpEndState state) {
  if (side.end_state() == state) return;
  side.state_before = side.state;
  side.state = static_cast<std::uint16_t>(state) & 7;
}

void start_at(Step& step, std::uint32_t start, std::uint32_t next) {
  step.mine.start = start;
  step.my_sequence.next = next;
  step.mine.holes.clear();
  step.theirs.seen = step.theirs.seen & ~kSeenAcknowledgment;  // of other numbers
}

// A side that was seen from the middle on has begun earlier than it seemed, if this is the number of its SYN.
bool begins_earlier(const Step& step, std::uint32_t syn) {
  if ((step.mine.seen & kSeenSyn) != 0) return false;
  const std::int32_t earlier = sequence_distance(syn, step.mine.start);
  return earlier > 0 && earlier <= kFarOff;
}

void begin_earlier(Step& step, std::uint32_t syn) {
  step.mine.holes.add_below(syn + 1, step.mine.start + 1);
  step.mine.holes.give_up_far_from(step.my_sequence.next);
  step.mine.start = syn;
}

void start_side(Step& step) {
  const bool syn = step.has(kTcpSyn);
  const std::uint32_t seq = step.segment.seq;
  switch (step.mine.end_state()) {
    case TcpEndState::kInactive:
      // Without a SYN as though there had been one; the first segment is no retransmission. A side that only
      // acknowledges an attempt stays inactive, but has begun.
      if (syn)
        start_at(step, seq, seq + 1);
      else if (step.mine.seen == 0)
        start_at(step, seq - 1, seq);
      return;
    case TcpEndState::kReset:
      if (syn && step.mine.state_before == static_cast<std::uint16_t>(TcpEndState::kInactive))
        start_at(step, seq, seq + 1);
      return;
    case TcpEndState::kClosed:
      return;
    default:
      if (!syn || seq == step.mine.start) return;
      if (begins_earlier(step, seq)) return begin_earlier(step, seq);
      start_at(step, seq, seq + 1);
  }
}

void note_once(Step& step, SeenBit bit, HistoryEvent event) {
  if ((step.mine.seen & bit) == 0) step.state.history.append(event, step.direction);
  step.mine.seen = step.mine.seen | bit;
}

// Again where the number is another one than the last.
void note_number(Step& step, SeenBit bit, HistoryEvent event, std::uint32_t number, std::uint32_t& last) {
  if ((step.mine.seen & bit) == 0 || number != last) step.state.history.append(event, step.direction);
  step.mine.seen = step.mine.seen | bit;
  last = number;
}

// The first time, the tenth, the hundredth ...
void note_tenfold(Step& step, HistoryEvent event, Direction direction, std::uint64_t count) {
  std::uint64_t power = 1;
  while (power < count) power *= 10;
  if (power == count) step.state.history.append(event, direction);
}

void note_history(Step& step) {
  const bool syn = step.has(kTcpSyn);
  const bool fin = step.has(kTcpFin);
  const bool reset = step.has(kTcpRst);
  const TcpSegment& segment = step.segment;
  if (syn + fin + reset > 1) {
    if (fin && reset) return note_once(step, kSeenInconsistent, HistoryEvent::kInconsistent);
    return note_once(step, kSeenMultiFlag, HistoryEvent::kMultiFlag);
  }
  if (syn)
    return note_number(step, kSeenSyn, step.has(kTcpAck) ? HistoryEvent::kSynAck : HistoryEvent::kSyn,
                       segment.seq, step.mine.last_syn);
  if (fin)
    return note_number(step, kSeenFin, HistoryEvent::kFin, segment.seq + segment.payload_bytes,
                       step.mine.last_fin);
  if (reset) return note_number(step, kSeenReset, HistoryEvent::kReset, segment.seq, step.mine.last_reset);
  if (segment.payload_bytes != 0) return note_once(step, kSeenData, HistoryEvent::kData);
  if (step.has(kTcpAck)) note_once(step, kSeenAck, HistoryEvent::kAck);
}

// Not with or after a RST, and not after the other side's FIN: there is nothing left to be sent.
void note_window(Step& step) {
  TcpSide& mine = step.mine;
  if (step.segment.window != 0 || step.has(kTcpRst) || step.theirs.end_state() == TcpEndState::kClosed ||
      mine.end_state() == TcpEndState::kReset || mine.zero_windows == kCountMax)
    return;
  mine.zero_windows = (mine.zero_windows + 1) & kCountMax;
  note_tenfold(step, HistoryEvent::kZeroWindow, step.direction, mine.zero_windows);
}

// What the segment says is believed all the same: on a tap it is mostly the checksum that is wrong.
void note_checksum(Step& step) {
  std::uint32_t& count = step.mine.bad_checksums;
  if (!step.segment.bad_checksum || count == std::numeric_limits<std::uint32_t>::max()) return;
  note_tenfold(step, HistoryEvent::kBadChecksum, step.direction, ++count);
}

bool is_clean(const TcpSide& side) {
  return side.end_state() == TcpEndState::kEstablished ||
         (side.end_state() == TcpEndState::kClosed &&
          side.state_before == static_cast<std::uint16_t>(TcpEndState::kEstablished));
}

// Payload that does not begin where the last ended.
void note_overlap(Step& step) {
  TcpSide& mine = step.mine;
  const std::uint32_t begin = step.segment.seq;
  if (begins_earlier(step, begin - 1)) begin_earlier(step, begin - 1);
  const std::uint32_t payload_end = begin + step.segment.payload_bytes;
  const std::uint32_t next = step.my_sequence.next;
  const std::uint32_t old_end = sequence_distance(next, payload_end) < 0 ? payload_end : next;
  const std::uint32_t overlap = old_end - begin;
  const std::uint32_t filled = mine.holes.fill(begin, old_end);
  mine.retransmitted_bytes = (mine.retransmitted_bytes + (overlap - filled)) & k48Bits;
  if (filled != 0)
    ++mine.out_of_order_packets;
  else if (old_end == payload_end)
    ++mine.retransmitted_packets;
}

void note_no_advance(Step& step) {
  const std::uint64_t count = std::uint64_t{step.mine.retransmitted_packets} + step.mine.out_of_order_packets;
  note_tenfold(step, HistoryEvent::kRetransmission, step.direction, count);
}

void tell_gap(Step& step, TcpSide& side, Direction direction) {
  if (!is_clean(step.mine) || !is_clean(step.theirs) || side.gaps == kCountMax) return;
  side.gaps = (side.gaps + 1) & kCountMax;
  note_tenfold(step, HistoryEvent::kGap, direction, side.gaps);
}

// What has been acknowledged before it was seen to be missing is a gap at once.
void note_hole(Step& step) {
  const std::uint32_t begin = step.my_sequence.next;
  step.mine.holes.add(begin, step.segment.seq);
  const bool acked = (step.theirs.seen & kSeenAcknowledgment) != 0 &&
                     sequence_distance(begin, step.their_sequence.acked) > 0;
  if (acked) tell_gap(step, step.mine, step.direction);
}

// Not of a RST, whose number need not be the next one, nor after it.
void note_sequence(Step& step) {
  if (step.has(kTcpRst) || step.mine.end_state() == TcpEndState::kReset) return;
  const bool syn = step.has(kTcpSyn);
  const std::uint32_t end = step.end_seq();
  const std::int32_t ahead = sequence_distance(step.my_sequence.next, end);
  if (syn && (ahead > kFarOff || ahead < -kFarOff)) return;
  const std::int32_t skipped = sequence_distance(step.my_sequence.next, step.segment.seq);
  const bool has_payload = step.segment.payload_bytes != 0;
  if (skipped > 0 && ahead > 0) note_hole(step);
  if (skipped < 0 && has_payload && !syn) note_overlap(step);
  if (skipped < 0 && step.has(kTcpFin)) step.mine.holes.fill(end - 1, end);
  if (ahead > 0) {
    step.my_sequence.next = end;
    step.mine.holes.give_up_far_from(end);
  } else if (has_payload) {
    note_no_advance(step);
  }
}

// The acknowledgment before this one; the same where this segment brings none.
std::uint32_t note_ack(Step& step) {
  std::uint32_t& acked = step.my_sequence.acked;
  if (!step.has(kTcpAck) || step.has(kTcpRst) || step.theirs.seen == 0) return acked;
  if ((step.mine.seen & kSeenAcknowledgment) == 0) acked = step.theirs.start + 1;
  step.mine.seen = step.mine.seen | kSeenAcknowledgment;
  const std::uint32_t before = acked;
  take_acknowledgment(step.my_sequence, step.segment.ack);
  return before;
}

// Holes of the other side that this segment is the first to acknowledge.
void note_gaps(Step& step, std::uint32_t acked_before) {
  const std::uint32_t told = step.theirs.holes.begun_between(acked_before, step.my_sequence.acked);
  for (std::uint32_t i = 0; i < told; ++i) tell_gap(step, step.theirs, opposite(step.direction));
}

void leave_inactive(Step& step) {
  TcpSide& mine = step.mine;
  TcpSide& theirs = step.theirs;
  if (step.has(kTcpSyn)) {
    const bool answered = theirs.end_state() == TcpEndState::kEstablished;  // its SYN-ACK came first
    if (step.from_opener() && !answered) {
      enter(mine, step.has(kTcpAck) ? TcpEndState::kSynAckSent : TcpEndState::kSynSent);
    } else {
      if (theirs.end_state() == TcpEndState::kSynSent || theirs.end_state() == TcpEndState::kSynAckSent)
        enter(theirs, TcpEndState::kEstablished);
      enter(mine, TcpEndState::kEstablished);
    }
  }
  if (step.has(kTcpFin)) enter(mine, TcpEndState::kClosed);
  if (step.has(kTcpRst)) enter(mine, TcpEndState::kReset);
  if (mine.end_state() != TcpEndState::kInactive) return;
  // Some acknowledge a SYN before they answer it.
  if (!step.from_opener() && step.segment.payload_bytes == 0 && theirs.end_state() == TcpEndState::kSynSent)
    return;
  // A SYN that was missed, where its answer was seen.
  const bool established = step.has(kTcpAck) && theirs.end_state() == TcpEndState::kEstablished;
  enter(mine, established ? TcpEndState::kEstablished : TcpEndState::kPartial);
}

void leave_established(Step& step) {
  if (step.has(kTcpSyn) && !step.has(kTcpAck) && step.mine.end_state() == TcpEndState::kPartial &&
      step.theirs.end_state() == TcpEndState::kInactive)
    enter(step.mine, TcpEndState::kSynSent);
  if (step.has(kTcpFin) && !step.has(kTcpRst)) {
    enter(step.mine, TcpEndState::kClosed);
    // FIN, then RST of the other side was a normal end after all.
    if (step.theirs.end_state() == TcpEndState::kReset &&
        step.theirs.state_before == static_cast<std::uint16_t>(TcpEndState::kClosed))
      enter(step.theirs, TcpEndState::kClosed);
  }
  if (step.has(kTcpRst)) enter(step.mine, TcpEndState::kReset);
}

void note_state(Step& step) {
  switch (step.mine.end_state()) {
    case TcpEndState::kInactive:
      return leave_inactive(step);
    case TcpEndState::kSynSent:
    case TcpEndState::kSynAckSent:
      if (step.has(kTcpFin)) enter(step.mine, TcpEndState::kClosed);
      if (step.has(kTcpRst)) enter(step.mine, TcpEndState::kReset);
      return;
    case TcpEndState::kPartial:
    case TcpEndState::kEstablished:
      return leave_established(step);
    case TcpEndState::kClosed:
      if (step.has(kTcpRst) && step.theirs.end_state() != TcpEndState::kClosed)
        enter(step.mine, TcpEndState::kReset);
      return;
    case TcpEndState::kReset:
      return;
  }
}

TimeNs elapsed(const TcpState& state, TimeNs time_ns) {
  return std::max<TimeNs>(0, saturating_difference(time_ns, state.waiting_since_ns));
}

// Which of several SYNs is answered cannot be told (Karn and Partridge 1987): the last gives the least. Of
// several SYN-ACKs the first counts.
void note_round_trips(Step& step) {
  TcpState& state = step.state;
  const TimeNs now = step.segment.time_ns;
  const bool opener = step.from_opener();
  const bool payload = step.segment.payload_bytes != 0;
  if (is_pure_syn(step.segment.flags) && opener && state.stage <= kSynWaits) {
    state.stage = kSynWaits;
    state.waiting_since_ns = now;
  } else if (is_syn_ack(step.segment.flags) && !opener && state.stage == kSynWaits) {
    state.rtt_server_ns = elapsed(state, now);
    state.stage = kSynAckWaits;
    state.waiting_since_ns = now;
  } else if (state.stage == kSynAckWaits && opener && step.has(kTcpAck)) {
    state.rtt_client_ns = elapsed(state, now);
    state.stage = kNoRequest;
  }
  if (!payload || state.stage == kAllMeasured || state.stage == kSynWaits) return;
  if (opener && state.stage != kRequestWaits) {
    state.stage = kRequestWaits;
    state.waiting_since_ns = now;
  } else if (!opener) {
    if (state.stage == kRequestWaits) state.response_ns = elapsed(state, now);
    state.stage = kAllMeasured;
  }
}

// Whether an expected segment would begin or end the measuring of a round trip.
bool is_awaited(const TcpState& state, Direction direction, bool payload) {
  if (state.stage == kSynWaits || state.stage == kAllMeasured) return false;
  if (direction != state.opener) return payload;
  return state.stage == kSynAckWaits || (payload && state.stage != kRequestWaits);
}

bool has_numbers(const TcpSide& side) {
  const bool began_with_reset = side.end_state() == TcpEndState::kReset &&
                                side.state_before == static_cast<std::uint16_t>(TcpEndState::kInactive);
  return side.seen != 0 && !began_with_reset;
}

}  // namespace

void begin_tcp(TcpState& state, Direction opener) {
  state = TcpState{};
  state.opener = opener;
}

void observe_tcp(TcpState& state, std::array<TcpSequence*, 2> sequences, Direction direction,
                 const TcpSegment& segment) {
  const Direction peer = opposite(direction);
  Step step{state,
            side_of(state, direction),
            side_of(state, peer),
            *sequences[static_cast<std::size_t>(direction)],
            *sequences[static_cast<std::size_t>(peer)],
            direction,
            segment};
  if (!state.has_syn && is_pure_syn(segment.flags)) {
    state.has_syn = true;
    state.first_syn = segment.seq;
  }
  start_side(step);
  note_checksum(step);
  note_history(step);
  note_window(step);
  const std::uint32_t acked_before = note_ack(step);
  note_sequence(step);
  note_state(step);
  note_gaps(step, acked_before);
  note_round_trips(step);
}

std::uint8_t plain_segments(const TcpState& state, Direction direction) {
  const TcpSide& side = side_of(state, direction);
  if (!state.sides[0].holes.empty() || !state.sides[1].holes.empty()) return 0;
  // After its RST a side's numbers are not believed; before its SYN any segment may be its first.
  if (side.end_state() == TcpEndState::kReset || side.end_state() == TcpEndState::kInactive) return 0;
  if ((side.seen & kSeenAcknowledgment) == 0) return 0;
  const bool payload = (side.seen & kSeenData) != 0 && !is_awaited(state, direction, true);
  const bool ack = (side.seen & kSeenAck) != 0 && !is_awaited(state, direction, false);
  return static_cast<std::uint8_t>((payload ? kPlainPayload : 0) | (ack ? kPlainAck : 0));
}

std::uint64_t gap_bytes(const TcpState& state, Direction direction, const TcpSequence& mine,
                        const TcpSequence& theirs, bool other_seen) {
  const TcpSide& side = side_of(state, direction);
  const bool has_acked = (side_of(state, opposite(direction)).seen & kSeenAcknowledgment) != 0;
  std::uint32_t end = has_acked ? theirs.acked : side.start;
  // Further off than any window an acknowledgment is broken; before the first segment, and where that was a
  // RST, there is no number that it could be compared with.
  if (!other_seen || !has_numbers(side) || sequence_distance(mine.next, end) > kFarOff) end = mine.next;
  const std::int32_t beyond = sequence_distance(mine.next, end);
  const std::uint64_t bytes =
      side.holes.bytes_below(end) + (beyond > 0 ? static_cast<std::uint32_t>(beyond) : 0);
  // One number behind all that was seen is that of a FIN, not a byte.
  const bool lost_fin = sequence_distance(side.holes.seen_end(mine.next), end) == 1;
  return lost_fin ? bytes - 1 : bytes;
}

}  // namespace tapline::flowgen
