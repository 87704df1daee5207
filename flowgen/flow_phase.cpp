#include "flowgen/flow_phase.hpp"

#include <algorithm>

#include "capture/packet/protocol_numbers.hpp"

namespace tapline::flowgen {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kQuicPort = 443;

bool is_long_lived_port(std::uint16_t port) {
  constexpr std::array<std::uint16_t, 8> kPorts = {22, 23, 1433, 1521, 3306, 3389, 5432, 6379};
  return std::find(kPorts.begin(), kPorts.end(), port) != kPorts.end() || (port >= 5900 && port <= 5909) ||
         port == 27017;
}

bool on_port(const FlowKey& key, std::uint16_t port) {
  return key.port_a == port || key.port_b == port;
}

FlowPhase established(const FlowKey& key) {
  return is_long_lived_port(key.port_a) || is_long_lived_port(key.port_b) ? FlowPhase::kTcpLongLived
                                                                          : FlowPhase::kTcpEstablished;
}

FlowPhase next_tcp_phase(FlowPhase phase, const FlowKey& key, const PhaseInput& input) {
  if (is_tcp_over(phase)) return phase;
  if ((input.tcp_flags & kTcpRst) != 0) return FlowPhase::kTcpReset;
  if (input.fin_seen == 3) return FlowPhase::kTcpClosed;
  if (input.fin_seen != 0) return FlowPhase::kTcpHalfClosed;
  // Whoever acknowledges has had an answer, on a link that shows one direction, too.
  const bool answered = input.both_directions || (input.tcp_flags & kTcpAck) != 0;
  if (phase == FlowPhase::kTcpOpening && answered && (input.tcp_flags & kTcpSyn) == 0)
    return established(key);
  return phase;
}

}  // namespace

PhaseTimeouts phase_timeouts(const Timeouts& t) {
  return {t.tcp_opening, t.tcp_established, t.tcp_long_lived, t.tcp_half_closed, t.tcp_closed,
          t.tcp_closed,  t.udp_one_way,     t.udp_two_way,    t.dns_answered,    t.quic,
          t.icmp,        t.other_ip,        t.fragments};
}

FlowPhase first_phase(const FlowKey& key, std::uint8_t tcp_flags) {
  if ((key.flags & kKeyFragment) != 0) return FlowPhase::kFragments;
  switch (key.ip_proto) {
    case kIpProtoTcp:
      if ((tcp_flags & kTcpRst) != 0) return FlowPhase::kTcpReset;
      if ((tcp_flags & kTcpFin) != 0) return FlowPhase::kTcpHalfClosed;
      return (tcp_flags & kTcpSyn) != 0 ? FlowPhase::kTcpOpening : established(key);
    case kIpProtoUdp:
      return FlowPhase::kUdpOneWay;
    case kIpProtoIcmp:
    case kIpProtoIcmpv6:
      return FlowPhase::kIcmp;
    default:
      return FlowPhase::kOther;
  }
}

FlowPhase next_phase(FlowPhase phase, const FlowKey& key, const PhaseInput& input) {
  if (has_tcp_header(key)) return next_tcp_phase(phase, key, input);
  if (phase != FlowPhase::kUdpOneWay || !input.both_directions) return phase;
  if (on_port(key, kDnsPort)) return FlowPhase::kDnsAnswered;
  return on_port(key, kQuicPort) ? FlowPhase::kQuic : FlowPhase::kUdpTwoWay;
}

}  // namespace tapline::flowgen
