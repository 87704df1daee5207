#pragma once
// Bits of byte 13 of the TCP header (RFC 9293, section 3.1).

#include <cstdint>

namespace tapline {

enum TcpFlag : std::uint8_t {
  kTcpFin = 0x01,
  kTcpSyn = 0x02,
  kTcpRst = 0x04,
  kTcpPsh = 0x08,
  kTcpAck = 0x10,
  kTcpUrg = 0x20,
  kTcpEce = 0x40,  // RFC 3168
  kTcpCwr = 0x80,
};

/// SYN, and neither ACK nor RST. ECN's bits (RFC 3168, section 6.1.1) and others do not matter.
constexpr bool is_pure_syn(std::uint8_t tcp_flags) {
  return (tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) == kTcpSyn;
}
constexpr bool is_syn_ack(std::uint8_t tcp_flags) {
  return (tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) == (kTcpSyn | kTcpAck);
}

}  // namespace tapline
