#include "flowgen/flow_table.hpp"

#include <algorithm>

#include "capture/base/check.hpp"
#include "flowgen/app_evidence.hpp"
#include "flowgen/content_class.hpp"
#include "flowgen/flow_table_state.hpp"

namespace tapline::flowgen {
namespace {

// Frames that are asked for together. Of 4, 6, 8, 10, 16, 24 and 32 the best or near it at 1 Mi flows
// (flow_table_bench, Zen 4, with other programs running): 207 cycles a packet; 235 with 32; 240 where each
// frame of the pipeline is a step of its own; 270 with three passes over the whole burst.
constexpr std::size_t kGroupFrames = 8;

constexpr std::uint64_t kPacketsMask = low_bits(kPacketsBits);
constexpr std::uint64_t kDuplicatesMask = low_bits(kDuplicatesBits);
constexpr std::uint64_t kBytesMask = low_bits(kBytesBits);

void account(DirectionLine& line, const Frame& frame, const PacketMeta& meta) {
  line.packets = (line.packets + 1) & kPacketsMask;
  line.frame_bytes = (line.frame_bytes + frame.wire_bytes) & kBytesMask;
  line.ip_bytes = (line.ip_bytes + meta.ip_bytes) & kBytesMask;
  line.payload_bytes = (line.payload_bytes + meta.payload_bytes) & kBytesMask;
  line.last_ns = std::max(line.last_ns, frame.time_ns);
  line.tcp_flags_union = line.tcp_flags_union | meta.tcp_flags;
  if (meta.ttl < line.ttl_min) line.ttl_min = meta.ttl;
  if (meta.ttl > line.ttl_max) line.ttl_max = meta.ttl;
}

[[gnu::noinline]] void sample_content(DirectionLine& line, const Frame& frame, const PacketMeta& meta) {
  const Bytes payload(frame.data + meta.payload_offset, frame.captured_bytes - meta.payload_offset);
  const ContentHint hint{meta.ip_proto, meta.src_port, meta.dst_port};
  line.opaque = static_cast<std::uint64_t>(classify_content(hint, payload)) & 1;
  line.samples_left = line.opaque != 0 ? 0 : (line.samples_left - 1) & 7;
}

/// The first payload of its direction.
[[gnu::noinline]] void look_at_payload(DirectionLine& line, const Frame& frame, const PacketMeta& meta) {
  const std::uint32_t ip_end = meta.l3_offset + meta.ip_bytes;
  const std::uint32_t end = std::min(frame.captured_bytes, ip_end);
  if (!meta.has(kMetaL4) || end <= meta.payload_offset) return;
  const PayloadHint hint{meta.ip_proto, meta.src_port, meta.dst_port};
  const Bytes payload(frame.data + meta.payload_offset, end - meta.payload_offset);
  line.slot.app_evidence = read_app_evidence(hint, payload).packed();
}

bool has_content_sample(const Frame& frame, const PacketMeta& meta) {
  return frame.captured_bytes >= meta.payload_offset + kContentSampleBytes;
}

}  // namespace

FlowTable::FlowTable(std::unique_ptr<State> state) : state_(std::move(state)) {}
FlowTable::~FlowTable() = default;

bool FlowTable::take_pages() {
  State& state = *state_;
  return state.pool.take_pages() || state.interim_slabs.take_pages() || state.tcp_slabs.take_pages() ||
         state.index.take_pages() || state.orientations.take_pages() || state.recent.take_pages() ||
         state.fragments.take_pages() || state.attempts.take_pages() || state.parents.take_pages();
}

Result<std::unique_ptr<FlowTable>> FlowTable::create(const FlowTableConfig& config) {
  constexpr std::uint32_t kFlowsMaxLimit = 1u << 30;
  if (config.flows_max == 0 || config.flows_max > kFlowsMaxLimit)
    return Error{ErrorCode::kInvalid, "flows_max is " + std::to_string(config.flows_max) + ", not 1.." +
                                          std::to_string(kFlowsMaxLimit)};
  if (const std::uint32_t slabs_max = std::max(config.interim_slabs_max, config.tcp_slabs_max);
      slabs_max > config.flows_max)
    return Error{ErrorCode::kInvalid, std::to_string(slabs_max) + " slabs are more than flows_max, " +
                                          std::to_string(config.flows_max)};
  auto pool = FlowPool::create(config.flows_max);
  if (!pool) return pool.error();
  const std::uint32_t slabs_max =
      config.interim_slabs_max != 0 ? config.interim_slabs_max : std::max(1u, config.flows_max / 4);
  auto slabs = InterimSlabs::create(slabs_max);
  if (!slabs) return slabs.error();
  auto tcp_slabs =
      TcpSlabs::create(config.tcp_slabs_max != 0 ? config.tcp_slabs_max : std::max(1u, config.flows_max / 2));
  if (!tcp_slabs) return tcp_slabs.error();
  auto index = BucketIndex::create(config.flows_max);
  if (!index) return index.error();
  auto memory =
      OrientationMemory::create(config.remembered_max != 0 ? config.remembered_max : config.flows_max);
  if (!memory) return memory.error();
  auto recent = RecentFrames::create();
  if (!recent) return recent.error();
  auto fragments = FragmentPorts::create();
  if (!fragments) return fragments.error();
  auto attempts = AttemptMap::create(pool->size());
  if (!attempts) return attempts.error();
  auto parents = ParentUids::create(pool->size());
  if (!parents) return parents.error();
  return std::unique_ptr<FlowTable>(new FlowTable(
      std::make_unique<State>(config, std::move(*pool), std::move(*slabs), std::move(*tcp_slabs),
                              std::move(*index), std::move(*memory), std::move(*recent),
                              std::move(*fragments), std::move(*attempts), std::move(*parents))));
}

// Budget (flow_table_bench, with decoding): 250 cycles a packet at a million flows.
void FlowTable::update(std::span<const Frame> frames, std::span<const PacketMeta> metas,
                       std::span<FlowHit> hits) {
  TAPLINE_CHECK(frames.size() <= kBurstFramesMax && metas.size() == frames.size() &&
                hits.size() == frames.size());
  if (frames.empty()) return;
  state_->pool.release_buried();
  state_->count_burst(frames, metas, hits);
}

// In groups: while one is counted, the entries of the next and the buckets of the one after are on their way.
// Each stage is a loop of its own, short enough for the processor to have several of its page walks under
// way.
void FlowTable::State::count_burst(std::span<const Frame> frames, std::span<const PacketMeta> metas,
                                   std::span<FlowHit> hits) {
  const std::size_t count = frames.size();
  const auto group_end = [count](std::size_t begin) { return std::min(begin + kGroupFrames, count); };
  begins_asked = 0;
  for (std::size_t at = 0; at < count + 2 * kGroupFrames; at += kGroupFrames) {
    if (at < count) ask_buckets(frames, metas, at, group_end(at));
    if (pool.full()) [[unlikely]]
      ask_victims();
    if (at >= kGroupFrames && at - kGroupFrames < count)
      ask_entries(frames, metas, at - kGroupFrames, group_end(at - kGroupFrames));
    if (at < 2 * kGroupFrames) continue;
    for (std::size_t i = at - 2 * kGroupFrames; i < group_end(at - 2 * kGroupFrames); ++i)
      count_frame(i, frames[i], metas[i], hits[i]);
  }
}

inline void FlowTable::State::ask_buckets(std::span<const Frame> frames, std::span<const PacketMeta> metas,
                                          std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    const PacketMeta& meta = metas[i];
    if (meta.status != DecodeStatus::kIp) continue;
    burst_directions[i] = make_flow_key(frames[i], meta, config.link, burst_keys[i]);
    if (meta.has(kMetaFragment)) [[unlikely]] {
      burst_directions[i] = fragments.join(hash, meta, frames[i].time_ns, burst_directions[i], burst_keys[i]);
      burst_hashes[i] = hash(burst_keys[i]);
      continue;
    }
    const bool from_a = burst_directions[i] == Direction::kAToB;
    const std::uint64_t ports_and_tunnel = FlowHash::pack(
        from_a ? meta.src_port : meta.dst_port, from_a ? meta.dst_port : meta.src_port, meta.tunnel_id);
    burst_hashes[i] = hash(burst_keys[i], ports_and_tunnel, meta.ip_proto);
  }
  for (std::size_t i = begin; i < end; ++i) {
    if (metas[i].status != DecodeStatus::kIp) continue;
    index.prefetch(burst_hashes[i]);
    if (config.count_copies) continue;
    burst_prints[i] = print_of(hash, burst_hashes[i], burst_directions[i], frames[i], metas[i]);
    recent.prefetch(burst_prints[i]);
  }
}

