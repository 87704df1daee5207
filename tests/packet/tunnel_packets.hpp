#pragma once
// Packets in tunnels, for tests: a frame of each kind of tunnel around the same inner packet.

#include <string>
#include <vector>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

struct TunnelPacket {
  std::string name;    // unique
  std::string tunnel;  // format_tunnel_id() of the inner packet; empty: no packet is found
  PacketBytes bytes;   // Ethernet
};

/// The inner packet: UDP from 192.168.7.1:1111 to 192.168.7.2:2222 with 40 bytes of payload.
inline PacketBytes inner_ipv4() {
  return PacketBuilder().ipv4("192.168.7.1", "192.168.7.2", {.id = 7}).udp(1111, 2222).payload(40).bytes();
}
/// The same in an Ethernet frame; tagged where `vlan` is not 0.
inline PacketBytes inner_ethernet(std::uint16_t vlan = 0) {
  PacketBuilder frame;
  frame.eth();
  if (vlan != 0) frame.vlan(vlan);
  return frame.ipv4("192.168.7.1", "192.168.7.2", {.id = 7}).udp(1111, 2222).payload(40).bytes();
}
/// The same ports and payload between IPv6 addresses.
inline PacketBytes inner_ipv6() {
  return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").udp(1111, 2222).payload(40).bytes();
}

inline PacketBytes joined(PacketBytes head, const PacketBytes& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

/// Between the ends of a tunnel, 10.0.0.1 and 10.0.0.2.
inline PacketBytes in_ip(std::uint8_t ip_proto, const PacketBytes& content) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").ip_proto(ip_proto).payload(content).bytes();
}
inline PacketBytes in_udp(std::uint16_t dst_port, const PacketBytes& content,
                          std::uint16_t src_port = 50'000) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(src_port, dst_port).payload(content).bytes();
}

/// One of each tunnel, of what looks like one and is not, and of what carries no packet.
std::vector<TunnelPacket> tunnel_packets();

}  // namespace tapline::test
