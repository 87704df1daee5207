#pragma once
// Session records for tests: plausible ones, and ones with any value that a field can hold.

#include <limits>
#include <random>
#include <vector>

#include "capture/packet/session_record.hpp"

namespace tapline::storage {

class SessionSamples {
 public:
  explicit SessionSamples(std::uint64_t seed) : random_(seed) {}

  /// As flowgen writes them: a flow now and then, mostly of one or two packets.
  SessionRecord plausible() {
    SessionRecord record;
    now_ns_ += static_cast<TimeNs>(below(20'000'000));
    record.first_ns = now_ns_;
    record.key.address_a = IpAddress::from_v4(0x0a100000 + static_cast<std::uint32_t>(below(5000)));
    record.key.address_b = IpAddress::from_v4(0x0ac80000 + static_cast<std::uint32_t>(below(20)));
    record.key.port_a = static_cast<std::uint16_t>(1024 + below(60000));
    record.key.port_b = below(3) == 0 ? 443 : 53;
    record.key.ip_proto = record.key.port_b == 443 ? 6 : 17;
    const bool answered = below(4) != 0;
    fill_direction(record, record.a_to_b, record.first_ns);
    if (answered)
      fill_direction(record, record.b_to_a, record.first_ns + static_cast<TimeNs>(below(3'000'000)));
    record.last_ns = std::max(record.a_to_b.last_ns, record.b_to_a.last_ns);
    record.delta_first_ns = record.first_ns;
    record.delta_last_ns = record.last_ns;
    record.first_order = {record.first_ns, 0};
    record.uid = make_uid(1, record.key, record.first_ns, record.first_order);
    record.end_reason = EndReason::kIdle;
    record.orient_rule = OrientRule::kPort;
    record.orient_confidence = 80;
    return record;
  }

  /// Any value in any field, but for what the contract of SessionRecord leaves open.
  SessionRecord extreme() {
    SessionRecord record;
    for (auto& byte : record.uid.bytes) byte = static_cast<std::uint8_t>(below(256));
    for (auto& byte : record.key.address_a.bytes) byte = static_cast<std::uint8_t>(below(256));
    if (below(2) == 0) record.key.address_a = IpAddress::from_v4(static_cast<std::uint32_t>(any()));
    if (below(3) == 0) record.key.address_b = IpAddress{};
    record.key.port_a = static_cast<std::uint16_t>(any());
    record.key.port_b = static_cast<std::uint16_t>(any());
    record.key.tunnel_id = static_cast<std::uint32_t>(any());
    record.key.ip_proto = static_cast<std::uint8_t>(any());
    record.key.flags = static_cast<std::uint8_t>(any());
    record.key.link = static_cast<std::uint16_t>(any());
    extreme_direction(record.a_to_b);
    extreme_direction(record.b_to_a);
    for (TimeNs* time : {&record.first_ns, &record.last_ns, &record.delta_first_ns, &record.delta_last_ns,
                         &record.first_order.time_ns}) {
      *time = static_cast<TimeNs>(any());
    }
    record.first_order.count = static_cast<std::uint32_t>(any());
    record.unstored_packets = any();
    record.seq = static_cast<std::uint32_t>(any());
    record.mpls_label = static_cast<std::uint32_t>(any());
    record.worker = static_cast<std::uint16_t>(any());
    record.end_reason = static_cast<EndReason>(below(8));
    record.originator = static_cast<Direction>(below(2));
    record.orient_rule = static_cast<OrientRule>(below(kOrientRuleCount));
    record.orient_confidence = static_cast<std::uint8_t>(any());
    record.conn_state = static_cast<ConnState>(below(13));
    record.flipped = below(2) == 0;
    record.untracked = below(2) == 0;
    record.history = History::of_words({any(), any(), any()});
    record.syn = extreme_signature();
    record.syn_ack = extreme_signature();
    for (TimeNs* time : {&record.rtt_server_ns, &record.rtt_client_ns, &record.response_ns})
      *time = static_cast<TimeNs>(any());
    return record;
  }

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

 private:
  /// Small, huge, or at an edge.
  std::uint64_t any() {
    switch (below(6)) {
      case 0:
        return 0;
      case 1:
        return std::numeric_limits<std::uint64_t>::max();
      case 2:
        return std::uint64_t{1} << 63;
      case 3:
        return (std::uint64_t{1} << 63) - 1;
      case 4:
        return below(1000);
      default:
        return random_();
    }
  }

