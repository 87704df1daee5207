#pragma once
// How a session went, in Zeek's terms (scripts/base/protocols/conn/main.zeek). Pure.

#include "capture/packet/session_record.hpp"
#include "flowgen/tcp_tracker.hpp"

namespace tapline::flowgen {

/// Of a TCP session with this originator. `no_payload`: neither side has sent any.
ConnState tcp_conn_state(const TcpState& state, Direction originator, bool no_payload);

/// Of a UDP session: who has sent datagrams.
ConnState udp_conn_state(const SessionRecord& record);

}  // namespace tapline::flowgen
