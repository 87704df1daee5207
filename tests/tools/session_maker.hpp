#pragma once
// Sessions made by hand, from times and counters.

#include "capture/packet/session_record.hpp"

namespace tapline {

/// 10.0.0.5:51000 -> 203.0.113.9:80/tcp, opened by 10.0.0.5 (A), 60 s from 2026-01-01 on; final, seq 0.
inline SessionRecord make_session(std::uint8_t number = 0) {
  SessionRecord session;
  session.uid.bytes[0] = 1;
  session.uid.bytes[15] = number;
  session.key.address_a = IpAddress::from_v4(0x0a000005);
  session.key.address_b = IpAddress::from_v4(0xcb007109);
  session.key.port_a = 51000;
  session.key.port_b = 80;
  session.key.ip_proto = 6;
  session.a_to_b.total = {100, 140'000, 138'600, 134'600};
  session.b_to_a.total = {50, 3'000, 2'000, 0};
  session.a_to_b.tcp_flags_union = 0x1b;
  session.b_to_a.tcp_flags_union = 0x12;
  session.a_to_b.ttl_min = 63;
  session.a_to_b.ttl_max = session.b_to_a.ttl_min = session.b_to_a.ttl_max = 64;
  session.first_ns = session.delta_first_ns = 1'767'225'600 * kNsPerSecond + 619'000;
  session.last_ns = session.delta_last_ns = session.first_ns + 60 * kNsPerSecond + 1;
  session.a_to_b.first_ns = session.b_to_a.first_ns = session.first_ns;
  session.a_to_b.last_ns = session.b_to_a.last_ns = session.last_ns;
  session.first_order.time_ns = session.first_ns;
  session.end_reason = EndReason::kFinished;
  session.orient_rule = OrientRule::kSyn;
  session.orient_confidence = 100;
  return session;
}

}  // namespace tapline