inline void FlowTable::State::ask_entries(std::span<const Frame> frames, std::span<const PacketMeta> metas,
                                          std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (metas[i].status != DecodeStatus::kIp) continue;
    burst_copies[i] = !config.count_copies && recent.take(burst_prints[i], frames[i].time_ns);
    if (metas[i].tunnel_id != 0 && i > 0 && burst_copies[i - 1]) [[unlikely]]
      settle_copies(metas, i);
  }
  for (std::size_t i = begin; i < end; ++i) {
    if (metas[i].status != DecodeStatus::kIp) continue;
    burst_candidates[i] = index.candidate(burst_hashes[i]);
    if (burst_candidates[i] != kNoFlow) [[likely]] {
      const FlowEntry& entry = pool[burst_candidates[i]];
      __builtin_prefetch(&entry.hot, 1);
      __builtin_prefetch(&line_of(entry, burst_directions[i]), 1);
    } else {
      prefetch_all(pool.upcoming(begins_asked++));
      if (is_midstream_tcp(burst_keys[i], metas[i].tcp_flags)) orientations.prefetch(burst_hashes[i]);
    }
  }
}

// The i-th packet is within one that seems to be a copy: then it is one, unless it shows that it is new. Then
// nothing around it is a copy either: some ends of tunnels number all their packets alike.
void FlowTable::State::settle_copies(std::span<const PacketMeta> metas, std::size_t i) {
  const FramePrint& print = burst_prints[i];
  if (burst_copies[i] || print.digest == 0 || print.equal != Equal::kCertain) {
    burst_copies[i] = true;
    return;
  }
  for (std::size_t carrier = i; carrier > 0 && metas[carrier].tunnel_id != 0; --carrier)
    burst_copies[carrier - 1] = false;
}

