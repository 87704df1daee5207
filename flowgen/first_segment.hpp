#pragma once
// The first segment of a TCP session, kept in the entry until a second frame comes: most sessions of one
// frame are scans and floods, and shall take no TcpSlab.

#include "flowgen/flow_entry.hpp"

namespace tapline::flowgen {

inline void keep_first_segment(ColdLine& cold, DirectionLine& line, const TcpSegment& segment) {
  cold.tcp_begun = 1;
  line.tcp.next = segment.seq + sequence_length(segment.flags, segment.payload_bytes);
  line.tcp.acked = segment.ack;
  line.window_closed = segment.window == 0;
}

/// Begins `tcp` with the first segment, where there has been one, as though it came now. The flow's lines
/// hold nothing later, and get the segment's sequence numbers.
inline void replay_first_segment(FlowEntry& entry, TcpState& tcp) {
  const auto direction = static_cast<Direction>(entry.cold.first_direction);
  DirectionLine& line = line_of(entry, direction);
  const auto flags = static_cast<std::uint8_t>(line.tcp_flags_first);
  begin_tcp(tcp, is_syn_ack(flags) ? opposite(direction) : direction);
  if (entry.cold.tcp_begun == 0) return;
  const auto payload_bytes = static_cast<std::uint32_t>(line.payload_bytes);
  const TcpSegment segment{
      entry.cold.begin_ns, line.tcp.next - sequence_length(flags, payload_bytes),       line.tcp.acked,
      payload_bytes,       static_cast<std::uint16_t>(line.window_closed != 0 ? 0 : 1), flags};
  observe_tcp(tcp, {&entry.directions[0].tcp, &entry.directions[1].tcp}, direction, segment);
}

}  // namespace tapline::flowgen
