#pragma once
// FlowTable::State: the life of flows: begin, settle (write what is due), end, evict. Part of the table, not
// of its interface.
//
// Two clocks. A flow's own time is the running maximum of its frames' capture times: a frame at or after a
// boundary or past the timeout settles its flow before it is counted. The table's clock (TableClock) settles
// flows whose frames have stopped, the grace late. Every frame first does what the timers would have done by
// its turn (`horizon`), so that no record depends on how often advance() is called.

#include <array>
#include <vector>

#include "flowgen/attempt_map.hpp"
#include "flowgen/bucket_index.hpp"
#include "flowgen/flow_hash.hpp"
#include "flowgen/flow_pool.hpp"
#include "flowgen/flow_table.hpp"
#include "flowgen/fragment_ports.hpp"
#include "flowgen/orientation_memory.hpp"
#include "flowgen/recent_frames.hpp"
#include "flowgen/record_builder.hpp"
#include "flowgen/table_clock.hpp"
#include "flowgen/timer_wheel.hpp"

namespace tapline::flowgen {

/// A frame on its way into the table.
struct Arrival {
  const Frame& frame;
  const PacketMeta& meta;
  const FlowKey& key;
  std::uint64_t hash;
  Direction direction;
  std::uint32_t
      carrier;  // flow of the packet whose tunnel this one was found in; kNoFlow: none, or not known
};

/// Of a frame with a TCP header.
inline TcpSegment segment_of(const Arrival& arrival) {
  const PacketMeta& meta = arrival.meta;
  return {arrival.frame.time_ns,     meta.tcp_seq,    meta.tcp_ack,
          meta.payload_bytes,        meta.tcp_window, meta.tcp_flags,
          meta.has(kMetaBadChecksum)};
}

inline constexpr std::uint64_t kUnstoredMax = (std::uint64_t{1} << 48) - 1;

using InterimSlabs = SlabPool<InterimSlab>;
using TcpSlabs = SlabPool<TcpSlab>;
/// Of the flow that carried the first packet of each flow that was found in a tunnel; by place in the pool.
/// Others do not touch it.
using ParentUids = MappedArray<Uid>;

enum class Settled : std::uint8_t { kNothing, kInterim, kEnded };

/// A flow out of the wheel, and its hash.
struct Due {
  std::uint32_t flow;
  std::uint64_t hash;
};

/// Chosen to make room.
struct Victim {
  std::uint32_t flow;
  bool attempt;
  TimeNs last_ns;  // of one that is no attempt: as it was then
};

/// Those that were chosen and not needed yet; first in, first out. Of those before `asked` all is on its way.
inline constexpr std::uint32_t kVictimsMax = 16;
struct VictimQueue {
  std::array<Victim, kVictimsMax> victims;
  std::uint32_t begin = 0;
  std::uint32_t asked = 0;
  std::uint32_t end = 0;

  Victim& at(std::uint32_t number) { return victims[number % kVictimsMax]; }
  std::uint32_t count() const { return end - begin; }
};

struct FlowTable::State {
  State(const FlowTableConfig& table_config, FlowPool flow_pool, InterimSlabs interim_pool, TcpSlabs tcp_pool,
        BucketIndex bucket_index, OrientationMemory orientation_memory, RecentFrames recent_frames,
        FragmentPorts fragment_ports, AttemptMap attempt_map, ParentUids parent_uids);

  // The burst (flow_table.cpp).

  void count_burst(std::span<const Frame> frames, std::span<const PacketMeta> metas, std::span<FlowHit> hits);
  void ask_buckets(std::span<const Frame> frames, std::span<const PacketMeta> metas, std::size_t begin,
                   std::size_t end);
  void ask_entries(std::span<const Frame> frames, std::span<const PacketMeta> metas, std::size_t begin,
                   std::size_t end);
  void count_frame(std::size_t i, const Frame& frame, const PacketMeta& meta, FlowHit& hit);
  /// The flow of the packet that carries the i-th one.
  std::uint32_t carrier_of(std::size_t i, const PacketMeta& meta) const {
    return meta.tunnel_id == 0 || i == 0 ? kNoFlow : burst_flows[i - 1];
  }
  std::uint32_t find_flow(std::size_t i);
  void settle_copies(std::span<const PacketMeta> metas, std::size_t i);
  /// Whether more is to be done for this frame than counting it.
  bool is_rare(const FlowEntry& entry, const Arrival& arrival) const;
  bool settle_due(std::uint32_t records_max);
  void settle_alone(const Due& due, std::uint64_t records_end);
  bool end_all(std::uint32_t records_max);
  EndReason reason_at_finish(const FlowEntry& entry) const;

  // Frames (flow_lifecycle.cpp).