// The flow of a frame as the frames before it in the burst have left it.
std::uint32_t FlowTable::State::find_flow(std::size_t i) {
  const FlowKey& key = burst_keys[i];
  const std::uint32_t candidate = burst_candidates[i];
  if (candidate != kNoFlow && pool[candidate].hot.matches(key)) [[likely]]
    return candidate;
  return index.find(burst_hashes[i], [&](std::uint32_t flow) { return pool[flow].hot.matches(key); });
}

inline void FlowTable::State::count_frame(std::size_t i, const Frame& frame, const PacketMeta& meta,
                                          FlowHit& hit) {
  clock.observe(frame.time_ns);
  if (meta.status != DecodeStatus::kIp) [[unlikely]] {
    ++counters.frames_no_session[static_cast<std::size_t>(meta.status)];
    hit = {nullptr, 0, ContentClass::kClear, Direction::kAToB, meta.payload_offset, 0, false};
    return;
  }
  const Direction direction = burst_directions[i];
  const Arrival arrival{frame, meta, burst_keys[i], burst_hashes[i], direction, carrier_of(i, meta)};
  std::uint32_t flow = find_flow(i);
  bool duplicate = false;
  if (flow == kNoFlow) [[unlikely]] {
    flow = begin(arrival);
  } else if (burst_copies[i] && line_of(pool[flow], direction).packets != 0) [[unlikely]] {
    duplicate = !ends_before(flow, frame.time_ns);
    if (!duplicate) flow = begin(arrival, flow);
  } else if (is_rare(pool[flow], arrival)) [[unlikely]] {
    flow = observe(flow, arrival);
  } else if (meta.ip_proto == kIpProtoTcp) {
    take_expected(line_of(pool[flow], direction).tcp, segment_of(arrival));
  }

  burst_flows[i] = flow;
  FlowEntry& entry = pool[flow];
  DirectionLine& line = line_of(entry, direction);
  const std::uint64_t payload_before = line.payload_bytes;
  if (!duplicate) [[likely]] {
    entry.hot.last_ns = std::max(entry.hot.last_ns, frame.time_ns);
    if (entry.hot.in_attempt_map() && packets_of(entry) == kAttemptPacketsMax) [[unlikely]]
      forget_attempt(flow);
    if (payload_before == 0 && meta.payload_bytes != 0) look_at_payload(line, frame, meta);
    account(line, frame, meta);
    if ((meta.vlan_count | meta.mpls_count) != 0) note_tags(flow, meta, direction);
    if (line.samples_left != 0 && has_content_sample(frame, meta)) sample_content(line, frame, meta);
    ++counters.frames_in_session;
  } else {
    line.duplicates = (line.duplicates + 1) & kDuplicatesMask;
    ++counters.frames_duplicate;
  }
  hit = {&line.slot,
         entry.hot.fingerprint,
         static_cast<ContentClass>(line.opaque),
         direction,
         meta.payload_offset,
         static_cast<std::uint32_t>(std::min<std::uint64_t>(payload_before, UINT32_MAX)),
         duplicate,
         meta.has(kMetaLaterFragment) && (burst_keys[i].flags & kKeyFragment) == 0};
}

