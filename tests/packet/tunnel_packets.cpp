#include "tests/packet/tunnel_packets.hpp"

namespace tapline::test {
namespace {

PacketBytes ppp(const PacketBytes& packet, bool framed) {
  return joined(framed ? PacketBytes{0xff, 0x03, 0x00, 0x21} : PacketBytes{0x21}, packet);
}

void add_ip(std::vector<TunnelPacket>& all) {
  const PacketBytes ipv4 = inner_ipv4();
  all.push_back({"IPv4 in IPv4", "ip", in_ip(4, ipv4)});
  all.push_back({"IPv6 in IPv4", "ip", in_ip(41, inner_ipv6())});
  all.push_back({"IPv4 in IPv6", "ip",
                 PacketBuilder().eth().ipv6("2001:db8::a", "2001:db8::b").ip_proto(4).payload(ipv4).bytes()});
  all.push_back({"IPv4 in IPv6 behind an option", "ip",
                 PacketBuilder()
                     .eth()
                     .ipv6("2001:db8::a", "2001:db8::b")
                     .extension(kIpProtoDestinationOptions)
                     .ip_proto(4)
                     .payload(ipv4)
                     .bytes()});
  all.push_back({"IPv4 that is IPv6", "", in_ip(4, inner_ipv6())});
  all.push_back({"EtherIP", "etherip", in_ip(97, joined({0x30, 0}, inner_ethernet()))});
  all.push_back({"EtherIP of another version", "", in_ip(97, joined({0x40, 0}, inner_ethernet()))});
  all.push_back({"MPLS in IP", "mpls", in_ip(137, joined({0, 0, 0x11, 64}, ipv4))});
}

void add_gre(std::vector<TunnelPacket>& all) {
  const PacketBytes ipv4 = inner_ipv4();
  const PacketBytes ethernet = inner_ethernet(9);
  all.push_back({"GRE", "gre", in_ip(47, joined({0, 0, 0x08, 0}, ipv4))});
  all.push_back({"GRE with IPv6", "gre", in_ip(47, joined({0, 0, 0x86, 0xdd}, inner_ipv6()))});
  all.push_back({"GRE with Ethernet", "gre", in_ip(47, joined({0, 0, 0x65, 0x58}, ethernet))});
  all.push_back({"GRE with MPLS", "gre", in_ip(47, joined({0, 0, 0x88, 0x47, 0, 0, 0x11, 64}, ipv4))});
  all.push_back({"GRE with checksum, key and sequence number", "gre:258",
                 in_ip(47, joined({0xb0, 0, 0x08, 0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 9}, ipv4))});
  all.push_back({"GRE with key 0", "gre:0", in_ip(47, joined({0x20, 0, 0x08, 0, 0, 0, 0, 0}, ipv4))});
  all.push_back({"GRE with the greatest key", "gre:268435454",
                 in_ip(47, joined({0x20, 0, 0x08, 0, 0x0f, 0xff, 0xff, 0xfe}, ipv4))});
  all.push_back({"GRE with a key past that", "gre:#7f36200",
                 in_ip(47, joined({0x20, 0, 0x08, 0, 0x20, 0, 0, 0}, ipv4))});
  all.push_back({"GRE with a source route", "", in_ip(47, joined({0x40, 0, 0x08, 0, 0, 0, 0, 0}, ipv4))});
  all.push_back({"GRE of version 2", "", in_ip(47, joined({0, 2, 0x08, 0}, ipv4))});
  all.push_back({"GRE with nothing", "", in_ip(47, {0, 0, 0, 0})});
  all.push_back(
      {"NVGRE", "nvgre:5000", in_ip(47, joined({0x20, 0, 0x65, 0x58, 0, 0x13, 0x88, 7}, ethernet))});
  all.push_back(
      {"a bridge's key", "gre:5000", in_ip(47, joined({0x20, 0, 0x65, 0x58, 0, 0, 0x13, 0x88}, ethernet))});
  all.push_back({"WCCP 1", "gre", in_ip(47, joined({0, 0, 0x88, 0x3e}, ipv4))});
  all.push_back({"WCCP 2", "gre", in_ip(47, joined({0, 0, 0x88, 0x3e, 1, 2, 3, 4}, ipv4))});
  all.push_back({"GRE with Cisco MetaData", "gre",
                 in_ip(47, joined({0, 0, 0x89, 0x09, 0x08, 0, 1, 1, 0, 1, 0, 0}, ipv4))});
  all.push_back(
      {"PPTP", "pptp", in_ip(47, joined({0x30, 1, 0x88, 0x0b, 0, 70, 0, 1, 0, 0, 0, 5}, ppp(ipv4, true)))});
  all.push_back(
      {"PPTP with acknowledgment", "pptp",
       in_ip(47, joined({0x30, 0x81, 0x88, 0x0b, 0, 70, 0, 1, 0, 0, 0, 5, 0, 0, 0, 4}, ppp(ipv4, false)))});
  all.push_back(
      {"PPTP that only acknowledges", "", in_ip(47, {0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 4})});
}

void add_erspan(std::vector<TunnelPacket>& all) {
  const PacketBytes ethernet = inner_ethernet();
  all.push_back({"ERSPAN I", "erspan", in_ip(47, joined({0, 0, 0x88, 0xbe}, ethernet))});
  all.push_back(
      {"ERSPAN II", "erspan:291",
       in_ip(47, joined({0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0x19, 0x23, 0, 0, 0, 0}, ethernet))});
  all.push_back({"ERSPAN III", "erspan:7",
                 in_ip(47, joined({0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 7, 1, 2, 3, 4, 0, 0, 0, 6},
                                  ethernet))});
  all.push_back(
      {"ERSPAN III with a subheader", "erspan:7",
       in_ip(47, joined({0, 0, 0x22, 0xeb, 0x20, 5, 0, 7, 1, 2, 3, 4, 0, 0, 0, 7, 9, 9, 9, 9, 9, 9, 9, 9},
                        ethernet))});
  all.push_back({"ERSPAN III with IP", "erspan:7",
                 in_ip(47, joined({0, 0, 0x22, 0xeb, 0x20, 5, 0, 7, 1, 2, 3, 4, 0, 0, 8, 6}, inner_ipv4()))});
}

void add_overlays(std::vector<TunnelPacket>& all) {
  const PacketBytes ethernet = inner_ethernet();
  const PacketBytes vxlan{8, 0, 0, 0, 0, 0, 42, 0};
  all.push_back({"VXLAN", "vxlan:42", in_udp(4789, joined(vxlan, ethernet))});
  all.push_back({"VXLAN on Linux's old port", "vxlan:42", in_udp(8472, joined(vxlan, ethernet))});
  all.push_back({"VXLAN from its port", "vxlan:42", in_udp(50'000, joined(vxlan, ethernet), 4789)});
  all.push_back({"VXLAN with a tag within", "vxlan:16777215",
                 in_udp(4789, joined({8, 0, 0, 0, 0xff, 0xff, 0xff, 0}, inner_ethernet(3)))});
  all.push_back({"VXLAN without a network", "", in_udp(4789, joined({0, 0, 0, 0, 0, 0, 42, 0}, ethernet))});
  all.push_back(
      {"VXLAN GPE with IP", "vxlan:42", in_udp(4790, joined({0x0c, 0, 0, 1, 0, 0, 42, 0}, inner_ipv4()))});
  all.push_back(
      {"VXLAN GPE with Ethernet", "vxlan:42", in_udp(4790, joined({0x0c, 0, 0, 3, 0, 0, 42, 0}, ethernet))});
  all.push_back(
      {"VXLAN GPE with what nobody knows", "", in_udp(4790, joined({0x0c, 0, 0, 9, 0, 0, 42, 0}, ethernet))});
  all.push_back({"GENEVE", "geneve:7", in_udp(6081, joined({0, 0, 0x65, 0x58, 0, 0, 7, 0}, ethernet))});
  all.push_back({"GENEVE with options and IP", "geneve:7",
                 in_udp(6081, joined({2, 0, 0x08, 0, 0, 0, 7, 0, 1, 2, 3, 1, 9, 9, 9, 9}, inner_ipv4()))});
  all.push_back(
      {"GENEVE of version 1", "", in_udp(6081, joined({0x40, 0, 0x65, 0x58, 0, 0, 7, 0}, ethernet))});
  all.push_back(
      {"GENEVE whose options pass the end", "", in_udp(6081, {0x3f, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4})});
  all.push_back(
      {"ARP in VXLAN", "vxlan:42",
       in_udp(4789, joined(vxlan, PacketBuilder().eth().arp(1, "192.168.7.1", "192.168.7.2").bytes()))});
  all.push_back({"what is not IP in VXLAN", "",
                 in_udp(4789, joined(vxlan, PacketBuilder().eth().ethertype(0x88cc).payload(60).bytes()))});
  all.push_back({"MPLS in UDP", "mpls", in_udp(6635, joined({0, 0, 0x11, 64}, inner_ipv4()))});
  all.push_back({"text on the port of MPLS in UDP", "", in_udp(6635, PacketBuilder().payload(400).bytes())});
}

void add_access(std::vector<TunnelPacket>& all) {
  const PacketBytes ipv4 = inner_ipv4();
  const PacketBytes ipv6 = inner_ipv6();
  all.push_back({"GTP-U", "gtpu", in_udp(2152, joined({0x30, 0xff, 0, 68, 0, 0, 0, 5}, ipv4))});
  all.push_back({"GTP-U with a sequence number", "gtpu",
                 in_udp(2152, joined({0x32, 0xff, 0, 72, 0, 0, 0, 5, 0, 1, 0, 0}, ipv6))});
  all.push_back(
      {"GTP-U with extension headers", "gtpu",
       in_udp(2152,
              joined({0x34, 0xff, 0, 80, 0, 0, 0, 5, 0, 0, 0, 0x85, 1, 0x10, 9, 0xc0, 1, 1, 1, 0}, ipv4))});
  all.push_back({"GTP-U with an extension header without length", "",
                 in_udp(2152, joined({0x34, 0xff, 0, 80, 0, 0, 0, 5, 0, 0, 0, 0x85, 0, 0, 0, 0x85}, ipv4))});
  all.push_back({"an echo of GTP-U", "", in_udp(2152, {0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0})});
  all.push_back({"Teredo", "teredo", in_udp(3544, ipv6)});
  all.push_back({"Teredo's answer", "teredo", in_udp(50'000, ipv6, 3544)});
  all.push_back(
      {"Teredo with authentication and origin", "teredo",
       in_udp(3544, joined({0, 1, 0, 2, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6}, ipv6))});
  PacketBytes longer = ipv6;
  longer[5] = static_cast<std::uint8_t>(longer[5] + 1);
  all.push_back({"Teredo with a wrong length", "", in_udp(3544, longer)});
  all.push_back({"L2TP", "l2tp", in_udp(1701, joined({0, 2, 0, 1, 0, 2}, ppp(ipv4, true)))});
  all.push_back(
      {"L2TP with length, numbers and offset", "l2tp",
       in_udp(50'000, joined({0x4a, 2, 0, 90, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 0xee, 0xee}, ppp(ipv4, false)),
              1701)});
  all.push_back({"L2TP's control", "", in_udp(1701, joined({0xc8, 2, 0, 90, 0, 1, 0, 2}, ppp(ipv4, true)))});
  all.push_back({"AYIYA", "ayiya",
                 in_udp(5072, joined({0x41, 0x52, 0x11, 41}, joined(PacketBytes(4 + 16 + 20), ipv6)))});
}

}  // namespace

std::vector<TunnelPacket> tunnel_packets() {
  std::vector<TunnelPacket> all;
  add_ip(all);
  add_gre(all);
  add_erspan(all);
  add_overlays(all);
  add_access(all);
  return all;
}

}  // namespace tapline::test