  void fill_direction(const SessionRecord& record, DirectionState& state, TimeNs first_ns) {
    const std::uint64_t packets = below(5) == 0 ? 1 + below(1000) : 1;
    const std::uint64_t payload = below(1400);
    const std::uint64_t headers = record.key.ip_proto == 6 ? 40 : 28;
    state.total = {packets, packets * (14 + headers + payload), packets * (headers + payload),
                   packets * payload};
    state.first_ns = first_ns;
    state.last_ns = packets > 1 ? first_ns + static_cast<TimeNs>(below(400'000'000)) : first_ns;
    state.ttl_min = state.ttl_max = 64;
    if (record.key.ip_proto == 6) state.tcp_flags_first = state.tcp_flags_union = 2;
  }

  SynSignature extreme_signature() {
    SynSignature signature;
    signature.flags = static_cast<std::uint32_t>(any());
    signature.mss = static_cast<std::uint16_t>(any());
    signature.window = static_cast<std::uint16_t>(any());
    signature.ttl = static_cast<std::uint8_t>(any());
    signature.window_scale = static_cast<std::uint8_t>(any());
    signature.ip_options_bytes = static_cast<std::uint8_t>(any());
    signature.tcp_header_bytes = static_cast<std::uint8_t>(any());
    std::array<std::uint8_t, OptionLayout::kBytes> options;
    for (auto& byte : options) byte = static_cast<std::uint8_t>(any());
    signature.options = OptionLayout::of_bytes(options);
    return signature;
  }

  void extreme_direction(DirectionState& state) {
    state.total = {below(3) == 0 ? 0 : any(), any(), any(), any()};
    state.previous = {any(), any(), any(), any()};
    if (state.total.packets > 0) {  // else the times mean nothing and read as 0
      state.first_ns = static_cast<TimeNs>(any());
      state.last_ns = static_cast<TimeNs>(any());
    }
    state.tcp_flags_first = static_cast<std::uint8_t>(any());
    state.tcp_flags_union = static_cast<std::uint8_t>(any());
    state.ttl_min = static_cast<std::uint8_t>(any());
    state.ttl_max = static_cast<std::uint8_t>(any());
    state.vlan_outer = static_cast<std::uint16_t>(any());
    state.vlan_inner = static_cast<std::uint16_t>(any());
    state.tcp = {any(), any(), any(), any(), any()};
    state.bad_checksums = static_cast<std::uint32_t>(any());
  }

  std::mt19937_64 random_;
  TimeNs now_ns_ = 1'767'225'600 * kNsPerSecond;
};

inline bool same_direction(const DirectionState& a, const DirectionState& b) {
  return a.total == b.total && a.previous == b.previous && a.first_ns == b.first_ns &&
         a.last_ns == b.last_ns && a.tcp_flags_first == b.tcp_flags_first &&
         a.tcp_flags_union == b.tcp_flags_union && a.ttl_min == b.ttl_min && a.ttl_max == b.ttl_max &&
         a.vlan_outer == b.vlan_outer && a.vlan_inner == b.vlan_inner && a.tcp == b.tcp &&
         a.bad_checksums == b.bad_checksums;
}

inline bool same_tcp(const SessionRecord& a, const SessionRecord& b) {
  return a.conn_state == b.conn_state && a.flipped == b.flipped && a.untracked == b.untracked &&
         a.history == b.history && a.rtt_server_ns == b.rtt_server_ns && a.rtt_client_ns == b.rtt_client_ns &&
         a.response_ns == b.response_ns && a.syn == b.syn && a.syn_ack == b.syn_ack;
}

inline bool same_record(const SessionRecord& a, const SessionRecord& b) {
  return a.uid == b.uid && a.key == b.key && same_direction(a.a_to_b, b.a_to_b) &&
         same_direction(a.b_to_a, b.b_to_a) && a.first_ns == b.first_ns && a.last_ns == b.last_ns &&
         a.delta_first_ns == b.delta_first_ns && a.delta_last_ns == b.delta_last_ns &&
         a.first_order == b.first_order && a.unstored_packets == b.unstored_packets && a.seq == b.seq &&
         a.mpls_label == b.mpls_label && a.worker == b.worker && a.end_reason == b.end_reason &&
         a.originator == b.originator && a.orient_rule == b.orient_rule &&
         a.orient_confidence == b.orient_confidence && same_tcp(a, b);
}

}  // namespace tapline::storage
