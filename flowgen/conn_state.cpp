#include "flowgen/conn_state.hpp"

namespace tapline::flowgen {
namespace {

TcpEndState end_state_of(const TcpState& state, Direction direction) {
  return state.sides[static_cast<std::size_t>(direction)].end_state();
}

bool ends_opening(HistoryEvent event) {
  switch (event) {
    case HistoryEvent::kSynAck:
    case HistoryEvent::kAck:
    case HistoryEvent::kFin:
    case HistoryEvent::kGap:
    case HistoryEvent::kInconsistent:
    case HistoryEvent::kMultiFlag:
      return true;
    default:
      return false;
  }
}

// The originator's first event is a SYN, and of a SYN-ACK, an ACK, FIN, gap and odd flags it has sent none
// before its RST (Zeek's pattern ^S[^HAFGIQ]*R).
bool opened_and_reset(const TcpState& state, Direction originator) {
  for (std::uint32_t i = 0; i < state.history.size(); ++i) {
    const auto [event, direction] = state.history.at(i);
    if (i == 0 && (direction != originator || event != HistoryEvent::kSyn)) return false;
    if (direction != originator) continue;
    if (event == HistoryEvent::kReset) return true;
    if (ends_opening(event)) return false;
  }
  return false;
}

}  // namespace

ConnState tcp_conn_state(const TcpState& state, Direction originator, bool no_payload) {
  const TcpEndState orig = end_state_of(state, originator);
  const TcpEndState resp = end_state_of(state, opposite(originator));
  const bool orig_unseen = orig == TcpEndState::kInactive || orig == TcpEndState::kPartial;
  const bool resp_unseen = resp == TcpEndState::kInactive || resp == TcpEndState::kPartial;
  if (resp == TcpEndState::kReset) {
    if (orig == TcpEndState::kSynSent || orig == TcpEndState::kSynAckSent ||
        (orig == TcpEndState::kReset && no_payload))
      return ConnState::kRej;
    return orig_unseen ? ConnState::kRstrh : ConnState::kRstr;
  }
  if (orig == TcpEndState::kReset) {
    if (!resp_unseen) return ConnState::kRsto;
    return opened_and_reset(state, originator) ? ConnState::kRstos0 : ConnState::kOth;
  }
  if (orig == TcpEndState::kClosed && resp == TcpEndState::kClosed) return ConnState::kSf;
  if (orig == TcpEndState::kClosed) return resp_unseen ? ConnState::kSh : ConnState::kS2;
  if (resp == TcpEndState::kClosed) return orig_unseen ? ConnState::kShr : ConnState::kS3;
  if (orig == TcpEndState::kSynSent && resp == TcpEndState::kInactive) return ConnState::kS0;
  if (orig == TcpEndState::kEstablished && resp == TcpEndState::kEstablished) return ConnState::kS1;
  return ConnState::kOth;
}

ConnState udp_conn_state(const SessionRecord& record) {
  const bool from_a = record.a_to_b.total.packets != 0;
  const bool from_b = record.b_to_a.total.packets != 0;
  if (from_a && from_b) return ConnState::kSf;
  return from_a == (record.originator == Direction::kAToB) ? ConnState::kS0 : ConnState::kShr;
}

}  // namespace tapline::flowgen
