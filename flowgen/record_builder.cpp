#include "flowgen/record_builder.hpp"

#include <algorithm>

#include "flowgen/app_evidence.hpp"
#include "flowgen/conn_state.hpp"
#include "flowgen/first_segment.hpp"
#include "flowgen/orientation.hpp"

namespace tapline::flowgen {
namespace {

std::uint16_t vlan_plus_one(std::uint64_t id) {
  return static_cast<std::uint16_t>(id + 1);
}

DirectionState build_direction(const FlowEntry& flow, const InterimSlab* slab, Direction direction) {
  const auto i = static_cast<std::size_t>(direction);
  const DirectionLine& line = flow.directions[i];
  DirectionState state;
  if (slab != nullptr) state.previous = slab->previous[i];
  state.total = total_of(line, state.previous);
  if (state.total.packets == 0) return state;
  state.first_ns = flow.cold.direction_first_ns[i];
  state.last_ns = line.last_ns;
  state.tcp_flags_first = static_cast<std::uint8_t>(line.tcp_flags_first);
  state.tcp_flags_union = static_cast<std::uint8_t>(line.tcp_flags_union);
  state.ttl_min = static_cast<std::uint8_t>(line.ttl_min);
  state.ttl_max = static_cast<std::uint8_t>(line.ttl_max);
  if (line.vlan_tags >= 1) state.vlan_outer = vlan_plus_one(line.vlan_outer);
  if (line.vlan_tags >= 2) state.vlan_inner = vlan_plus_one(line.vlan_inner);
  return state;
}

// Of the directions that have frames, the earlier first frame.
TimeNs earliest(const SessionRecord& record) {
  if (record.a_to_b.total.packets == 0) return record.b_to_a.first_ns;
  if (record.b_to_a.total.packets == 0) return record.a_to_b.first_ns;
  return std::min(record.a_to_b.first_ns, record.b_to_a.first_ns);
}

void set_delta_times(const FlowEntry& flow, const InterimSlab* slab, SessionRecord& record) {
  record.delta_first_ns = record.first_ns;
  record.delta_last_ns = record.last_ns;
  if (slab == nullptr) return;
  const DeltaState delta = flow.cold.delta_state();
  record.delta_first_ns = delta == DeltaState::kNone ? record.last_ns : slab->delta_first_ns;
  if (delta == DeltaState::kBehind) record.delta_last_ns = slab->delta_last_ns;
}

/// A direction without frames may hold something else in its slot: first_segment.hpp.
AppEvidence app_evidence(const FlowEntry& flow, Direction direction) {
  const DirectionLine& line = line_of(flow, direction);
  return line.packets == 0 ? AppEvidence{} : AppEvidence::unpacked(line.slot.app_evidence);
}

/// Who is the client, by what both have said first.
std::uint8_t clients_of(AppEvidence a, AppEvidence b) {
  const bool a_is = a.side == AppSide::kClient || b.side == AppSide::kServer;
  const bool b_is = b.side == AppSide::kClient || a.side == AppSide::kServer;
  return static_cast<std::uint8_t>((a_is ? bit(Direction::kAToB) : 0) | (b_is ? bit(Direction::kBToA) : 0));
}

/// And what the session speaks: both follow from the same bytes.
void set_orientation(const FlowEntry& flow, SessionRecord& record) {
  OrientEvidence evidence;
  evidence.frames_seen = static_cast<std::uint8_t>((record.a_to_b.total.packets != 0 ? 1 : 0) |
                                                   (record.b_to_a.total.packets != 0 ? 2 : 0));
  evidence.syn_seen = flow.cold.syn_seen;
  evidence.syn_ack_seen = flow.cold.syn_ack_seen;
  evidence.remembered = flow.cold.remembered;
  const AppEvidence a = app_evidence(flow, Direction::kAToB);
  const AppEvidence b = app_evidence(flow, Direction::kBToA);
  record.app = app_of(a, b);
  evidence.clients = clients_of(a, b);
  evidence.first_direction = static_cast<Direction>(flow.cold.first_direction);
  evidence.first_syn_direction = static_cast<Direction>(flow.cold.first_syn_direction);
  const Orientation orientation = find_originator(record.key, evidence);
  record.originator = orientation.originator;
  record.orient_rule = orientation.rule;
  record.orient_confidence = orientation.confidence;
}

TcpCounters build_tcp_counters(const FlowEntry& flow, const TcpState& tcp, Direction direction) {
  const TcpSide& side = tcp.sides[static_cast<std::size_t>(direction)];
  const DirectionLine& other = line_of(flow, opposite(direction));
  return {side.retransmitted_packets, side.retransmitted_bytes, side.out_of_order_packets,
          gap_bytes(tcp, direction, line_of(flow, direction).tcp, other.tcp, other.packets != 0),
          side.zero_windows};
}

void set_tcp(const FlowEntry& flow, const TcpSlab& slab, SessionRecord& record) {
  const TcpState& tcp = slab.tcp;
  record.a_to_b.tcp = build_tcp_counters(flow, tcp, Direction::kAToB);
  record.b_to_a.tcp = build_tcp_counters(flow, tcp, Direction::kBToA);
  record.a_to_b.bad_checksums = tcp.sides[0].bad_checksums;
  record.b_to_a.bad_checksums = tcp.sides[1].bad_checksums;
  const bool no_payload = record.a_to_b.total.payload_bytes == 0 && record.b_to_a.total.payload_bytes == 0;
  record.conn_state = tcp_conn_state(tcp, record.originator, no_payload);
  record.history = tcp.history;
  record.rtt_server_ns = tcp.rtt_server_ns;
  record.rtt_client_ns = tcp.rtt_client_ns;
  record.response_ns = tcp.response_ns;
  record.syn = slab.syn;
  record.syn_ack = slab.syn_ack;
}

// As Zeek has it: a datagram is data.
void set_udp(Direction first_direction, SessionRecord& record) {
  const bool both = record.a_to_b.total.packets != 0 && record.b_to_a.total.packets != 0;
  if (record.a_to_b.bad_checksums != 0) record.history.append(HistoryEvent::kBadChecksum, Direction::kAToB);
  if (record.b_to_a.bad_checksums != 0) record.history.append(HistoryEvent::kBadChecksum, Direction::kBToA);
  record.history.append(HistoryEvent::kData, first_direction);
  if (both) record.history.append(HistoryEvent::kData, opposite(first_direction));
  record.conn_state = udp_conn_state(record);
}

void set_state(const FlowEntry& flow, const TcpSlab* tcp, SessionRecord& record) {
  const auto first_direction = static_cast<Direction>(flow.cold.first_direction);
  record.flipped = record.originator != first_direction;
  record.untracked = flow.cold.tcp_untracked != 0;
  record.conn_state = ConnState::kOth;
  record.history = History{};
  record.rtt_server_ns = record.rtt_client_ns = record.response_ns = 0;
  record.syn = record.syn_ack = SynSignature{};
  if (record.key.ip_proto == kIpProtoUdp && (record.key.flags & kKeyFragment) == 0)
    return set_udp(first_direction, record);
  if (!has_tcp_header(record.key) || record.untracked) return;
  if (tcp != nullptr) return set_tcp(flow, *tcp, record);
  FlowEntry copy = flow;
  TcpSlab first{};
  replay_first_segment(copy, first);
  set_tcp(copy, first, record);
}

}  // namespace

void build_record(const FlowEntry& flow, const InterimSlab* slab, const TcpSlab* tcp,
                  const RecordOrigin& origin, EndReason reason, SessionRecord& record) {
  const ColdLine& cold = flow.cold;
  record.key = flow.hot.key(origin.link);
  record.first_order = {cold.first_order_ns, cold.first_order_count};
  record.uid = make_uid(origin.sensor_id, record.key, cold.begin_ns, record.first_order);
  record.a_to_b = build_direction(flow, slab, Direction::kAToB);
  record.b_to_a = build_direction(flow, slab, Direction::kBToA);
  record.first_ns = earliest(record);
  record.last_ns = flow.hot.last_ns;
  set_delta_times(flow, slab, record);
  record.unstored_packets = origin.frames_stored ? cold.unstored_packets
                                                 : record.a_to_b.total.packets + record.b_to_a.total.packets;
  record.seq = slab == nullptr ? 0 : slab->seq;
  record.mpls_label = cold.mpls_seen != 0 ? cold.mpls_label + 1 : 0;
  record.worker = origin.worker;
  record.end_reason = reason;
  if (!has_tcp_header(record.key)) {
    record.a_to_b.bad_checksums = flow.directions[0].bad_checksums();
    record.b_to_a.bad_checksums = flow.directions[1].bad_checksums();
  }
  set_orientation(flow, record);
  set_state(flow, tcp, record);
}

}  // namespace tapline::flowgen