bool FlowTable::State::is_rare(const FlowEntry& entry, const Arrival& arrival) const {
  const TimeNs time_ns = arrival.frame.time_ns;
  const DirectionLine& line = line_of(entry, arrival.direction);
  if (entry.hot.reaches_check(time_ns) || time_ns < entry.hot.last_ns || time_ns < clock.horizon_ns() ||
      line.packets == 0 || arrival.meta.has(kMetaBadChecksum))
    return true;
  if (arrival.meta.ip_proto != kIpProtoTcp) return false;
  const std::uint64_t plain = arrival.meta.payload_bytes != 0 ? kPlainPayload : kPlainAck;
  return (line.tcp_plain & plain) == 0 || !arrival.meta.has(kMetaL4) ||
         !is_expected(line.tcp, segment_of(arrival));
}

void FlowTable::count_unstored(const FlowHit& hit) {
  if (hit.slot == nullptr) return;
  State& state = *state_;
  const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(hit.slot) -
                                               reinterpret_cast<const std::uint8_t*>(state.pool.data()));
  FlowEntry& entry = state.pool[static_cast<std::uint32_t>(offset / sizeof(FlowEntry))];
  // A later frame of the burst may have ended the flow: then its final record is in the buffer.
  if (entry.hot.live())
    entry.cold.unstored_packets = (entry.cold.unstored_packets + 1) & kUnstoredMax;
  else if (entry.cold.slab < state.record_count)
    ++state.records[entry.cold.slab].unstored_packets;
}

void FlowTable::observe_idle(TimeNs idle_ns) {
  state_->clock.observe_idle(idle_ns);
}
FlowKey FlowTable::key_of(const Frame& frame, const PacketMeta& meta) {
  State& state = *state_;
  FlowKey key;
  const Direction direction = make_flow_key(frame, meta, state.config.link, key);
  if (meta.has(kMetaFragment)) state.fragments.join(state.hash, meta, frame.time_ns, direction, key);
  return key;
}

void FlowTable::observe_frame(TimeNs time_ns) {
  state_->clock.observe(time_ns);
}
TimeNs FlowTable::clock_ns() const {
  return state_->clock.now_ns();
}

bool FlowTable::advance(std::uint32_t records_max) {
  state_->pool.release_buried();
  return state_->settle_due(records_max);
}

