#include "sensor/session_continuation.hpp"

#include <algorithm>

#include "capture/base/time_window.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tcp_flags.hpp"
#include "flowgen/conn_state.hpp"
#include "flowgen/flow_phase.hpp"

namespace tapline::sensor {
namespace {

using flowgen::FlowPhase;

DirectionCounters sum(const DirectionCounters& a, const DirectionCounters& b) {
  return {a.packets + b.packets, a.frame_bytes + b.frame_bytes, a.ip_bytes + b.ip_bytes,
          a.payload_bytes + b.payload_bytes, a.duplicate_packets + b.duplicate_packets};
}

TcpCounters sum(const TcpCounters& a, const TcpCounters& b) {
  return {a.retransmitted_packets + b.retransmitted_packets, a.retransmitted_bytes + b.retransmitted_bytes,
          a.out_of_order_packets + b.out_of_order_packets, a.gap_bytes + b.gap_bytes,
          std::min<std::uint64_t>(a.zero_windows + b.zero_windows, 65535)};
}

bool seen(const DirectionState& direction) {
  return direction.total.packets != 0;
}

/// It sent a SYN and no ACK: the handshake never went beyond its second frame.
bool only_opened(const DirectionState& direction) {
  constexpr std::uint8_t kSynAndAck = kTcpSyn | kTcpAck;
  return seen(direction) && (direction.tcp_flags_union & kSynAndAck) == kTcpSyn;
}

/// The phase that a flow of these flags is in: what flow_phase.cpp would say after its frames.
FlowPhase phase_of(const SessionRecord& record) {
  const DirectionState& a = record.a_to_b;
  const DirectionState& b = record.b_to_a;
  const bool both = seen(a) && seen(b);
  if (!has_tcp_header(record.key)) {
    return flowgen::next_phase(flowgen::first_phase(record.key, 0), record.key, {0, both, 0});
  }
  const auto bits_of = [&](std::uint8_t flag) {
    return static_cast<std::uint8_t>(((a.tcp_flags_union & flag) != 0 ? 1 : 0) |
                                     ((b.tcp_flags_union & flag) != 0 ? 2 : 0));
  };
  const bool opening = bits_of(kTcpSyn) != 0 && (!both || only_opened(a) || only_opened(b));
  const auto last_flags =
      static_cast<std::uint8_t>((bits_of(kTcpRst) != 0 ? kTcpRst : 0) | (opening ? kTcpSyn : 0));
  const FlowPhase first = flowgen::first_phase(record.key, bits_of(kTcpSyn) != 0 ? kTcpSyn : 0);
  return flowgen::next_phase(first, record.key, {last_flags, both, bits_of(kTcpFin)});
}

/// Of the directions that have frames, the one whose first came earlier.
const DirectionState& first_direction(const SessionRecord& record) {
  if (!seen(record.a_to_b)) return record.b_to_a;
  if (!seen(record.b_to_a)) return record.a_to_b;
  return record.b_to_a.first_ns < record.a_to_b.first_ns ? record.b_to_a : record.a_to_b;
}

Direction first_sender(const SessionRecord& record) {
  return &first_direction(record) == &record.a_to_b ? Direction::kAToB : Direction::kBToA;
}

/// Both sides have said that it is over, or one has broken it off.
bool is_ended(ConnState state) {
  return state != ConnState::kOth && state != ConnState::kS0 && state != ConnState::kS1;
}

bool is_told_once(HistoryEvent event) {
  return event == HistoryEvent::kAck || event == HistoryEvent::kData || event == HistoryEvent::kMultiFlag ||
         event == HistoryEvent::kInconsistent;
}

bool tells(const History& history, HistoryEvent event, Direction direction) {
  for (std::uint32_t i = 0; i < history.size(); ++i) {
    const History::Entry entry = history.at(i);
    if (entry.event == event && entry.direction == direction) return true;
  }
  return false;
}

bool begins_anew(const SessionRecord& known, const SessionRecord& further, FlowPhase phase) {
  const DirectionState& opener = first_direction(further);
  if (!has_tcp_header(further.key) || !is_pure_syn(opener.tcp_flags_first)) return false;
  if (flowgen::is_tcp_over(phase)) return true;
  const DirectionState& before = &opener == &further.a_to_b ? known.a_to_b : known.b_to_a;
  return phase != FlowPhase::kTcpOpening && is_pure_syn(before.tcp_flags_first);
}

DirectionState continue_direction(const DirectionState& known, const DirectionState& further) {
  DirectionState merged = seen(known) ? known : further;
  merged.total = sum(known.total, further.total);
  merged.previous = sum(known.total, further.previous);
  merged.tcp = sum(known.tcp, further.tcp);
  const std::uint64_t bad_checksums = std::uint64_t{known.bad_checksums} + further.bad_checksums;
  merged.bad_checksums = static_cast<std::uint32_t>(std::min<std::uint64_t>(bad_checksums, UINT32_MAX));
  if (!seen(known) || !seen(further)) return merged;
  merged.first_ns = std::min(known.first_ns, further.first_ns);
  merged.last_ns = std::max(known.last_ns, further.last_ns);
  merged.tcp_flags_union |= further.tcp_flags_union;
  merged.ttl_min = std::min(known.ttl_min, further.ttl_min);
  merged.ttl_max = std::max(known.ttl_max, further.ttl_max);
  if (known.vlan_outer == 0) {
    merged.vlan_outer = further.vlan_outer;
    merged.vlan_inner = further.vlan_inner;
  }
  return merged;
}

void take_better_orientation(const SessionRecord& further, SessionRecord& merged) {
  if (further.orient_confidence <= merged.orient_confidence) return;
  merged.originator = further.originator;
  merged.orient_rule = further.orient_rule;
  merged.orient_confidence = further.orient_confidence;
}

/// The further part was seen from the middle on: it tells how the session ended, if it did, and what was
/// measured in it counts where nothing was before.
void continue_state(const SessionRecord& further, SessionRecord& merged) {
  if (merged.conn_state == ConnState::kOth || is_ended(further.conn_state))
    merged.conn_state = further.conn_state;
  if (merged.key.ip_proto == kIpProtoUdp) merged.conn_state = flowgen::udp_conn_state(merged);
  for (std::uint32_t i = 0; i < further.history.size(); ++i) {
    const auto [event, direction] = further.history.at(i);
    if (!is_told_once(event) || !tells(merged.history, event, direction))
      merged.history.append(event, direction);
  }
  merged.flipped = merged.originator != first_sender(merged);
  merged.untracked = merged.untracked || further.untracked;
  if (merged.response_ns == 0) merged.response_ns = further.response_ns;
  if (!merged.syn.exists()) merged.syn = further.syn;
  if (!merged.syn_ack.exists()) merged.syn_ack = further.syn_ack;
}

}  // namespace

bool continues_session(const SessionRecord& known, const SessionRecord& further,
                       const flowgen::Timeouts& timeouts) {
  const FlowPhase phase = phase_of(known);
  const TimeNs timeout_ns = flowgen::phase_timeouts(timeouts)[static_cast<std::size_t>(phase)];
  if (further.first_ns > saturating_add(known.last_ns, timeout_ns)) return false;
  return !begins_anew(known, further, phase);
}

SessionRecord continue_session(const SessionRecord& known, const SessionRecord& further) {
  SessionRecord merged = known;
  merged.a_to_b = continue_direction(known.a_to_b, further.a_to_b);
  merged.b_to_a = continue_direction(known.b_to_a, further.b_to_a);
  merged.first_ns = std::min(known.first_ns, further.first_ns);
  merged.last_ns = std::max(known.last_ns, further.last_ns);
  merged.delta_first_ns = further.delta_first_ns;
  merged.delta_last_ns = further.delta_last_ns;
  merged.unstored_packets = known.unstored_packets + further.unstored_packets;
  merged.seq = known.seq + 1 + further.seq;
  if (known.mpls_label == 0) merged.mpls_label = further.mpls_label;
  merged.end_reason = further.end_reason;
  take_better_orientation(further, merged);
  if (merged.app == App::kUnknown) merged.app = further.app;
  continue_state(further, merged);
  return merged;
}

SessionRecord end_session(const SessionRecord& known) {
  SessionRecord ended = known;
  ended.a_to_b.previous = known.a_to_b.total;
  ended.b_to_a.previous = known.b_to_a.total;
  ended.delta_first_ns = ended.delta_last_ns = known.last_ns;
  ended.seq = known.seq + 1;
  ended.end_reason = EndReason::kRecovered;
  return ended;
}

}  // namespace tapline::sensor
