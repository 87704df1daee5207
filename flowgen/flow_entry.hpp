#pragma once
// FlowEntry: one flow in memory, four cache lines. A packet reads the key line and writes the line of its
// direction; the cold line is touched when something rare happens: the flow begins or ends, a record is due,
// a TCP segment that is not the expected one, a frame that runs backwards. InterimSlab: what a flow needs in
// addition once it has written an interim record. TcpSlab: what a TCP session needs from its second frame on.

#include <cstdint>
#include <limits>

#include "capture/base/bytes.hpp"
#include "capture/packet/append_slot.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/session_record.hpp"
#include "capture/packet/syn_signature.hpp"
#include "flowgen/flow_phase.hpp"
#include "flowgen/tcp_tracker.hpp"

namespace tapline::flowgen {

inline constexpr std::uint32_t kNoFlow = 0xffff'ffff;
inline constexpr std::uint32_t kNoSlab = 0xffff'ffff;

/// Beside the flags of FlowKey, so that a freed entry equals no key.
inline constexpr std::uint8_t kEntryLive = 1 << 7;
/// There, too, but no part of what is compared: the flow is in the AttemptMap.
inline constexpr std::uint8_t kEntryAttempt = 1 << 6;

/// Touched by every packet. Its first 42 bytes are FlowKey's (without the link, which is the same for the
/// whole table).
struct alignas(64) KeyLine {
  IpAddress address_a;
  IpAddress address_b;
  std::uint16_t port_a;
  std::uint16_t port_b;
  std::uint32_t tunnel_id;
  // Bits 0..7 protocol, 8..15 KeyFlag | kEntryLive | kEntryAttempt, 16..63 check time (signed, units of 2^16
  // ns, rounded down). A frame at or after the check time takes the slow path, which knows the exact times;
  // earlier frames need not look.
  std::uint64_t identity_and_check;
  TimeNs last_ns;  // running maximum of the flow's own capture times
  std::uint64_t fingerprint;

  static constexpr std::uint64_t kAttemptBit = std::uint64_t{kEntryAttempt} << 8;
  static constexpr std::uint64_t kCheckMask = ~std::uint64_t{0xffff};
  static constexpr std::uint64_t kIdentityMask = ~(kCheckMask | kAttemptBit);
  static std::uint64_t identity_of(const FlowKey& key) {
    return std::uint64_t{key.ip_proto} | std::uint64_t{static_cast<std::uint8_t>(key.flags | kEntryLive)}
                                             << 8;
  }

  bool matches(const FlowKey& key) const {
    const auto* const mine = reinterpret_cast<const std::uint8_t*>(this);
    const auto* const other = reinterpret_cast<const std::uint8_t*>(&key);
    std::uint64_t difference = (identity_and_check & kIdentityMask) ^ identity_of(key);
    for (std::size_t at = 0; at < 40; at += 8)
      difference |= load_le<std::uint64_t>(mine + at) ^ load_le<std::uint64_t>(other + at);
    return difference == 0;
  }
  FlowKey key(std::uint16_t link) const {
    return {address_a,
            address_b,
            port_a,
            port_b,
            tunnel_id,
            static_cast<std::uint8_t>(identity_and_check),
            static_cast<std::uint8_t>((identity_and_check & kIdentityMask) >> 8 & ~std::uint64_t{kEntryLive}),
            link};
  }
  bool live() const { return (identity_and_check & std::uint64_t{kEntryLive} << 8) != 0; }
  void mark_dead() { identity_and_check = 0; }
  bool in_attempt_map() const { return (identity_and_check & kAttemptBit) != 0; }
  void enter_attempt_map() { identity_and_check |= kAttemptBit; }
  void leave_attempt_map() { identity_and_check &= ~kAttemptBit; }