bool FlowTable::finish(std::uint32_t records_max) {
  state_->pool.release_buried();
  return state_->end_all(records_max);
}

// Visits are bounded, too: a slot may hold many flows that are only to be linked anew. What belongs to a flow
// is asked for a few flows before it is settled; none is taken out for which there might be no record left.
bool FlowTable::State::settle_due(std::uint32_t records_max) {
  constexpr std::uint32_t kVisitsPerRecord = 4;
  constexpr std::uint64_t kAhead = 4;
  constexpr std::uint64_t kRecordsPerFlow = 2;  // an interim and the final one
  std::array<Due, kAhead> due;
  std::uint64_t taken = 0;
  std::uint64_t settled = 0;
  const std::uint64_t visits_max = std::uint64_t{records_max} * kVisitsPerRecord;
  const std::uint64_t records_end = counters.records_written + records_max;
  do {
    const std::uint64_t records_promised = counters.records_written + (taken - settled) * kRecordsPerFlow;
    const bool more = records_promised < records_end && taken < visits_max;
    const std::uint32_t flow = more ? wheel.pop(clock.now_ns()) : kNoFlow;
    if (flow != kNoFlow) due[taken++ % kAhead] = {flow, ask_all_of(flow)};
    if (settled != taken && (flow == kNoFlow || taken - settled == kAhead))
      settle_alone(due[settled++ % kAhead], records_end);
  } while (settled != taken);
  return wheel.is_due(clock.now_ns());
}

// A flow out of the wheel: writes what is due of it and links it anew, or lets go of it.
void FlowTable::State::settle_alone(const Due& due, std::uint64_t records_end) {
  const FlowEntry& entry = pool[due.flow];
  const TimeNs reached_ns = reached_by_clock(entry.cold);
  while (counters.records_written < records_end) {
    const Settled settled = settle(due.flow, reached_ns);
    if (settled == Settled::kInterim) continue;
    if (settled == Settled::kNothing) break;
    index.erase(due.hash, due.flow);
    pool.release_buried();
    return;
  }
  relink(due.flow);
}

bool FlowTable::State::end_all(std::uint32_t records_max) {
  const std::uint64_t records_end = counters.records_written + records_max;
  for (; finish_hand < pool.used_end(); ++finish_hand) {
    FlowEntry& entry = pool[finish_hand];
    if (!entry.hot.live()) continue;
    if (counters.records_written == records_end) return true;
    wheel.unlink(finish_hand);
    settle_alone({finish_hand, hash_of(entry)}, records_end);
    if (!entry.hot.live()) continue;
    if (counters.records_written == records_end) return true;
    wheel.unlink(finish_hand);
    index.erase(hash_of(entry), finish_hand);
    end(finish_hand, reason_at_finish(entry));
    pool.release_buried();
  }
  finish_hand = 0;
  return false;
}

EndReason FlowTable::State::reason_at_finish(const FlowEntry& entry) const {
  const bool timed_out = saturating_add(clock.now_ns(), -entry.cold.lag_ns()) > timeout_at(entry);
  if (timed_out || is_tcp_over(entry.cold.flow_phase())) return reason_at_timeout(entry);
  return EndReason::kShutdown;
}

std::span<const SessionRecord> FlowTable::records() const {
  return {state_->records.data(), state_->record_count};
}
void FlowTable::clear_records() {
  state_->record_count = 0;
}
std::uint32_t FlowTable::flows_active() const {
  return state_->pool.active_count();
}
const FlowCounters& FlowTable::counters() const {
  return state_->counters;
}
std::size_t FlowTable::memory_bytes() const {
  const State& state = *state_;
  return sizeof(State) + state.pool.memory_bytes() + state.interim_slabs.memory_bytes() +
         state.tcp_slabs.memory_bytes() + state.index.memory_bytes() + state.orientations.memory_bytes() +
         state.recent.memory_bytes() + state.fragments.memory_bytes() + state.attempts.memory_bytes() +
         state.parents.memory_bytes() + state.records.size() * sizeof(SessionRecord);
}

}  // namespace tapline::flowgen
