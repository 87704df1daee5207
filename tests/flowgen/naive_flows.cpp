#include "tests/flowgen/naive_flows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "flowgen/fragment_ports.hpp"
#include "flowgen/orientation.hpp"
#include "flowgen/recent_frames.hpp"
#include "flowgen/tcp_tracker.hpp"

namespace tapline::flowgen {
namespace {

constexpr TimeNs kGrace = 2 * kSecond;

template <class Flow>
TimeNs last_of(const Flow& flow) {
  TimeNs last_ns = flow.frames.front().packet.time_ns;
  for (const auto& frame : flow.frames) last_ns = std::max(last_ns, frame.packet.time_ns);
  return last_ns;
}

// What TCP has shown, replayed from the first frame on.
struct TcpHistory {
  bool opening = false;
  bool reset = false;
  unsigned fins = 0;
  unsigned directions = 0;

  template <class Flow>
  explicit TcpHistory(const Flow& flow) {
    for (const auto& frame : flow.frames) {
      const unsigned flags = frame.packet.tcp_flags;
      const bool first = directions == 0;
      directions |= bit(frame.direction);
      if (reset || fins == 3) continue;
      if (flags & kFin) fins |= bit(frame.direction);
      if (flags & kRst) reset = true;
      if (first) opening = (flags & kSyn) != 0;
      const bool answered = directions == 3 || (flags & kAck) != 0;
      if (fins != 0 || (answered && !(flags & kSyn))) opening = false;
    }
  }
  bool over() const { return reset || fins == 3; }
};

template <class SeenFrame>
bool sends_syn_ack(const SeenFrame& frame) {
  return (frame.packet.tcp_flags & (kSyn | kAck | kRst)) == (kSyn | kAck);
}

// A SYN-ACK with another number, where nothing of the other direction has been seen.
template <class Flow, class SeenFrame>
bool is_other_answer(const Flow& flow, const SeenFrame& frame) {
  const TcpHistory history(flow);
  if (history.opening && !history.over()) return false;
  std::uint32_t last_syn = frame.packet.tcp_seq;
  bool answered = false;
  for (const auto& seen : flow.frames) {
    if (seen.direction != frame.direction) return false;
    answered |= sends_syn_ack(seen);
    if ((seen.packet.tcp_flags & (kSyn | kFin | kRst)) == kSyn) last_syn = seen.packet.tcp_seq;
  }
  return answered && last_syn != frame.packet.tcp_seq;
}

bool on_port(const FlowKey& key, std::uint16_t port) {
  return key.port_a == port || key.port_b == port;
}

}  // namespace

TimeNs NaiveFlows::timeout_ns(const Flow& flow) const {
  const Timeouts& t = config_.timeouts;
  if (flow.key.flags & kKeyFragment) return t.fragments;
  const TcpHistory history(flow);
  switch (flow.key.ip_proto) {
    case 6:
      if (history.over()) return t.tcp_closed;
      if (history.fins != 0) return t.tcp_half_closed;
      if (history.opening) return t.tcp_opening;
      for (const int port : {22, 23, 3389, 5900, 5909, 1433, 1521, 3306, 5432, 6379, 27017})
        if (on_port(flow.key, static_cast<std::uint16_t>(port))) return t.tcp_long_lived;
      return t.tcp_established;
    case 17:
      if (history.directions != 3) return t.udp_one_way;
      if (on_port(flow.key, 53)) return t.dns_answered;
      return on_port(flow.key, 443) ? t.quic : t.udp_two_way;
    case 1:
    case 58:
      return t.icmp;
    default:
      return t.other_ip;
  }
}

void NaiveFlows::move_clock(TimeNs time_ns) {
  if (clock_started_ && time_ns - clock_ns_ <= config_.clock_jump_ns_max) {
    jump_.clear();
    clock_ns_ = std::max(clock_ns_, time_ns);
    return;
  }
  jump_.push_back(time_ns);
  if (clock_started_ && jump_.size() < config_.clock_jump_frames) return;
  clock_started_ = true;
  clock_ns_ = *std::min_element(jump_.begin(), jump_.end());
  jump_.clear();
}

// Writes what is due at the flow's time; true where that ended it.
bool NaiveFlows::settle(Flow& flow, TimeNs reached_ns) {
  const TimeNs last_ns = last_of(flow);
  const TimeNs end_ns = last_ns + timeout_ns(flow);
  TimeNs boundary_ns = flow.frames.front().packet.time_ns + kSecond / 2;
  if (boundary_ns <= last_ns) boundary_ns += 9 * kSecond / 2;
  while (boundary_ns <= last_ns) boundary_ns += 60 * kSecond;
  const bool new_frames = flow.frames.size() > flow.frames_in_records;
  if (new_frames && boundary_ns <= end_ns && boundary_ns <= reached_ns) write(flow, EndReason::kOpen);
  if (reached_ns <= end_ns) return false;
  const TcpHistory history(flow);
  const bool tcp = flow.key.ip_proto == 6 && !(flow.key.flags & kKeyFragment);
  const EndReason over = history.fins == 3 ? EndReason::kFinished : EndReason::kReset;
  write(flow, tcp && history.over() ? over : EndReason::kIdle);
  return true;
}

bool NaiveFlows::is_reuse(const Flow& flow, const SeenFrame& frame) const {
  if (flow.key.ip_proto != 6 || (flow.key.flags & kKeyFragment)) return false;
  if (sends_syn_ack(frame)) return is_other_answer(flow, frame);
  if ((frame.packet.tcp_flags & (kSyn | kAck | kRst)) != kSyn) return false;
  const TcpHistory history(flow);
  if (history.over()) return true;
  if (history.opening) return false;
  for (const SeenFrame& seen : flow.frames)
    if ((seen.packet.tcp_flags & (kSyn | kAck | kRst)) == kSyn)
      return seen.direction == frame.direction && seen.packet.tcp_seq != frame.packet.tcp_seq;
  return false;
}

// Of packets with an identification and their headers.
bool NaiveFlows::is_copy(const Packet& packet, const std::string& name, Direction direction) {
  if (config_.count_copies || transport_header_bytes(packet) == 0 || packet.ip_id == 0) return false;
  const std::vector<std::uint8_t> bytes = make_bytes(packet);
  std::string content(bytes.begin() + kLinkBytes + ip_header_bytes(packet), bytes.end());
  content += name + fmt::format(" {} {} {}", static_cast<int>(direction), packet.ip_id, packet.payload_bytes);
  const std::int64_t unit = packet.time_ns >> kCopyUnitLog2;
  const auto [known, first] = datagrams_.try_emplace(content, unit);
  const bool copy = !first && std::abs(unit - known->second) <= kCopyUnits;
  known->second = unit;
  return copy;
}

Direction NaiveFlows::join_fragment(const Packet& packet, Direction direction, FlowKey& key) {
  const std::string datagram = fmt::format("{} {} {} {} {} {}", packet.ipv6, packet.ipv6_multicast,
                                           packet.source, packet.destination, packet.ip_proto, packet.ip_id);
  if (packet.first_fragment) first_fragments_[datagram] = packet;
  const auto first = first_fragments_.find(datagram);
  if (!packet.later_fragment || first == first_fragments_.end()) return direction;
  const auto unit = [](const Packet& fragment) { return fragment.time_ns >> 30; };
  if (std::abs(unit(packet) - unit(first->second)) > FragmentPorts::kWaitUnits) return direction;
  const std::vector<std::uint8_t> bytes = make_bytes(first->second);
  Frame frame;
  frame.data = bytes.data();
  return make_flow_key(frame, make_meta(first->second), config_.link, key);
}

void NaiveFlows::add(const Packet& packet) {
  const OrderKey order = order_.next(packet.time_ns);
  move_clock(packet.time_ns);
  const TimeNs horizon_ns = clock_ns_ - kGrace;
  for (auto at = flows_.begin(); at != flows_.end();)
    at = settle(at->second, horizon_ns - at->second.lag_ns) ? flows_.erase(at) : std::next(at);
  if (packet.status != DecodeStatus::kIp) return;

  const std::vector<std::uint8_t> bytes = make_bytes(packet);
  Frame frame;
  frame.data = bytes.data();
  FlowKey key;
  const Direction direction = make_flow_key(frame, make_meta(packet), config_.link, key);
  const SeenFrame seen{packet, join_fragment(packet, direction, key), order};
  const std::string name(reinterpret_cast<const char*>(&key), sizeof key);
  const bool copy = is_copy(packet, name, seen.direction);
  const auto found = flows_.find(name);
  if (found != flows_.end()) {
    const bool known = std::ranges::any_of(
        found->second.frames, [&](const SeenFrame& one) { return one.direction == seen.direction; });
    if (settle(found->second, packet.time_ns)) {
      flows_.erase(found);
    } else if (copy && known) {
      ++found->second.duplicates[static_cast<std::size_t>(seen.direction)];
      ++frames_duplicate;
      return;
    } else if (is_reuse(found->second, seen)) {
      write(found->second, EndReason::kReused);
      flows_.erase(found);
    }
  }
  const bool begins = flows_.count(name) == 0;
  Flow& flow = flows_[name];
  flow.key = key;
  const bool opens = (packet.tcp_flags & (kSyn | kAck | kRst)) == kSyn;
  const auto before = memory_.find(name);
  if (begins && !opens && before != memory_.end() &&
      packet.time_ns - before->second.end_ns <= 2 * 3600 * kSecond)
    flow.opened_before = before->second.originator;
  flow.frames.push_back(seen);
  if (packet.time_ns < horizon_ns) {
    TimeNs lag_ns = TimeNs{1} << 28;
    while (lag_ns < horizon_ns - packet.time_ns) lag_ns *= 2;
    flow.lag_ns = std::max(flow.lag_ns, lag_ns);
  }
}

void NaiveFlows::finish() {
  for (auto& [name, flow] : flows_) {
    if (settle(flow, clock_ns_ - kGrace - flow.lag_ns)) continue;
    const TcpHistory history(flow);
    const bool tcp = flow.key.ip_proto == 6 && !(flow.key.flags & kKeyFragment);
    if (tcp && history.over())
      write(flow, history.fins == 3 ? EndReason::kFinished : EndReason::kReset);
    else
      write(flow, clock_ns_ - flow.lag_ns > last_of(flow) + timeout_ns(flow) ? EndReason::kIdle
                                                                             : EndReason::kShutdown);
  }
  flows_.clear();
}

void NaiveFlows::note_signature(const Packet& packet, SessionRecord& record) {
  const std::vector<std::uint8_t> bytes = make_bytes(packet);
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = static_cast<std::uint32_t>(bytes.size());
  SynSignature& mine = (packet.tcp_flags & kAck) != 0 ? record.syn_ack : record.syn;
  if (!mine.exists()) mine = read_syn_signature(frame, make_meta(packet));
}

// Every segment is observed, none is kept aside or left out: tcp_tracker_test has a model of the tracker.
void NaiveFlows::set_tcp(const Flow& flow, SessionRecord& record) {
  const SeenFrame& begin = flow.frames.front();
  TcpState state;
  begin_tcp(state, is_syn_ack(begin.packet.tcp_flags) ? opposite(begin.direction) : begin.direction);
  std::array<TcpSequence, 2> sequences{};
  for (const SeenFrame& frame : flow.frames) {
    const Packet& packet = frame.packet;
    if (packet.later_fragment) continue;
    observe_tcp(state, {&sequences[0], &sequences[1]}, frame.direction,
                {packet.time_ns, packet.tcp_seq, packet.tcp_ack, packet.payload_bytes, packet.tcp_window,
                 packet.tcp_flags, packet.bad_checksum});
    note_signature(packet, record);
  }
  record.history = state.history;
  record.rtt_server_ns = state.rtt_server_ns;
  record.rtt_client_ns = state.rtt_client_ns;
  record.response_ns = state.response_ns;
  for (const Direction direction : {Direction::kAToB, Direction::kBToA}) {
    const bool is_a = direction == Direction::kAToB;
    const auto mine = static_cast<std::size_t>(direction);
    const TcpSide& side = state.sides[mine];
    const DirectionState& other = is_a ? record.b_to_a : record.a_to_b;
    (is_a ? record.a_to_b : record.b_to_a).tcp = {
        side.retransmitted_packets, side.retransmitted_bytes, side.out_of_order_packets,
        gap_bytes(state, direction, sequences[mine], sequences[1 - mine], other.total.packets != 0),
        side.zero_windows};
    (is_a ? record.a_to_b : record.b_to_a).bad_checksums = side.bad_checksums;
  }
}

void NaiveFlows::write(Flow& flow, EndReason reason) {
  SessionRecord record;
  const SeenFrame& begin = flow.frames.front();
  record.key = flow.key;
  record.first_order = begin.order;
  record.uid = make_uid(config_.sensor_id, flow.key, begin.packet.time_ns, begin.order);
  record.first_ns = begin.packet.time_ns;
  record.last_ns = last_of(flow);
  record.delta_first_ns = record.delta_last_ns = record.last_ns;
  record.seq = flow.seq++;
  record.worker = config_.worker;
  record.end_reason = reason;
  OrientEvidence evidence;
  evidence.first_direction = begin.direction;
  if (flow.opened_before) evidence.remembered = bit(*flow.opened_before);
  for (std::size_t i = 0; i < flow.frames.size(); ++i) {
    const Packet& packet = flow.frames[i].packet;
    const Direction direction = flow.frames[i].direction;
    DirectionState& state = direction == Direction::kAToB ? record.a_to_b : record.b_to_a;
    const bool first = state.total.packets == 0;
    state.total.packets += 1;
    state.total.frame_bytes += packet.payload_bytes + 54;
    state.total.ip_bytes += packet.payload_bytes + 40;
    state.total.payload_bytes += packet.payload_bytes;
    if (i < flow.frames_in_records) state.previous = state.total;
    if (packet.bad_checksum && !has_tcp_header(flow.key)) ++state.bad_checksums;
    if (first) state.tcp_flags_first = packet.tcp_flags;
    state.tcp_flags_union |= packet.tcp_flags;
    state.first_ns = first ? packet.time_ns : std::min(state.first_ns, packet.time_ns);
    state.last_ns = first ? packet.time_ns : std::max(state.last_ns, packet.time_ns);
    state.ttl_min = first ? packet.ttl : std::min(state.ttl_min, packet.ttl);
    state.ttl_max = first ? packet.ttl : std::max(state.ttl_max, packet.ttl);
    record.first_ns = std::min(record.first_ns, packet.time_ns);
    if (i == flow.frames_in_records) record.delta_first_ns = record.delta_last_ns = packet.time_ns;
    if (i >= flow.frames_in_records) {
      record.delta_first_ns = std::min(record.delta_first_ns, packet.time_ns);
      record.delta_last_ns = std::max(record.delta_last_ns, packet.time_ns);
    }
    evidence.frames_seen |= bit(direction);
    if (flow.key.ip_proto != 6) continue;
    if ((packet.tcp_flags & (kSyn | kAck | kRst)) == kSyn) {
      if (evidence.syn_seen == 0) evidence.first_syn_direction = direction;
      evidence.syn_seen |= bit(direction);
    }
    if ((packet.tcp_flags & (kSyn | kAck | kRst)) == (kSyn | kAck)) evidence.syn_ack_seen |= bit(direction);
  }
  flow.frames_in_records = flow.frames.size();
  for (std::size_t i = 0; i < 2; ++i) {
    DirectionState& state = i == 0 ? record.a_to_b : record.b_to_a;
    state.total.duplicate_packets = flow.duplicates[i];
    state.previous.duplicate_packets = flow.duplicates_in_records[i];
  }
  flow.duplicates_in_records = flow.duplicates;
  if (has_tcp_header(flow.key)) set_tcp(flow, record);
  const Orientation orientation = find_originator(flow.key, evidence);
  record.originator = orientation.originator;
  record.orient_rule = orientation.rule;
  record.orient_confidence = orientation.confidence;
  records.push_back(record);
  if (record.final()) remember(record, flow);
}

void NaiveFlows::remember(const SessionRecord& record, const Flow& flow) {
  const bool tcp = flow.key.ip_proto == 6 && !(flow.key.flags & kKeyFragment);
  unsigned directions = 0;
  bool payload = false;
  for (const SeenFrame& frame : flow.frames) {
    directions |= bit(frame.direction);
    payload = payload || frame.packet.payload_bytes != 0;
  }
  if (!tcp || record.orient_confidence < 95) return;
  const bool spoken = directions == 3 || payload;
  if (!spoken && record.orient_rule != OrientRule::kRemembered) return;
  const std::string name(reinterpret_cast<const char*>(&flow.key), sizeof flow.key);
  memory_[name] = {record.originator, last_of(flow) + timeout_ns(flow)};
}

}  // namespace tapline::flowgen
