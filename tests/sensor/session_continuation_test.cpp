// Which frames go on with a session that a crash left open, and what its next records say.

#include "sensor/session_continuation.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>

using namespace tapline;

namespace {

constexpr std::uint8_t kSyn = 2;
constexpr std::uint8_t kSynAck = 0x12;
constexpr std::uint8_t kAck = 0x10;
constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kRst = 4;

DirectionState direction(std::uint64_t packets, TimeNs first_ns, TimeNs last_ns, std::uint8_t flags_first = 0,
                         std::uint8_t flags = 0) {
  DirectionState state;
  state.total = {packets, packets * 100, packets * 86, packets * 46};
  state.first_ns = first_ns;
  state.last_ns = last_ns;
  state.tcp_flags_first = flags_first;
  state.tcp_flags_union = flags_first | flags;
  state.ttl_min = state.ttl_max = 64;
  return state;
}

SessionRecord record(std::uint8_t ip_proto, const DirectionState& a, const DirectionState& b = {}) {
  SessionRecord made;
  made.key.ip_proto = ip_proto;
  made.key.port_a = 40'000;
  made.key.port_b = 8080;
  made.a_to_b = a;
  made.b_to_a = b;
  made.first_ns = b.total.packets == 0 ? a.first_ns : std::min(a.first_ns, b.first_ns);
  made.last_ns = std::max(a.last_ns, b.last_ns);
  made.delta_first_ns = made.first_ns;
  made.delta_last_ns = made.last_ns;
  return made;
}

bool continues(const SessionRecord& known, const SessionRecord& further) {
  return sensor::continues_session(known, further, {});
}

SessionRecord after(const SessionRecord& known, TimeNs apart_ns, std::uint8_t flags = kAck) {
  const TimeNs at_ns = known.last_ns + apart_ns;
  return record(known.key.ip_proto, direction(1, at_ns, at_ns, flags));
}

constexpr TimeNs kS = kNsPerSecond;

}  // namespace

TEST_CASE("frames within the timeout of the session's state continue it, later ones do not") {
  const flowgen::Timeouts t;
  const std::tuple<const char*, SessionRecord, TimeNs> cases[] = {
      {"udp one way", record(17, direction(3, 0, kS)), t.udp_one_way},
      {"udp two way", record(17, direction(3, 0, kS), direction(1, 5, kS)), t.udp_two_way},
      {"icmp", record(1, direction(1, 0, kS)), t.icmp},
      {"other", record(47, direction(1, 0, kS)), t.other_ip},
      {"syn", record(6, direction(1, 0, kS, kSyn)), t.tcp_opening},
      {"syn, syn-ack", record(6, direction(1, 0, kS, kSyn), direction(1, 1, 2, kSynAck)), t.tcp_opening},
      {"handshake", record(6, direction(2, 0, kS, kSyn, kAck), direction(1, 1, 2, kSynAck)),
       t.tcp_established},
      {"from the middle", record(6, direction(2, 0, kS, kAck)), t.tcp_established},
      {"fin", record(6, direction(2, 0, kS, kAck, kFin), direction(1, 1, 2, kAck)), t.tcp_half_closed},
      {"fins", record(6, direction(2, 0, kS, kAck, kFin), direction(1, 1, 2, kAck, kFin)), t.tcp_closed},
      {"rst", record(6, direction(2, 0, kS, kAck), direction(1, 1, 2, kRst)), t.tcp_closed},
  };
  for (const auto& [name, known, timeout_ns] : cases) {
    CAPTURE(name);
    CHECK(continues(known, after(known, timeout_ns)));
    CHECK_FALSE(continues(known, after(known, timeout_ns + 1)));
  }
}

TEST_CASE("a SYN begins another session after the end and after a handshake, and repeats itself before") {
  const SessionRecord opening = record(6, direction(1, 0, kS, kSyn));
  CHECK(continues(opening, after(opening, kS, kSyn)));
  const SessionRecord established =
      record(6, direction(2, 0, kS, kSyn, kAck), direction(1, 1, 2, kSynAck, kAck));
  CHECK_FALSE(continues(established, after(established, kS, kSyn)));
  CHECK(continues(established, after(established, kS, kAck)));
  const SessionRecord closed = record(6, direction(2, 0, kS, kAck, kRst));
  CHECK_FALSE(continues(closed, after(closed, kS, kSyn)));
  CHECK(continues(closed, after(closed, kS, kAck)));
}

