#pragma once
// The first segment of a TCP session, kept in the entry until a second frame comes: most sessions of one
// frame are scans and floods, and shall take no TcpSlab.

#include <bit>
#include <utility>

#include "flowgen/flow_entry.hpp"

namespace tapline::flowgen {

/// Where the signature of a first segment waits: in the other direction's line, in what is not read there
/// before that direction's first frame.
struct ParkedSyn {
  TimeNs last_ns;
  AppendSlot slot;
};
static_assert(sizeof(ParkedSyn) == sizeof(SynSignature));

inline DirectionLine& parking_line(FlowEntry& entry) {
  return line_of(entry, opposite(static_cast<Direction>(entry.cold.first_direction)));
}

inline void park_syn(FlowEntry& entry, const SynSignature& signature) {
  if (!signature.exists()) return;
  const auto parked = std::bit_cast<ParkedSyn>(signature);
  parking_line(entry).last_ns = parked.last_ns;
  parking_line(entry).slot = parked.slot;
  entry.cold.syn_parked = 1;
}

/// The signature, if there is one; the line is as new. To be called before the flow's second frame is noted.
inline SynSignature take_parked_syn(FlowEntry& entry) {
  if (entry.cold.syn_parked == 0) return {};
  entry.cold.syn_parked = 0;
  DirectionLine& line = parking_line(entry);
  return std::bit_cast<SynSignature>(
      ParkedSyn{std::exchange(line.last_ns, 0), std::exchange(line.slot, AppendSlot{})});
}

inline void keep_first_segment(FlowEntry& entry, const TcpSegment& segment, const SynSignature& signature) {
  DirectionLine& line = line_of(entry, static_cast<Direction>(entry.cold.first_direction));
  entry.cold.tcp_begun = 1;
  line.tcp.next = segment.seq + sequence_length(segment.flags, segment.payload_bytes);
  line.tcp.acked = segment.ack;
  line.window_closed = segment.window == 0;
  entry.cold.first_checksum_bad = segment.bad_checksum;
  park_syn(entry, signature);
}

/// The first signature of either kind is kept.
inline void keep_signature(TcpSlab& slab, std::uint8_t tcp_flags, const SynSignature& signature) {
  SynSignature& mine = is_syn_ack(tcp_flags) ? slab.syn_ack : slab.syn;
  if (!mine.exists()) mine = signature;
}

/// Begins `slab` with the first segment, where there has been one, as though it came now. The flow's lines
/// hold nothing later, and get the segment's sequence numbers.
inline void replay_first_segment(FlowEntry& entry, TcpSlab& slab) {
  TcpState& tcp = slab.tcp;
  const auto direction = static_cast<Direction>(entry.cold.first_direction);
  DirectionLine& line = line_of(entry, direction);
  const auto flags = static_cast<std::uint8_t>(line.tcp_flags_first);
  begin_tcp(tcp, is_syn_ack(flags) ? opposite(direction) : direction);
  if (entry.cold.tcp_begun == 0) return;
  keep_signature(slab, flags, take_parked_syn(entry));
  const auto payload_bytes = static_cast<std::uint32_t>(line.payload_bytes);
  const TcpSegment segment{entry.cold.begin_ns,
                           line.tcp.next - sequence_length(flags, payload_bytes),
                           line.tcp.acked,
                           payload_bytes,
                           static_cast<std::uint16_t>(line.window_closed != 0 ? 0 : 1),
                           flags,
                           entry.cold.first_checksum_bad != 0};
  observe_tcp(tcp, {&entry.directions[0].tcp, &entry.directions[1].tcp}, direction, segment);
}

}  // namespace tapline::flowgen