  bool reaches_check(TimeNs time_ns) const {
    return time_ns >> 16 >= static_cast<std::int64_t>(identity_and_check) >> 16;
  }
  void set_check(TimeNs check_ns) {
    identity_and_check =
        (identity_and_check & ~kCheckMask) | (static_cast<std::uint64_t>(check_ns) & kCheckMask);
  }
  /// Every frame takes the slow path until the next set_check().
  void set_check_always() { set_check(std::numeric_limits<TimeNs>::min()); }
};

/// What has come since the record before, of which delta_first and delta_last are to be known.
enum class DeltaState : std::uint8_t {
  kNone,     // nothing
  kBehind,   // only frames earlier than last_ns: the slab holds the latest of them
  kForward,  // a frame that moved or met last_ns: that is the latest
};

struct alignas(64) ColdLine {
  TimeNs direction_first_ns[2];  // earliest frame by Direction; valid where its packets > 0
  TimeNs begin_ns;        // capture time of the first frame in order: names the uid, counts the boundaries
  TimeNs first_order_ns;  // OrderKey of that frame
  std::uint32_t first_order_count;
  std::uint32_t timer_previous;  // see timer_wheel.hpp
  std::uint32_t timer_next;
  std::uint32_t slab;      // InterimSlab, or kNoSlab; of a dead entry: its final record's place in the buffer
  std::uint32_t tcp_slab;  // TcpSlab, or kNoSlab: not TCP, a single segment so far, or untracked
  std::uint32_t mpls_label : 20;  // of the first labelled frame
  std::uint32_t mpls_seen : 1;
  std::uint32_t lag_log2 : 6;            // see lag_ns(); 0: none
  std::uint32_t interim_missed : 1;      // the record of the next boundary was due and found no slab
  std::uint32_t remembered : 2;          // bit of the Direction that opened the session before; 0: not known
  std::uint32_t syn_parked : 1;          // see first_segment.hpp
  std::uint32_t first_checksum_bad : 1;  // of the first TCP segment, until there is a slab
  std::uint64_t unstored_packets : 48;
  std::uint64_t phase : 4;            // FlowPhase
  std::uint64_t delta : 2;            // DeltaState
  std::uint64_t syn_seen : 2;         // SYN without ACK; bit per Direction
  std::uint64_t syn_ack_seen : 2;     // bit per Direction
  std::uint64_t fin_seen : 2;         // bit per Direction
  std::uint64_t first_direction : 1;  // of the first frame
  std::uint64_t first_syn_direction : 1;
  std::uint64_t tcp_begun : 1;      // a segment has come: what it said is in its DirectionLine
  std::uint64_t tcp_untracked : 1;  // there was no slab when the second frame came

  FlowPhase flow_phase() const { return static_cast<FlowPhase>(phase); }
  DeltaState delta_state() const { return static_cast<DeltaState>(delta); }
  void set_phase(FlowPhase value) { phase = static_cast<std::uint64_t>(value) & 15; }
  void set_delta(DeltaState value) { delta = static_cast<std::uint64_t>(value) & 3; }
  /// How far this flow's capture times have been behind the clock when they arrived, beyond the grace;
  /// rounded up to a power of two. Its timers run that much later (one link of a merged capture whose clock
  /// is slow).
  TimeNs lag_ns() const { return lag_log2 == 0 ? 0 : TimeNs{1} << lag_log2; }
};

/// Content samples a direction gets before it is taken to be clear; see content_class.hpp.
inline constexpr std::uint32_t kContentSamplesMax = 4;

inline constexpr int kPacketsBits = 36;
inline constexpr int kDuplicatesBits = 28;
inline constexpr int kBytesBits = 42;

/// Counters are kept modulo a power of two that no flow counts up to between two records; see total_of().
struct alignas(64) DirectionLine {
  std::uint64_t packets : kPacketsBits;
  std::uint64_t duplicates : kDuplicatesBits;  // copies of frames seen before: in no other counter
  std::uint64_t frame_bytes : kBytesBits;
  std::uint64_t tcp_flags_first : 8;
  std::uint64_t tcp_flags_union : 8;
  std::uint64_t tcp_plain : 2;  // PlainBit: expected segments that need not be observed
  std::uint64_t samples_left : 3;
  std::uint64_t window_closed : 1;  // of the first TCP segment
  std::uint64_t ip_bytes : kBytesBits;
  std::uint64_t ttl_min : 8;
  std::uint64_t vlan_outer : 12;  // ids of the first tagged frame
  std::uint64_t vlan_tags : 2;    // how many of the two are valid
  std::uint64_t payload_bytes : kBytesBits;
  std::uint64_t ttl_max : 8;
  std::uint64_t vlan_inner : 12;
  std::uint64_t mpls_seen : 1;  // ColdLine::mpls_label need not be looked at for this direction again
  std::uint64_t opaque : 1;     // ContentClass
  TimeNs last_ns;
  AppendSlot slot;
  TcpSequence tcp;

