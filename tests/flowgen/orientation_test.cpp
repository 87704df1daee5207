// Who opened the session: one row per rule, through the whole table.

#include <catch2/catch.hpp>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

// In every row the originator is 10.0.0.<source of `client`>.
struct Row {
  const char* name;
  std::vector<Packet> packets;
  OrientRule rule;
  int confidence;
  std::uint32_t originator = 0x0a000001;
};

Packet client(std::uint8_t ip_proto, std::uint16_t port, std::uint16_t server_port, int flags = 0) {
  Packet packet;
  packet.time_ns = kStart;
  packet.ip_proto = ip_proto;
  packet.source_port = port;
  packet.destination_port = server_port;
  packet.tcp_flags = static_cast<std::uint8_t>(flags);
  return packet;
}

Packet icmp(std::uint8_t ip_proto, std::uint16_t type, std::uint16_t counterpart) {
  Packet packet = client(ip_proto, type, counterpart);
  packet.ipv6 = ip_proto == kIpProtoIcmpv6;
  return packet;
}

Packet to(Packet packet, std::uint32_t destination) {
  packet.destination = destination;
  return packet;
}

std::vector<Row> rows() {
  const Packet high = client(6, 40'000, 50'000);
  Packet mdns6 = client(17, 5353, 5353);
  mdns6.ipv6 = mdns6.ipv6_multicast = true;
  Packet listener_report = icmp(58, 131, 130);
  listener_report.ipv6_multicast = true;
  Packet solicitation = icmp(58, 135, 136);
  solicitation.ipv6_multicast = true;
  Packet fragment = client(17, 0, 0);
  fragment.later_fragment = true;
  return {
      {"SYN", {high.with_flags(kSyn)}, OrientRule::kSyn, 100},
      {"SYN with ECN set-up", {high.with_flags(kSyn | kEce | kCwr)}, OrientRule::kSyn, 100},
      {"SYN after the SYN-ACK",
       {high.with_flags(kSyn | kAck).reply(), high.with_flags(kSyn)},
       OrientRule::kSyn,
       100},
      {"SYN to a high port from a low one", {client(6, 80, 50'000, kSyn)}, OrientRule::kSyn, 100},
      {"both SYN", {high.with_flags(kSyn), high.with_flags(kSyn).reply()}, OrientRule::kSyn, 90},
      {"SYN-ACK", {high.with_flags(kSyn | kAck).reply()}, OrientRule::kSynAck, 98},
      {"SYN-ACK behind data",
       {high.with_flags(kAck).reply(), high.with_flags(kSyn | kAck).reply()},
       OrientRule::kSynAck,
       98},
      {"echo", {icmp(1, 8, 0), icmp(1, 8, 0).reply()}, OrientRule::kIcmpType, 100},
      {"echo, reply first", {icmp(1, 8, 0).reply(), icmp(1, 8, 0)}, OrientRule::kIcmpType, 100},
      {"echo reply only", {icmp(1, 8, 0).reply()}, OrientRule::kIcmpType, 95},
      {"timestamp reply only", {icmp(1, 13, 14).reply()}, OrientRule::kIcmpType, 95},
      {"unreachable", {icmp(1, 3, 1)}, OrientRule::kIcmpType, 100},
      {"unreachable, code 8", {icmp(1, 3, 8)}, OrientRule::kIcmpType, 100},
      {"ICMPv6 echo reply only", {icmp(58, 128, 129).reply()}, OrientRule::kIcmpType, 95},
      {"neighbour solicitation", {solicitation}, OrientRule::kIcmpType, 100},
      {"listener report to a group", {listener_report}, OrientRule::kMulticast, 95},
      {"multicast, service port at the sender",
       {to(client(17, 53, 40'000), 0xe00000fb)},
       OrientRule::kMulticast,
       95},
      {"multicast 239/8", {to(client(17, 40'000, 1900), 0xeffffffa)}, OrientRule::kMulticast, 95},
      {"IPv6 multicast", {mdns6}, OrientRule::kMulticast, 95},
      {"broadcast", {to(client(17, 68, 67), 0xffffffff)}, OrientRule::kMulticast, 95},
      {"not multicast", {to(client(17, 40'000, 40'001), 0xf0000001)}, OrientRule::kFirstPacket, 70},
      {"port, answer first", {client(6, 40'000, 443, kAck).reply()}, OrientRule::kPort, 75},
      {"port of the table", {client(17, 40'000, 3478).reply()}, OrientRule::kPort, 75},
      {"port of SCTP", {client(132, 40'000, 1023).reply()}, OrientRule::kPort, 75},
      {"port 0 is none", {client(17, 0, 40'000)}, OrientRule::kFirstPacket, 70},
      {"two service ports", {client(17, 53, 123)}, OrientRule::kFirstPacket, 70},
      {"UDP, high ports", {client(17, 50'000, 40'000)}, OrientRule::kFirstPacket, 70},
      {"TCP from the middle, high ports", {client(6, 50'000, 40'000, kAck)}, OrientRule::kFirstPacket, 40},
      {"fragments", {fragment}, OrientRule::kFirstPacket, 40},
      {"ESP", {client(50, 0, 0)}, OrientRule::kFirstPacket, 40},
      {"SYN with RST is none", {client(6, 40'000, 443, kSyn | kRst)}, OrientRule::kPort, 75},
  };
}

std::uint32_t last_bytes(const IpAddress& address) {
  return load_be32(address.bytes.data() + 12);
}

}  // namespace

TEST_CASE("the originator, its rule and confidence") {
  for (const bool mirrored : {false, true}) {
    for (const Row& row : rows()) {
      INFO(row.name << (mirrored ? ", addresses in the other order" : ""));
      Driver driver;
      for (Packet packet : row.packets) {
        // 10.0.0.1 sorts before its peer; its double 250.0.0.1 behind all of them but groups and broadcast.
        if (mirrored && packet.source == row.originator) packet.source = 0xdf000001;
        if (mirrored && packet.destination == row.originator) packet.destination = 0xdf000001;
        driver.add(packet);
      }
      const auto& records = driver.finish();
      REQUIRE(records.size() == 1);
      const SessionRecord& record = records[0];
      const IpAddress& address =
          record.originator == Direction::kAToB ? record.key.address_a : record.key.address_b;
      CHECK(last_bytes(address) == (mirrored ? 0xdf000001 : row.originator));
      CHECK(orient_rule_name(record.orient_rule) == std::string(orient_rule_name(row.rule)));
      CHECK(int{record.orient_confidence} == row.confidence);
    }
  }
}

}  // namespace tapline::flowgen
