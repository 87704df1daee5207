#pragma once
// FlowTable: the conversations in progress on one worker. Bursts of decoded frames in; per frame a FlowHit
// out (what storage needs to append it without a second look-up); session records in a buffer that the caller
// drains. One thread. All memory is allocated by create(); nothing after that allocates.
//
// Records are a function of the sequence of frames, not of burst size or of how often advance() is called: a
// frame later than last + timeout first ends the old instance; an interim record holds the state at its
// boundary; of a flow whose frames have stopped, the other frames' times decide. Exceptions: eviction (table
// full), which is marked in the record, and attempts that are given up in a flood, which are counted; interim
// records that found no slab, which are counted; observe_idle().
//
// The timers' clock is the running maximum of capture time over all frames, IP or not, so that frames that
// run backwards never move it; a jump forward by more than clock_jump_ns_max moves it only once
// clock_jump_frames frames in a row confirm it.

#include <cstdint>
#include <memory>
#include <span>

#include "capture/base/result.hpp"
#include "capture/packet/flow_hit.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline::flowgen {

/// Longest time from a frame to the record that counts it, in the flow's own time: interim records are due at
/// half a second, five seconds and then every so often (DESIGN.md, section 7). The timers write them
/// FlowTableConfig::grace_ns later.
inline constexpr TimeNs kInterimPeriodNs = 60 * kNsPerSecond;

/// Default timeouts of DESIGN.md section 7, in nanoseconds.
struct Timeouts {
  TimeNs tcp_opening = 10 * kNsPerSecond;
  TimeNs tcp_established = 600 * kNsPerSecond;
  TimeNs tcp_long_lived = 3600 * kNsPerSecond;  // established, on a port whose sessions idle: flow_phase.cpp
  TimeNs tcp_half_closed = 120 * kNsPerSecond;
  TimeNs tcp_closed = 5 * kNsPerSecond;
  TimeNs udp_one_way = 15 * kNsPerSecond;
  TimeNs udp_two_way = 120 * kNsPerSecond;
  TimeNs dns_answered = 5 * kNsPerSecond;
  TimeNs quic = 180 * kNsPerSecond;
  TimeNs icmp = 10 * kNsPerSecond;
  TimeNs other_ip = 60 * kNsPerSecond;
  TimeNs fragments = 15 * kNsPerSecond;
};

struct FlowTableConfig {
  std::uint32_t flows_max = 1u << 20;  // 474 bytes each with all that belongs to them: README.md
  /// Flows that can have written an interim record at once; 0: a quarter of flows_max.
  std::uint32_t interim_slabs_max = 0;
  /// TCP sessions of more than one frame that can be tracked at once; 0: half of flows_max.
  std::uint32_t tcp_slabs_max = 0;
  /// Ended sessions of which it is remembered who opened them, 16 bytes each (orientation_memory.hpp); 0: as
  /// many as flows_max.
  std::uint32_t remembered_max = 0;
  std::uint64_t hash_seed = 0;  // secret per process: keeps crafted collisions from working
  std::uint64_t sensor_id = 0;  // goes into uids
  std::uint16_t worker = 0;
  std::uint16_t link = 0;
  bool count_copies = false;  // true: a frame that is seen twice counts twice, as in most other tools
  /// In a flood, what makes room for a new flow are attempts, without a record of each, interim ones
  /// included: counted in frames_in_attempts.
  bool give_up_attempts = false;
  bool frames_stored = true;  // false: sessions only, records say that none of their packets is in the store
  Timeouts timeouts;
  /// How late frames may be: the timers write records so long after their time. Captures run backwards, live
  /// sources hardly do, and a live record should be seen soon.
  TimeNs grace_ns = 2 * kNsPerSecond;
  TimeNs clock_jump_ns_max = 60 * kNsPerSecond;
  std::uint32_t clock_jump_frames = 64;
};

/// Counters since create(); book 3 of the ledger: decoded = in_session + duplicate + in_attempts + sum of
/// no_session.
struct FlowCounters {
  std::uint64_t frames_in_session = 0;
  std::uint64_t frames_duplicate = 0;    // of a session, but seen before: recent_frames.hpp
  std::uint64_t frames_in_attempts = 0;  // were in_session, until the attempt was given up
  std::uint64_t frames_no_session[kDecodeStatusCount] = {};  // by DecodeStatus; kIp stays 0
  std::uint64_t flows_begun = 0;
  std::uint64_t flows_evicted = 0;      // with a record
  std::uint64_t attempts_given_up = 0;  // without one
  std::uint64_t records_written = 0;
  std::uint64_t tcp_slab_exhausted = 0;      // TCP sessions not tracked for want of a slab
  std::uint64_t interim_slab_exhausted = 0;  // interim records not written when due, for want of a slab
};

class FlowTable {
 public:
  /// kInvalid for impossible sizes, kLimit where memory cannot be had.
  static Result<std::unique_ptr<FlowTable>> create(const FlowTableConfig& config);
  ~FlowTable();

  /// Takes a further 2 MiB of its memory from the kernel, on the thread that will use it (100 us), so that no
  /// packet waits for it later. False where it has all.
  bool take_pages();

  /// Accounts a burst (at most kBurstFramesMax frames, order keys set) and fills hits[i]. Appends at most
  /// kRecordsPerFrameMax records per frame to records(). What was found in a tunnel (PacketMeta::tunnel_id)
  /// is a frame of its own here and stands right behind the packet that carries it, whose session becomes the
  /// parent of a session that begins; or else first in the burst: then no parent is known.
  void update(std::span<const Frame> frames, std::span<const PacketMeta> metas, std::span<FlowHit> hits);

  /// Moves the timers' clock. Live, on an idle link: no frame has come for `idle_ns`.
  void observe_idle(TimeNs idle_ns);
  /// The same, for a replay: here stood a frame that has been counted before.
  void observe_frame(TimeNs time_ns);

  /// The key by which update() would find the flow of a frame whose status is kIp. A first fragment is
  /// remembered, as there.
  FlowKey key_of(const Frame& frame, const PacketMeta& meta);
  /// The timers' clock; the least time before the first frame.
  TimeNs clock_ns() const;

  /// Writes records that are due by that clock, at most `records_max` of them; true if more remain due. Call
  /// it between bursts.
  bool advance(std::uint32_t records_max);

  /// Ends all flows (EndReason::kShutdown, or what their state says if their timeout has passed), at most
  /// `records_max` records a call; true if flows remain.
  bool finish(std::uint32_t records_max);

  /// A frame of this flow was seen, but is not (wholly) in the store. `hit` is of the current burst.
  void count_unstored(const FlowHit& hit);

  /// Records written since clear_records(), oldest first. The buffer holds kRecordBufferMax: the caller
  /// drains it after every call above (one update plus one advance(kRecordsPerAdvanceMax) always fit).
  std::span<const SessionRecord> records() const;
  void clear_records();

  std::uint32_t flows_active() const;
  const FlowCounters& counters() const;
  std::size_t memory_bytes() const;

  static constexpr std::uint32_t kRecordsPerFrameMax = 4;
  static constexpr std::uint32_t kRecordsPerAdvanceMax = 1024;
  /// What a live worker lets advance() write between two bursts. In the long run no more can be due: a frame
  /// that begins a flow owes two records.
  static constexpr std::uint32_t kRecordsPerBurst = 2 * kBurstFramesMax;
  static constexpr std::uint32_t kRecordBufferMax =
      kRecordsPerFrameMax * kBurstFramesMax + kRecordsPerAdvanceMax;

 private:
  struct State;
  explicit FlowTable(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tapline::flowgen