  /// Of what has no TCP header: there `tcp` has room for it. Stays at the maximum.
  std::uint32_t bad_checksums() const { return tcp.next; }
  void add_bad_checksum() { tcp.next += tcp.next != 0xffff'ffff ? 1 : 0; }
};

constexpr std::uint64_t low_bits(int bits) {
  return (std::uint64_t{1} << bits) - 1;
}

/// The counters in 64 bits. `previous`: as of the flow's record before; zero where there was none.
inline DirectionCounters total_of(const DirectionLine& line, const DirectionCounters& previous) {
  const auto widen = [](std::uint64_t before, std::uint64_t low, int bits) {
    return before + ((low - before) & low_bits(bits));
  };
  return {widen(previous.packets, line.packets, kPacketsBits),
          widen(previous.frame_bytes, line.frame_bytes, kBytesBits),
          widen(previous.ip_bytes, line.ip_bytes, kBytesBits),
          widen(previous.payload_bytes, line.payload_bytes, kBytesBits),
          widen(previous.duplicate_packets, line.duplicates, kDuplicatesBits)};
}

/// Some counter is on the way to its limit. Only of flows that have written no record for very long.
inline bool is_half_counted(const DirectionLine& line) {
  return line.packets >> (kPacketsBits - 1) != 0 || line.duplicates >> (kDuplicatesBits - 1) != 0 ||
         (line.frame_bytes | line.ip_bytes | line.payload_bytes) >> (kBytesBits - 1) != 0;
}

struct FlowEntry {
  KeyLine hot;
  ColdLine cold;
  DirectionLine directions[2];  // by Direction
};

inline DirectionLine& line_of(FlowEntry& entry, Direction direction) {
  return entry.directions[static_cast<std::size_t>(direction)];
}
inline const DirectionLine& line_of(const FlowEntry& entry, Direction direction) {
  return entry.directions[static_cast<std::size_t>(direction)];
}

inline bool is_half_counted(const FlowEntry& entry) {
  return is_half_counted(entry.directions[0]) || is_half_counted(entry.directions[1]);
}

/// A flow of which nobody waits for more: a probe, a request, a retransmitted SYN.
inline constexpr std::uint64_t kAttemptPacketsMax = 2;
inline std::uint64_t packets_of(const FlowEntry& entry) {
  return entry.directions[0].packets + entry.directions[1].packets;
}
inline bool is_attempt(const FlowEntry& entry) {
  return packets_of(entry) <= kAttemptPacketsMax;
}

/// Asks for all of an entry that is about to be written or begun.
inline void prefetch_all(const FlowEntry& entry) {
  __builtin_prefetch(&entry.hot, 1);
  __builtin_prefetch(&entry.cold, 1);
  __builtin_prefetch(&entry.directions[0], 1);
  __builtin_prefetch(&entry.directions[1], 1);
}

static_assert(sizeof(KeyLine) == 64 && offsetof(KeyLine, identity_and_check) == 40);
static_assert(offsetof(FlowKey, tunnel_id) == 36 && offsetof(KeyLine, tunnel_id) == 36);
static_assert(sizeof(ColdLine) == 64 && sizeof(DirectionLine) == 64);
static_assert(sizeof(FlowEntry) == 256 && alignof(FlowEntry) == 64);

struct InterimSlab {
  DirectionCounters previous[2];  // as of the record before, by Direction
  TimeNs delta_first_ns;          // earliest frame since then; valid unless DeltaState::kNone
  TimeNs delta_last_ns;           // latest; valid in DeltaState::kBehind
  std::uint32_t seq;              // of the next record
  std::uint32_t next_free;
};
static_assert(sizeof(InterimSlab) == 104);

struct TcpSlab {
  TcpState tcp;
  SynSignature syn;  // of the first SYN that has one, and of the first SYN+ACK
  SynSignature syn_ack;
  std::uint32_t next_free;
};
static_assert(sizeof(TcpSlab) == 280);

}  // namespace tapline::flowgen