  /// A new flow to count the frame in, in the place of its predecessor or, if need be, of one that is
  /// evicted.
  std::uint32_t begin(const Arrival& arrival, std::uint32_t predecessor = kNoFlow);
  /// For rare frames of a flow: the flow to count the frame in, perhaps a new instance.
  std::uint32_t observe(std::uint32_t flow, const Arrival& arrival);
  /// First VLAN tags of the direction and first MPLS label of the flow.
  void note_tags(std::uint32_t flow, const PacketMeta& meta, Direction direction);

  // A full table (flow_eviction.cpp).

  /// Of a flow that is more, or over.
  void forget_attempt(std::uint32_t flow);
  /// Some frames before they are needed.
  void ask_victims();
  void evict();
  /// Asks for what belongs to a flow that will be ended; the flow's hash.
  std::uint64_t ask_all_of(std::uint32_t flow);

  // Time.

  /// Writes the one record that is due first by the flow's time `reached_ns`, if any. Of an ended flow, wheel
  /// and index are the caller's to clean.
  Settled settle(std::uint32_t flow, TimeNs reached_ns);
  /// Writes what is due of a flow by the time of a frame of it. True where that has ended the flow: its place
  /// in the index is the caller's to give to another one.
  bool ends_before(std::uint32_t flow, TimeNs time_ns);
  /// Writes the final record and buries the entry; wheel and index as above.
  void end(std::uint32_t flow, EndReason reason);
  /// Links a flow that is not in the wheel.
  void relink(std::uint32_t flow);
  EndReason reason_at_timeout(const FlowEntry& entry) const;

  /// Attempts take a share of the table that sessions which begin do not.
  bool is_flooded() const {
    constexpr std::uint32_t kShare = 16;
    return attempts.count() > pool.active_count() / kShare;
  }
  /// The flow's own time that the table's clock stands for.
  TimeNs reached_by_clock(const ColdLine& cold) const {
    return saturating_add(clock.horizon_ns(), -cold.lag_ns());
  }
  /// End of the flow unless another frame comes: it is over when a later time has been reached.
  TimeNs timeout_at(const FlowEntry& entry) const {
    return saturating_add(entry.hot.last_ns, timeouts[static_cast<std::size_t>(entry.cold.phase)]);
  }
  std::uint64_t hash_of(const FlowEntry& entry) const { return hash(entry.hot.key(config.link)); }

  const FlowTableConfig config;
  const FlowHash hash;
  const PhaseTimeouts timeouts;
  const RecordOrigin origin;
  TableClock clock;
  FlowPool pool;
  InterimSlabs interim_slabs;
  TcpSlabs tcp_slabs;
  BucketIndex index;
  OrientationMemory orientations;
  RecentFrames recent;
  FragmentPorts fragments;
  AttemptMap attempts;
  ParentUids parents;
  TimerWheel wheel;
  FlowCounters counters;

  std::vector<SessionRecord> records;  // always kRecordBufferMax of them
  std::uint32_t record_count = 0;
  std::uint32_t evict_hand = 0;
  std::uint32_t finish_hand = 0;

  // Scratch of update(), by place in the burst.
  std::array<FlowKey, kBurstFramesMax> burst_keys;
  std::array<std::uint64_t, kBurstFramesMax> burst_hashes;
  std::array<std::uint32_t, kBurstFramesMax> burst_candidates;
  std::array<std::uint32_t, kBurstFramesMax> burst_flows;  // in which they were counted
  std::array<Direction, kBurstFramesMax> burst_directions;
  std::array<FramePrint, kBurstFramesMax> burst_prints;
  std::array<bool, kBurstFramesMax> burst_copies;
  std::uint32_t begins_asked = 0;  // entries fetched for flows that will begin
  VictimQueue victims;             // of a full table

 private:
  Uid uid_of_carrier(const Arrival& arrival) const;
  void note_frame(FlowEntry& entry, const Arrival& arrival);
  void note_flags(FlowEntry& entry, const Arrival& arrival);
  void note_segment(FlowEntry& entry, TcpSlab& slab, const Arrival& arrival);
  /// Null where there is none left: then, too, the other direction's line is as new.
  TcpSlab* tcp_slab_of(FlowEntry& entry);
  void note_delta(FlowEntry& entry, TimeNs time_ns);
  void note_lag(ColdLine& cold, TimeNs time_ns);
  void refresh_check(FlowEntry& entry);
  bool is_reuse(const FlowEntry& entry, const Arrival& arrival);
  bool is_other_answer(const FlowEntry& entry, const Arrival& arrival);
  bool write_interim(std::uint32_t flow);
  void write_record(const FlowEntry& entry, EndReason reason);
  void let_go(std::uint32_t flow);
  void add_victim(std::uint32_t flow, bool attempt);
  bool is_still_victim(const Victim& victim) const;
  Victim take_victim();
  std::uint32_t longest_idle();
  void give_up(std::uint32_t flow);
  TimeNs next_boundary(const FlowEntry& entry) const;
  TimeNs next_due(const FlowEntry& entry) const;
};

}  // namespace tapline::flowgen
