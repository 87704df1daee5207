#pragma once
// FlowPhase: which timeout a flow is under, and for TCP, how far its conversation has come. Pure functions.

#include <array>
#include <cstdint>

#include "capture/packet/flow_key.hpp"
#include "capture/packet/tcp_flags.hpp"
#include "flowgen/flow_table.hpp"

namespace tapline::flowgen {

enum class FlowPhase : std::uint8_t {
  kTcpOpening,      // began with a SYN or SYN-ACK; no frame without SYN yet that both sides' frames preceded
  kTcpEstablished,  // also what is seen from the middle on
  kTcpLongLived,    // established, on a port whose sessions idle for long
  kTcpHalfClosed,   // FIN of one side
  kTcpClosed,       // FIN of both sides
  kTcpReset,        // RST
  kUdpOneWay,
  kUdpTwoWay,
  kDnsAnswered,
  kQuic,
  kIcmp,
  kOther,
  kFragments,
};
inline constexpr std::size_t kFlowPhaseCount = 13;

/// Timeout by FlowPhase.
using PhaseTimeouts = std::array<TimeNs, kFlowPhaseCount>;
PhaseTimeouts phase_timeouts(const Timeouts& timeouts);

constexpr bool is_tcp_over(FlowPhase phase) {
  return phase == FlowPhase::kTcpClosed || phase == FlowPhase::kTcpReset;
}
/// The first frame of a TCP session that does not say by itself who opens it.
inline bool is_midstream_tcp(const FlowKey& key, std::uint8_t tcp_flags) {
  return has_tcp_header(key) && !is_pure_syn(tcp_flags);
}

/// What a frame adds to what is known of the flow.
struct PhaseInput {
  std::uint8_t tcp_flags;
  bool both_directions;   // seen, this frame included
  std::uint8_t fin_seen;  // bit per direction, this frame included
};

FlowPhase first_phase(const FlowKey& key, std::uint8_t tcp_flags);
FlowPhase next_phase(FlowPhase phase, const FlowKey& key, const PhaseInput& input);

}  // namespace tapline::flowgen