TEST_CASE("the next record holds sums, unions and extremes, and the first record's names") {
  SessionRecord known = record(6, direction(5, 10, 50, kSyn, kAck), direction(2, 20, 40, kSynAck));
  known.uid.bytes.fill(1);
  known.seq = 3;
  known.unstored_packets = 2;
  known.a_to_b.ttl_min = 60;
  known.a_to_b.vlan_outer = 6;
  known.orient_rule = OrientRule::kSyn;
  known.orient_confidence = 100;
  SessionRecord further = record(6, direction(4, 60, 90, kAck, kFin));
  further.uid.bytes.fill(2);
  further.seq = 1;
  further.a_to_b.previous = {1, 100, 86, 46};
  further.unstored_packets = 1;
  further.delta_first_ns = 70;
  further.a_to_b.ttl_max = 70;
  further.a_to_b.vlan_outer = 9;
  further.mpls_label = 17;
  further.end_reason = EndReason::kRecovered;
  further.originator = Direction::kBToA;

  const SessionRecord merged = sensor::continue_session(known, further);
  CHECK(merged.uid == known.uid);
  CHECK(merged.seq == 5);
  CHECK(merged.a_to_b.total == DirectionCounters{9, 900, 774, 414});
  CHECK(merged.a_to_b.previous == DirectionCounters{6, 600, 516, 276});
  CHECK(merged.b_to_a.total == known.b_to_a.total);
  CHECK(merged.b_to_a.previous == known.b_to_a.total);
  CHECK(merged.a_to_b.first_ns == 10);
  CHECK(merged.a_to_b.last_ns == 90);
  CHECK(merged.b_to_a.last_ns == 40);
  CHECK(merged.first_ns == 10);
  CHECK(merged.last_ns == 90);
  CHECK(merged.delta_first_ns == 70);
  CHECK(merged.delta_last_ns == 90);
  CHECK(merged.unstored_packets == 3);
  CHECK(merged.a_to_b.tcp_flags_first == kSyn);
  CHECK(merged.a_to_b.tcp_flags_union == (kSyn | kAck | kFin));
  CHECK(merged.a_to_b.ttl_min == 60);
  CHECK(merged.a_to_b.ttl_max == 70);
  CHECK(merged.a_to_b.vlan_outer == 6);
  CHECK(merged.mpls_label == 17);
  CHECK(merged.end_reason == EndReason::kRecovered);
  CHECK(merged.originator == Direction::kAToB);
}

TEST_CASE("a direction that is new in the further frames is taken as it is, and better evidence wins") {
  SessionRecord known = record(17, direction(1, 10, 10));
  SessionRecord further = record(17, {}, direction(2, 30, 40));
  further.first_ns = 30;
  further.orient_rule = OrientRule::kPort;
  further.orient_confidence = 75;
  further.originator = Direction::kBToA;
  const SessionRecord merged = sensor::continue_session(known, further);
  CHECK(merged.b_to_a.first_ns == 30);
  CHECK(merged.b_to_a.total.packets == 2);
  CHECK(merged.b_to_a.previous == DirectionCounters{});
  CHECK(merged.a_to_b.previous == known.a_to_b.total);
  CHECK(merged.orient_rule == OrientRule::kPort);
  CHECK(merged.originator == Direction::kBToA);
}

TEST_CASE("what the segments said goes on where it stopped") {
  SessionRecord known = record(6, direction(5, 10, 50, kSyn, kAck), direction(2, 20, 40, kSynAck));
  known.conn_state = ConnState::kS1;
  known.history.append(HistoryEvent::kSyn, Direction::kAToB);
  known.history.append(HistoryEvent::kData, Direction::kAToB);
  known.a_to_b.tcp = {1, 100, 2, 50, 3};
  known.rtt_server_ns = 9;
  SessionRecord further = record(6, direction(4, 60, 90, kAck, kFin), direction(1, 70, 80, kAck, kFin));
  further.history.append(HistoryEvent::kData, Direction::kAToB);
  further.history.append(HistoryEvent::kFin, Direction::kAToB);
  further.a_to_b.tcp = {10, 10, 10, 10, 10};
  further.response_ns = 4;
  known.syn.tcp_header_bytes = 20;
  further.syn.tcp_header_bytes = 40;
  further.syn_ack.tcp_header_bytes = 60;
  SessionRecord merged = sensor::continue_session(known, further);
  CHECK(merged.conn_state == ConnState::kS1);
  CHECK(merged.history.text(Direction::kAToB, merged.flipped) == "SDF");
  CHECK(merged.a_to_b.tcp == TcpCounters{11, 110, 12, 60, 13});
  CHECK(merged.rtt_server_ns == 9);
  CHECK(merged.response_ns == 4);
  CHECK(merged.syn == known.syn);
  CHECK(merged.syn_ack == further.syn_ack);
  further.conn_state = ConnState::kSf;
  CHECK(sensor::continue_session(known, further).conn_state == ConnState::kSf);
  further.untracked = true;
  CHECK(sensor::continue_session(known, further).untracked);
}

TEST_CASE("a session without further frames ends with its old numbers") {
  SessionRecord known = record(17, direction(3, 10, 50), direction(1, 20, 20));
  known.seq = 7;
  const SessionRecord ended = sensor::end_session(known);
  CHECK(ended.seq == 8);
  CHECK(ended.end_reason == EndReason::kRecovered);
  CHECK(ended.a_to_b.total == known.a_to_b.total);
  CHECK(ended.a_to_b.previous == known.a_to_b.total);
  CHECK(ended.b_to_a.previous == known.b_to_a.total);
  CHECK(ended.delta_first_ns == 50);
  CHECK(ended.delta_last_ns == 50);
}
