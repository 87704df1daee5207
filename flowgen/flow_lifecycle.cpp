// FlowTable::State: what happens to a flow beside counting.

#include <bit>

#include "capture/base/check.hpp"
#include "capture/base/time_window.hpp"
#include "flowgen/first_segment.hpp"
#include "flowgen/flow_table_state.hpp"
#include "flowgen/orientation.hpp"

namespace tapline::flowgen {
namespace {

// Interim records: when a flow is this old, and then every kInterimPeriodNs.
constexpr TimeNs kFirstBoundaryNs = kNsPerSecond / 2;
constexpr TimeNs kSecondBoundaryNs = 5 * kNsPerSecond;

constexpr int kLagLog2Min = 28;  // a quarter of a second
constexpr int kLagLog2Max = 62;

}  // namespace

FlowTable::State::State(const FlowTableConfig& table_config, FlowPool flow_pool, InterimSlabs interim_pool,
                        TcpSlabs tcp_pool, BucketIndex bucket_index, OrientationMemory orientation_memory,
                        RecentFrames recent_frames, FragmentPorts fragment_ports, AttemptMap attempt_map,
                        ParentUids parent_uids)
    : config(table_config),
      hash(table_config.hash_seed),
      timeouts(phase_timeouts(table_config.timeouts)),
      origin{table_config.sensor_id, table_config.worker, table_config.link, table_config.frames_stored},
      clock(table_config.grace_ns, table_config.clock_jump_ns_max, table_config.clock_jump_frames),
      pool(std::move(flow_pool)),
      interim_slabs(std::move(interim_pool)),
      tcp_slabs(std::move(tcp_pool)),
      index(std::move(bucket_index)),
      orientations(std::move(orientation_memory)),
      recent(std::move(recent_frames)),
      fragments(std::move(fragment_ports)),
      attempts(std::move(attempt_map)),
      parents(std::move(parent_uids)),
      wheel(pool.data()),
      records(kRecordBufferMax) {}

// The first boundary after the flow's own time.
TimeNs FlowTable::State::next_boundary(const FlowEntry& entry) const {
  const TimeNs age_ns = saturating_difference(entry.hot.last_ns, entry.cold.begin_ns);
  if (age_ns < kFirstBoundaryNs) return saturating_add(entry.cold.begin_ns, kFirstBoundaryNs);
  if (age_ns < kSecondBoundaryNs) return saturating_add(entry.cold.begin_ns, kSecondBoundaryNs);
  const TimeNs into_period_ns = (age_ns - kSecondBoundaryNs) % kInterimPeriodNs;
  return saturating_add(entry.hot.last_ns, kInterimPeriodNs - into_period_ns);
}

// When the next record is due, in the flow's own time. An idle flow writes no interim records.
TimeNs FlowTable::State::next_due(const FlowEntry& entry) const {
  const TimeNs timeout_ns = timeout_at(entry);
  return entry.cold.delta_state() == DeltaState::kNone ? timeout_ns
                                                       : std::min(timeout_ns, next_boundary(entry));
}

EndReason FlowTable::State::reason_at_timeout(const FlowEntry& entry) const {
  switch (entry.cold.flow_phase()) {
    case FlowPhase::kTcpClosed:
      return EndReason::kFinished;
    case FlowPhase::kTcpReset:
      return EndReason::kReset;
    default:
      return EndReason::kIdle;
  }
}

Settled FlowTable::State::settle(std::uint32_t flow, TimeNs reached_ns) {
  const FlowEntry& entry = pool[flow];
  const TimeNs timeout_ns = timeout_at(entry);
  if (entry.cold.delta_state() != DeltaState::kNone) {
    const TimeNs boundary_ns = next_boundary(entry);
    if (boundary_ns <= timeout_ns && reached_ns >= boundary_ns) {
      if (write_interim(flow)) return Settled::kInterim;
      if (is_half_counted(entry)) {
        end(flow, EndReason::kEvicted);
        ++counters.flows_evicted;
        return Settled::kEnded;
      }
    }
  }
  if (reached_ns <= timeout_ns) return Settled::kNothing;
  end(flow, reason_at_timeout(entry));
  return Settled::kEnded;
}

// Asks again when the next record is due; at the timeout where an interim record that is due could not be
// written.
void FlowTable::State::relink(std::uint32_t flow) {
  const FlowEntry& entry = pool[flow];
  TimeNs due_ns = next_due(entry);
  if (due_ns <= reached_by_clock(entry.cold)) due_ns = timeout_at(entry);
  wheel.link(flow, saturating_add(due_ns, entry.cold.lag_ns() + config.grace_ns), clock.now_ns());
}

void FlowTable::State::refresh_check(FlowEntry& entry) {
  const bool every_frame_counts =
      entry.cold.flow_phase() == FlowPhase::kTcpOpening || entry.cold.delta_state() != DeltaState::kForward;
  if (every_frame_counts) return entry.hot.set_check_always();
  entry.hot.set_check(next_due(entry));
}

void FlowTable::State::write_record(const FlowEntry& entry, EndReason reason) {
  TAPLINE_CHECK(record_count < records.size());  // the caller drains after every call
  const InterimSlab* const slab = entry.cold.slab == kNoSlab ? nullptr : &interim_slabs[entry.cold.slab];
  const TcpSlab* const tcp = entry.cold.tcp_slab == kNoSlab ? nullptr : &tcp_slabs[entry.cold.tcp_slab];
  SessionRecord& record = records[record_count++];
  build_record(entry, slab, tcp, origin, reason, record);
  const auto flow = static_cast<std::size_t>(&entry - pool.data());
  record.parent_uid = record.key.tunnel_id != 0 ? parents[flow] : Uid{};
  ++counters.records_written;
}

// False where no slab is left, and in a flood for an attempt that may be given up: then the flow's later
// records say it all, because nothing has been said before. The former is counted once a boundary, however
// often it is tried.
bool FlowTable::State::write_interim(std::uint32_t flow) {
  FlowEntry& entry = pool[flow];
  ColdLine& cold = entry.cold;
  const bool waived = config.give_up_attempts && pool.full() && is_flooded() && is_attempt(entry);
  const std::uint32_t new_slab = cold.slab == kNoSlab && !waived ? interim_slabs.allocate() : kNoSlab;
  if (cold.slab == kNoSlab && new_slab == kNoSlab) {
    if (cold.interim_missed == 0 && !waived) ++counters.interim_slab_exhausted;
    cold.interim_missed = 1;
    return false;
  }
  write_record(entry, EndReason::kOpen);
  if (cold.slab == kNoSlab) cold.slab = new_slab;
  InterimSlab& slab = interim_slabs[cold.slab];
  for (std::size_t i = 0; i < 2; ++i) slab.previous[i] = total_of(entry.directions[i], slab.previous[i]);
  ++slab.seq;
  cold.interim_missed = 0;
  cold.set_delta(DeltaState::kNone);
  refresh_check(entry);
  return true;
}

void FlowTable::State::end(std::uint32_t flow, EndReason reason) {
  FlowEntry& entry = pool[flow];
  write_record(entry, reason);
  const SessionRecord& record = records[record_count - 1];
  if (is_to_remember(record)) orientations.remember(hash_of(entry), record.originator, timeout_at(entry));
  let_go(flow);
  entry.cold.slab = record_count - 1;
}

void FlowTable::State::let_go(std::uint32_t flow) {
  FlowEntry& entry = pool[flow];
  if (entry.cold.slab != kNoSlab) interim_slabs.release(entry.cold.slab);
  if (entry.cold.tcp_slab != kNoSlab) tcp_slabs.release(entry.cold.tcp_slab);
  entry.cold.slab = kNoSlab;
  if (entry.hot.in_attempt_map()) forget_attempt(flow);
  entry.hot.mark_dead();
  pool.bury(flow);
}

std::uint32_t FlowTable::State::begin(const Arrival& arrival, std::uint32_t predecessor) {
  const Uid parent = arrival.carrier != kNoFlow ? uid_of_carrier(arrival) : Uid{};
  if (pool.full()) evict();
  const std::uint32_t flow = pool.allocate();
  FlowEntry& entry = pool[flow];
  const FlowKey& key = arrival.key;
  const TimeNs time_ns = arrival.frame.time_ns;
  entry = FlowEntry{};
  entry.hot.address_a = key.address_a;
  entry.hot.address_b = key.address_b;
  entry.hot.port_a = key.port_a;
  entry.hot.port_b = key.port_b;
  entry.hot.tunnel_id = key.tunnel_id;
  entry.hot.identity_and_check = KeyLine::identity_of(key);
  entry.hot.last_ns = time_ns;
  entry.hot.fingerprint = flow_fingerprint(key);
  entry.cold.begin_ns = time_ns;
  entry.cold.first_order_ns = arrival.frame.order.time_ns;
  entry.cold.first_order_count = arrival.frame.order.count;
  entry.cold.slab = kNoSlab;
  entry.cold.tcp_slab = kNoSlab;
  entry.cold.first_direction = static_cast<std::uint64_t>(arrival.direction) & 1;
  entry.cold.set_phase(first_phase(key, arrival.meta.tcp_flags));
  entry.cold.set_delta(DeltaState::kForward);
  entry.directions[0].samples_left = kContentSamplesMax;
  entry.directions[1].samples_left = kContentSamplesMax;
  if (predecessor == kNoFlow)
    index.insert(arrival.hash, flow);
  else
    index.replace(arrival.hash, predecessor, flow);
  if (is_midstream_tcp(arrival.key, arrival.meta.tcp_flags)) {
    const std::optional<Direction> opener = orientations.find(arrival.hash, time_ns);
    if (opener) entry.cold.remembered = bit(*opener) & 3;
  }
  if (key.tunnel_id != 0) parents[flow] = parent;
  attempts.add(flow);
  entry.hot.enter_attempt_map();
  ++counters.flows_begun;
  note_frame(entry, arrival);
  relink(flow);
  return flow;
}

Uid FlowTable::State::uid_of_carrier(const Arrival& arrival) const {
  const FlowEntry& carrier = pool[arrival.carrier];
  // Where this packet is of the same flow and has ended it.
  if (!carrier.hot.live()) return carrier.cold.slab < record_count ? records[carrier.cold.slab].uid : Uid{};
  return make_uid(origin.sensor_id, carrier.hot.key(origin.link), carrier.cold.begin_ns,
                  {carrier.cold.first_order_ns, carrier.cold.first_order_count});
}

bool FlowTable::State::is_other_answer(const FlowEntry& entry, const Arrival& arrival) {
  const auto side = static_cast<std::size_t>(arrival.direction);
  return has_tcp_header(arrival.key) && line_of(entry, opposite(arrival.direction)).packets == 0 &&
         entry.cold.flow_phase() != FlowPhase::kTcpOpening &&
         (entry.cold.syn_ack_seen & bit(arrival.direction)) != 0 && entry.cold.tcp_slab != kNoSlab &&
         tcp_slabs[entry.cold.tcp_slab].tcp.sides[side].last_syn != arrival.meta.tcp_seq;
}

// A pure SYN after the end, or with another sequence number than the SYN that opened the session (RFC 9293,
// section 3.10.7.4 lets a host reopen even out of TIME-WAIT). Retransmitted SYNs repeat their number. Of a
// session that is not tracked the number is not known. On a link that shows the answers only, SYN-ACKs tell.
bool FlowTable::State::is_reuse(const FlowEntry& entry, const Arrival& arrival) {
  if (is_syn_ack(arrival.meta.tcp_flags)) return is_other_answer(entry, arrival);
  if (!is_pure_syn(arrival.meta.tcp_flags) || !has_tcp_header(arrival.key)) return false;
  if (is_tcp_over(entry.cold.flow_phase())) return true;
  return entry.cold.flow_phase() != FlowPhase::kTcpOpening &&
         (entry.cold.syn_seen & bit(arrival.direction)) != 0 &&
         entry.cold.first_syn_direction == static_cast<std::uint64_t>(arrival.direction) &&
         (entry.cold.tcp_slab == kNoSlab ||
          tcp_slabs[entry.cold.tcp_slab].tcp.first_syn != arrival.meta.tcp_seq);
}

bool FlowTable::State::ends_before(std::uint32_t flow, TimeNs time_ns) {
  const TimeNs reached_ns = std::max(time_ns, reached_by_clock(pool[flow].cold));
  Settled settled = settle(flow, reached_ns);
  if (settled == Settled::kInterim) settled = settle(flow, reached_ns);
  if (settled != Settled::kEnded) return false;
  wheel.unlink(flow);
  return true;
}

std::uint32_t FlowTable::State::observe(std::uint32_t flow, const Arrival& arrival) {
  FlowEntry& entry = pool[flow];
  const bool reuse = is_reuse(entry, arrival);
  const TimeNs asked_ns = saturating_add(next_due(entry), entry.cold.lag_ns());
  if (ends_before(flow, arrival.frame.time_ns)) return begin(arrival, flow);
  if (reuse) {
    wheel.unlink(flow);
    end(flow, EndReason::kReused);
    return begin(arrival, flow);
  }
  const bool missed = entry.cold.interim_missed != 0;
  if (missed && arrival.frame.time_ns >= next_boundary(entry)) entry.cold.interim_missed = 0;
  note_frame(entry, arrival);
  // The wheel asks too early where the next record has moved away, which costs little; never too late. After
  // a missed record it asks at what was the timeout then.
  if (missed || saturating_add(next_due(entry), entry.cold.lag_ns()) < asked_ns) {
    wheel.unlink(flow);
    relink(flow);
  }
  return flow;
}

// Everything but the counters of account() (flow_table.cpp), which come afterwards.
void FlowTable::State::note_frame(FlowEntry& entry, const Arrival& arrival) {
  const TimeNs time_ns = arrival.frame.time_ns;
  DirectionLine& line = line_of(entry, arrival.direction);
  const bool first_frame = entry.directions[0].packets == 0 && entry.directions[1].packets == 0;
  const bool first_segment = first_frame && arrival.meta.has(kMetaL4);
  const bool tcp = has_tcp_header(arrival.key);
  // First of all: what the first segment said may lie in this line.
  TcpSlab* const slab = tcp && !first_segment ? tcp_slab_of(entry) : nullptr;
  TimeNs& first_ns = entry.cold.direction_first_ns[static_cast<std::size_t>(arrival.direction)];
  if (line.packets == 0) {
    first_ns = time_ns;
    line.last_ns = time_ns;
    line.ttl_min = arrival.meta.ttl;
    line.ttl_max = arrival.meta.ttl;
    line.tcp_flags_first = arrival.meta.tcp_flags;
  }
  first_ns = std::min(first_ns, time_ns);
  note_lag(entry.cold, time_ns);
  note_delta(entry, time_ns);
  note_flags(entry, arrival);
  // The first segment is kept in its line, so that a flood of sessions of one frame takes no slabs.
  if (tcp && first_segment)
    keep_first_segment(entry, segment_of(arrival), read_syn_signature(arrival.frame, arrival.meta));
  if (slab != nullptr && arrival.meta.has(kMetaL4)) note_segment(entry, *slab, arrival);
  if (!tcp && arrival.meta.has(kMetaBadChecksum)) line.add_bad_checksum();
  entry.hot.last_ns = std::max(entry.hot.last_ns, time_ns);
  refresh_check(entry);
}

void FlowTable::State::note_lag(ColdLine& cold, TimeNs time_ns) {
  if (time_ns >= clock.horizon_ns()) return;
  const auto lag_ns = static_cast<std::uint64_t>(saturating_difference(clock.horizon_ns(), time_ns));
  const int log2 = std::clamp(static_cast<int>(std::bit_width(lag_ns - 1)), kLagLog2Min, kLagLog2Max);
  cold.lag_log2 = std::max<std::uint32_t>(cold.lag_log2, static_cast<std::uint32_t>(log2) & 63);
}

void FlowTable::State::note_delta(FlowEntry& entry, TimeNs time_ns) {
  const DeltaState before = entry.cold.delta_state();
  const bool forward = time_ns >= entry.hot.last_ns;
  if (forward)
    entry.cold.set_delta(DeltaState::kForward);
  else if (before == DeltaState::kNone)
    entry.cold.set_delta(DeltaState::kBehind);
  if (entry.cold.slab == kNoSlab) return;
  InterimSlab& slab = interim_slabs[entry.cold.slab];
  const bool first = before == DeltaState::kNone;
  slab.delta_first_ns = first ? time_ns : std::min(slab.delta_first_ns, time_ns);
  slab.delta_last_ns = first ? time_ns : std::max(slab.delta_last_ns, time_ns);
}

void FlowTable::State::note_flags(FlowEntry& entry, const Arrival& arrival) {
  ColdLine& cold = entry.cold;
  const std::uint8_t flags = arrival.meta.tcp_flags;
  const std::uint64_t mine = bit(arrival.direction);
  if (has_tcp_header(arrival.key)) {
    if (is_pure_syn(flags)) {
      if (cold.syn_seen == 0) cold.first_syn_direction = static_cast<std::uint64_t>(arrival.direction) & 1;
      cold.syn_seen |= mine & 3;
    }
    if (is_syn_ack(flags)) cold.syn_ack_seen |= mine & 3;
    if ((flags & kTcpFin) != 0) cold.fin_seen |= mine & 3;
  }
  const PhaseInput input{flags, line_of(entry, opposite(arrival.direction)).packets != 0,
                         static_cast<std::uint8_t>(cold.fin_seen)};
  cold.set_phase(next_phase(cold.flow_phase(), arrival.key, input));
}

void FlowTable::State::note_segment(FlowEntry& entry, TcpSlab& slab, const Arrival& arrival) {
  if ((arrival.meta.tcp_flags & kTcpSyn) != 0)
    keep_signature(slab, arrival.meta.tcp_flags, read_syn_signature(arrival.frame, arrival.meta));
  observe_tcp(slab.tcp, {&entry.directions[0].tcp, &entry.directions[1].tcp}, arrival.direction,
              segment_of(arrival));
  entry.directions[0].tcp_plain = plain_segments(slab.tcp, Direction::kAToB) & 3;
  entry.directions[1].tcp_plain = plain_segments(slab.tcp, Direction::kBToA) & 3;
}

TcpSlab* FlowTable::State::tcp_slab_of(FlowEntry& entry) {
  ColdLine& cold = entry.cold;
  if (cold.tcp_slab != kNoSlab) return &tcp_slabs[cold.tcp_slab];
  if (cold.tcp_untracked != 0) return nullptr;
  cold.tcp_slab = tcp_slabs.allocate();
  if (cold.tcp_slab == kNoSlab) {
    cold.tcp_untracked = 1;
    take_parked_syn(entry);
    ++counters.tcp_slab_exhausted;
    return nullptr;
  }
  TcpSlab& slab = tcp_slabs[cold.tcp_slab];
  replay_first_segment(entry, slab);
  return &slab;
}

void FlowTable::State::note_tags(std::uint32_t flow, const PacketMeta& meta, Direction direction) {
  FlowEntry& entry = pool[flow];
  DirectionLine& line = line_of(entry, direction);
  if (meta.vlan_count != 0 && line.vlan_tags == 0) {
    line.vlan_tags = meta.vlan_count == 1 ? 1 : 2;
    line.vlan_outer = meta.vlan_tci[0] & 0xfff;
    line.vlan_inner = meta.vlan_tci[1] & 0xfff;
  }
  if (meta.mpls_count != 0 && line.mpls_seen == 0) {
    line.mpls_seen = 1;
    if (entry.cold.mpls_seen == 0) entry.cold.mpls_label = meta.mpls_label & 0xfffff;
    entry.cold.mpls_seen = 1;
  }
}

}  // namespace tapline::flowgen
