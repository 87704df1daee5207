#include "tests/packet/golden_packets.hpp"

#include <iterator>

namespace tapline::test {
namespace {

constexpr const char* kA = "10.0.0.1";
constexpr const char* kB = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";
constexpr std::uint16_t kEth = kLinkEthernet;

const PacketBytes kControlWord(4, 0);

PacketBuilder eth() {
  return PacketBuilder().eth();
}
PacketBuilder v4(const Ipv4Fields& fields = {}) {
  return eth().ipv4(kA, kB, fields);
}
PacketBuilder v6() {
  return eth().ipv6(kA6, kB6);
}

// A Network Service Header of so many words before `next` (RFC 8300, 2.2).
PacketBuilder service_header(std::uint8_t next, std::uint8_t words) {
  PacketBytes header(words * 4u, 0);
  header[1] = static_cast<std::uint8_t>(0xc0 | words);
  header[2] = 2;
  header[3] = next;
  return eth().ethertype(kEtherTypeNsh).payload(header);
}

// With bytes overwritten, for what a builder should not be able to build.
PacketBytes spoiled(PacketBytes bytes, std::size_t at, const PacketBytes& with) {
  for (std::size_t i = 0; i < with.size(); ++i) bytes.at(at + i) = with[i];
  return bytes;
}
PacketBytes cut(PacketBytes bytes, std::size_t count) {
  bytes.resize(count);
  return bytes;
}

std::vector<GoldenPacket> transports() {
  const TcpFields tcp{100, 200, 300, 3};
  return {
      {"tcp_syn", kEth, v4().tcp(51000, 443, kTcpSyn).bytes(),
       "ip 0800 14/34/54 len=40/0 proto=6 ttl=64 id=1234 v4+l4+ports 51000>443 tcp=02:1000,0,8192"},
      {"tcp_options_payload", kEth, v4().tcp(80, 2000, kTcpAck | kTcpPsh, tcp).payload(7).bytes(),
       "ip 0800 14/34/66 len=59/7 proto=6 ttl=64 id=1234 v4+l4+ports 80>2000 tcp=18:100,200,300"},
      {"tcp_padded_ack", kEth, v4().tcp(1, 2).padding(6).bytes(),
       "ip 0800 14/34/54 len=40/0 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"tcp_data_offset_4", kEth, spoiled(v4().tcp(1, 2).payload(8).bytes(), 46, {0x40}),
       "ip 0800 14/34/54 len=48/0 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"tcp_data_offset_past_end", kEth, spoiled(v4().tcp(1, 2).payload(8).padding(30).bytes(), 46, {0xf0}),
       "ip 0800 14/34/62 len=48/0 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"tcp_in_padding", kEth, v4({.ip_proto = 6}).payload(12).padding(14).bytes(),
       "ip 0800 14/34/46 len=32/0 proto=6 ttl=64 id=1234 v4"},
      {"udp", kEth, v4().udp(53, 5353).payload(20).bytes(),
       "ip 0800 14/34/42 len=48/20 proto=17 ttl=64 id=1234 v4+l4+ports 53>5353"},
      {"udp_empty_padded", kEth, v4().udp(1, 2).padding(18).bytes(),
       "ip 0800 14/34/42 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"sctp", kEth, v4().sctp(7, 9).payload(16).bytes(),
       "ip 0800 14/34/46 len=48/16 proto=132 ttl=64 id=1234 v4+l4+ports 7>9"},
      {"icmp_echo", kEth, v4().icmp(8, 0).payload(56).bytes(),
       "ip 0800 14/34/42 len=84/56 proto=1 ttl=64 id=1234 v4+l4+ports 8>0 icmp=8/0"},
      {"icmp_echo_reply", kEth, v4().icmp(0, 0).payload(56).bytes(),
       "ip 0800 14/34/42 len=84/56 proto=1 ttl=64 id=1234 v4+l4+ports 0>8 icmp=0/0"},
      {"icmp_port_unreachable", kEth,
       v4().icmp(3, 3).payload(PacketBuilder().ipv4(kB, kA).udp(9, 9).bytes()).bytes(),
       "ip 0800 14/34/42 len=56/28 proto=1 ttl=64 id=1234 v4+l4+ports+oneway+quote 3>3 icmp=3/3"},
      {"icmp_quote_cut", kEth, v4().icmp(11, 0).payload(PacketBytes(19, 0x45)).bytes(),
       "ip 0800 14/34/42 len=47/19 proto=1 ttl=64 id=1234 v4+l4+ports+oneway 11>0 icmp=11/0"},
      {"icmp_quote_not_ip", kEth, v4().icmp(11, 1).payload(20).bytes(),
       "ip 0800 14/34/42 len=48/20 proto=1 ttl=64 id=1234 v4+l4+ports+oneway 11>1 icmp=11/1"},
      {"icmpv6_neighbour_solicitation", kEth, v6().icmpv6(135, 0).payload(16).bytes(),
       "ip 86dd 14/54/62 len=64/16 proto=58 ttl=64 v6+l4+ports 135>136 icmp=135/0"},
      {"icmpv6_too_big", kEth,
       v6().icmpv6(2, 0, 1280).payload(PacketBuilder().ipv6(kB6, kA6).udp(1, 2).bytes()).bytes(),
       "ip 86dd 14/54/62 len=96/48 proto=58 ttl=64 v6+l4+ports+oneway+quote 2>0 icmp=2/0"},
      {"icmpv6_listener_report_v2", kEth, v6().icmpv6(143, 0).payload(20).bytes(),
       "ip 86dd 14/54/62 len=68/20 proto=58 ttl=64 v6+l4+ports+oneway 143>0 icmp=143/0"},
      {"gre", kEth, v4().ip_proto(47).payload(30).bytes(),
       "ip 0800 14/34/34 len=50/30 proto=47 ttl=64 id=1234 v4"},
  };
}

std::vector<GoldenPacket> ipv4_headers() {
  const PacketBytes offload = spoiled(v4().tcp(1, 2).payload(100).bytes(), 16, {0, 0});
  return {
      {"ipv4_options", kEth, v4({.ttl = 3, .option_words = 10}).udp(1, 2).payload(1).bytes(),
       "ip 0800 14/74/82 len=69/1 proto=17 ttl=3 id=1234 v4+l4+ports 1>2"},
      {"ipv4_options_cut", kEth, cut(v4({.option_words = 10}).udp(1, 2).bytes(), 50),
       "ip 0800 14/50/50 len=68/0 proto=17 ttl=64 id=1234 v4+iptrunc"},
      {"ipv4_first_fragment", kEth, v4({.more_fragments = true}).udp(1, 2).payload(16).bytes(),
       "ip 0800 14/34/42 len=44/16 proto=17 ttl=64 id=1234 v4+l4+ports+frag 1>2"},
      {"ipv4_middle_fragment", kEth,
       v4({.fragment_offset = 1480, .more_fragments = true, .ip_proto = 17}).payload(24).bytes(),
       "ip 0800 14/34/34 len=44/24 proto=17 ttl=64 id=1234 frag@1480 v4+frag+laterfrag"},
      {"ipv4_last_fragment", kEth, v4({.fragment_offset = 65528, .ip_proto = 6}).payload(24).bytes(),
       "ip 0800 14/34/34 len=44/24 proto=6 ttl=64 id=1234 frag@65528 v4+frag+laterfrag"},
      {"ipv4_tiny_first_fragment", kEth, v4({.more_fragments = true, .ip_proto = 6}).payload(8).bytes(),
       "ip 0800 14/34/42 len=28/0 proto=6 ttl=64 id=1234 v4+frag"},
      {"ipv4_offload_length_0", kEth, offload,
       "ip 0800 14/34/54 len=140/100 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"ipv4_authentication_header", kEth, v4().extension(kIpProtoAh, 24).tcp(1, 2).payload(3).bytes(),
       "ip 0800 14/58/78 len=67/3 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"ipv4_cut_in_payload", kEth, cut(v4().tcp(1, 2).payload(100).bytes(), 68),
       "ip 0800 14/34/54 len=140/100 proto=6 ttl=64 id=1234 v4+l4+ports+iptrunc 1>2 tcp=10:1000,0,8192"},
      {"ipv4_cut_in_tcp", kEth, cut(v4().tcp(1, 2).payload(100).bytes(), 53),
       "ip 0800 14/34/53 len=140/100 proto=6 ttl=64 id=1234 v4+iptrunc"},
      {"ipv4_cut_after_header", kEth, cut(v4().udp(1, 2).payload(100).bytes(), 34),
       "ip 0800 14/34/34 len=128/100 proto=17 ttl=64 id=1234 v4+iptrunc"},
      {"ipv4_cut_in_header", kEth, cut(v4().udp(1, 2).bytes(), 33), "truncated_ip 0800 14/14/14"},
      {"ipv4_version_5", kEth, spoiled(v4().udp(1, 2).bytes(), 14, {0x55}), "bad_ip_header 0800 14/14/14"},
      {"ipv4_header_length_4", kEth, spoiled(v4().udp(1, 2).bytes(), 14, {0x44}),
       "bad_ip_header 0800 14/14/14"},
      {"ipv4_total_length_19", kEth, spoiled(v4().udp(1, 2).bytes(), 16, {0, 19}),
       "bad_ip_header 0800 14/14/14"},
      {"ipv4_total_length_20", kEth, spoiled(v4().udp(1, 2).bytes(), 16, {0, 20}),
       "ip 0800 14/34/34 len=20/0 proto=17 ttl=64 id=1234 v4"},
      {"ipv4_in_ipv4", kEth, v4().ipv4(kB, kA).udp(1, 2).bytes(),
       "ip 0800 14/34/34 len=48/28 proto=4 ttl=64 id=1234 v4"},
  };
}

std::vector<GoldenPacket> ipv6_headers() {
  const PacketBytes jumbo =  // RFC 2675: payload length 0, option c2 with the length
      spoiled(spoiled(v6().extension(kIpProtoHopByHop).udp(1, 2).payload(4).bytes(), 18, {0, 0}), 56,
              {0xc2, 4, 0, 1, 0, 4});
  return {
      {"ipv6_udp", kEth, v6().udp(546, 547).payload(5).bytes(),
       "ip 86dd 14/54/62 len=53/5 proto=17 ttl=64 v6+l4+ports 546>547"},
      {"ipv6_tcp_padded", kEth, v6().tcp(1, 2).padding(4).bytes(),
       "ip 86dd 14/54/74 len=60/0 proto=6 ttl=64 v6+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"ipv6_all_extensions", kEth,
       v6().extension(kIpProtoHopByHop)
           .extension(kIpProtoDestinationOptions, 16)
           .extension(kIpProtoRouting, 24)
           .extension(kIpProtoAh, 28)
           .extension(kIpProtoMobility)
           .extension(kIpProtoHip)
           .extension(kIpProtoShim6)
           .udp(1, 2)
           .payload(9)
           .bytes(),
       "ip 86dd 14/154/162 len=157/9 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"ipv6_first_fragment", kEth, v6().fragment(0, true, 0xabcdef01).udp(1, 2).payload(16).bytes(),
       "ip 86dd 14/62/70 len=72/16 proto=17 ttl=64 id=abcdef01 v6+l4+ports+frag 1>2"},
      {"ipv6_later_fragment", kEth, v6().fragment(1232, false, 7).ip_proto(17).payload(16).bytes(),
       "ip 86dd 14/62/62 len=64/16 proto=17 ttl=64 id=7 frag@1232 v6+frag+laterfrag"},
      {"ipv6_later_fragment_of_extension", kEth,
       v6().fragment(8, true, 7).ip_proto(kIpProtoDestinationOptions).payload(16).bytes(),
       "ip 86dd 14/62/62 len=64/16 proto=60 ttl=64 id=7 frag@8 v6+frag+laterfrag"},
      {"ipv6_atomic_fragment", kEth, v6().fragment(0, false, 7).udp(1, 2).bytes(),
       "ip 86dd 14/62/70 len=56/0 proto=17 ttl=64 id=7 v6+l4+ports 1>2"},
      {"ipv6_no_next_header", kEth, v6().payload(4).bytes(), "ip 86dd 14/54/54 len=44/4 proto=59 ttl=64 v6"},
      {"ipv6_esp", kEth, v6().extension(kIpProtoHopByHop).ip_proto(kIpProtoEsp).payload(32).bytes(),
       "ip 86dd 14/62/62 len=80/32 proto=50 ttl=64 v6"},
      {"ipv6_extension_cut", kEth, cut(v6().extension(kIpProtoHopByHop, 16).udp(1, 2).bytes(), 60),
       "ip 86dd 14/54/54 len=64/24 proto=0 ttl=64 v6+iptrunc"},
      {"ipv6_extension_body_cut", kEth, cut(v6().extension(kIpProtoHopByHop, 16).udp(1, 2).bytes(), 66),
       "ip 86dd 14/66/66 len=64/0 proto=17 ttl=64 v6+iptrunc"},
      {"ipv6_extension_past_end", kEth,
       spoiled(v6().extension(kIpProtoHopByHop).udp(1, 2).bytes(), 55, {0xff}),
       "ip 86dd 14/70/70 len=56/0 proto=17 ttl=64 v6"},
      {"ipv6_jumbo", kEth, jumbo, "ip 86dd 14/62/70 len=65580/65524 proto=17 ttl=64 v6+l4+ports+iptrunc 1>2"},
      {"ipv6_payload_length_0", kEth, spoiled(v6().udp(1, 2).bytes(), 18, {0, 0}),
       "ip 86dd 14/54/54 len=40/0 proto=17 ttl=64 v6"},
      {"ipv6_cut_in_header", kEth, cut(v6().udp(1, 2).bytes(), 53), "truncated_ip 86dd 14/14/14"},
      {"ipv6_version_4", kEth, spoiled(v6().udp(1, 2).bytes(), 14, {0x45}), "bad_ip_header 86dd 14/14/14"},
  };
}

std::vector<GoldenPacket> tags_and_labels() {
  PacketBuilder many = eth();
  for (int i = 0; i < 100; ++i) many.vlan(7);
  return {
      {"vlan", kEth, eth().vlan(5, kEtherTypeVlan, 7).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 vlans=1:5 18/38/46 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"vlan_priority_only", kEth, eth().vlan(0).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=1:0 18/58/66 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"vlan_stack_of_every_type", kEth,
       eth()
           .vlan(1, 0x88a8)
           .vlan(2, 0x9100)
           .vlan(3, 0x9200)
           .vlan(4, 0x9300)
           .vlan(4095)
           .ipv4(kA, kB)
           .udp(1, 2)
           .bytes(),
       "ip 0800 vlans=5:1,2 34/54/62 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"vlan_cut", kEth, cut(eth().vlan(1).vlan(2).bytes(), 21), "truncated_link 8100 vlans=1:1 18/18/18"},
      {"vlan_100_deep", kEth, many.ipv4(kA, kB).bytes(), "not_ip 8100 vlans=64:7,7 270/270/270"},
      {"vlan_then_llc", kEth,
       eth().vlan(9).ethertype(38).payload(PacketBytes{0x42, 0x42, 3}).payload(35).bytes(),
       "not_ip 0000 vlans=1:9 18/18/18"},
      {"mpls", kEth, eth().mpls(16).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 labels=1:16 18/38/46 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"mpls_stack_ipv6", kEth, eth().vlan(3).mpls(1048575).mpls(0).mpls(17).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=1:3 labels=3:1048575 30/70/78 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"mpls_unknown_wire", kEth, eth().mpls(16).payload(PacketBytes(4, 0)).payload(30).bytes(),
       "not_ip 8847 labels=1:16 18/18/18"},
      {"pseudo_wire", kEth, eth().mpls(16).payload(kControlWord).eth().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 labels=1:16 36/56/64 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"pseudo_wire_numbered", kEth,
       eth().mpls(16).payload(PacketBytes{0, 0, 0x12, 0x34}).eth().vlan(7).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=1:7 labels=1:16 40/80/88 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"pseudo_wire_without_control_word", kEth, eth().mpls(16).eth().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 labels=1:16 32/52/60 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"pseudo_wire_mac_of_zeros", kEth,
       spoiled(eth().mpls(16).eth().ipv4(kA, kB).udp(1, 2).bytes(), 18, {0, 0x1b, 0x21, 0, 0, 1}),
       "ip 0800 labels=1:16 32/52/60 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"pseudo_wire_arp", kEth, eth().mpls(16).payload(kControlWord).eth().arp(1, kA, kB).bytes(),
       "arp 0806 labels=1:16 36/36/36"},
      {"pseudo_wire_cut", kEth,
       cut(eth().mpls(16).payload(kControlWord).eth().ipv4(kA, kB).udp(1, 2).bytes(), 36),
       "truncated_link 8847 labels=1:16 18/18/18"},
      {"pseudo_wire_other_version", kEth,
       spoiled(eth().mpls(16).payload(kControlWord).eth().ipv4(kA, kB).udp(1, 2).bytes(), 36, {0x55}),
       "not_ip 8847 labels=1:16 18/18/18"},
      {"mpls_channel", kEth, eth().mpls(16).payload(PacketBytes{0x10, 0, 0, 7}).payload(30).bytes(),
       "not_ip 8847 labels=1:16 18/18/18"},
      {"mpls_without_bottom", kEth, cut(eth().mpls(16).mpls(17).bytes(), 18),
       "truncated_link 8847 labels=1:16 18/18/18"},
      {"mpls_nothing_behind", kEth, eth().mpls(16).bytes(), "truncated_link 8847 labels=1:16 18/18/18"},
      {"pppoe_ipv4", kEth, eth().pppoe(17).ipv4(kA, kB).tcp(1, 2).bytes(),
       "ip 0800 session=17 22/42/62 len=40/0 proto=6 ttl=64 id=1234 v4+l4+ports 1>2 tcp=10:1000,0,8192"},
      {"pppoe_ipv6_in_vlan", kEth, eth().vlan(8).pppoe(65535).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=1:8 session=65535 26/66/74 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"pppoe_lcp", kEth, spoiled(eth().pppoe(17).payload(8).bytes(), 20, {0xc0, 0x21}),
       "not_ip 8864 session=17 22/22/22"},
      {"pppoe_discovery", kEth, eth().ethertype(kEtherTypePppoeDiscovery).payload(6).bytes(),
       "not_ip 8863 14/14/14"},
      {"pppoe_cut", kEth, cut(eth().pppoe(17).bytes(), 21), "truncated_link 8864 session=17 20/20/20"},
  };
}

std::vector<GoldenPacket> frames_in_frames() {
  PacketBuilder nested = eth();
  for (int i = 0; i < 100; ++i) nested.fabric_path();
  return {
      {"fabric_path_ipv4", kEth, eth().fabric_path().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 30/50/58 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"fabric_path_ipv6", kEth, eth().fabric_path().ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd 30/70/78 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"fabric_path_tagged_both", kEth, eth().vlan(5).fabric_path().vlan(6).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 vlans=2:5,6 38/58/66 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"fabric_path_arp", kEth, eth().fabric_path().arp(1, kA, kB).bytes(), "arp 0806 30/30/30"},
      {"fabric_path_llc", kEth,
       eth().fabric_path().ethertype(38).payload(PacketBytes{0x42, 0x42, 3}).payload(35).bytes(),
       "not_ip 0000 30/30/30"},
      {"fabric_path_cut", kEth, cut(eth().fabric_path().bytes(), 29), "truncated_link 8903 14/14/14"},
      {"fabric_path_cut_in_tag", kEth, cut(eth().fabric_path().bytes(), 15), "truncated_link 8903 14/14/14"},
      {"backbone_ipv4", kEth, eth().vlan(5).backbone(7).vlan(6).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 vlans=2:5,6 40/60/68 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"backbone_cut", kEth, cut(eth().backbone(7).bytes(), 31), "truncated_link 88e7 14/14/14"},
      {"backbone_cut_in_service", kEth, cut(eth().backbone(7).bytes(), 17), "truncated_link 88e7 14/14/14"},
      {"vn_tag_ipv6", kEth, eth().vlan(5).vn_tag().vlan(5).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=2:5,5 28/68/76 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"e_tag_ipv4", kEth, eth().e_tag().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 22/42/50 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"e_tag_cut", kEth, cut(eth().e_tag().bytes(), 21), "truncated_link 893f 14/14/14"},
      {"vn_tag_cut", kEth, cut(eth().vn_tag().bytes(), 19), "truncated_link 8926 14/14/14"},
      {"meta_data_ipv4", kEth,
       eth()
           .vlan(5)
           .ethertype(kEtherTypeMetaData)
           .payload(PacketBytes{1, 1, 0, 1, 0, 7, 8, 0})
           .ipv4(kA, kB)
           .udp(1, 2)
           .bytes(),
       "ip 0800 vlans=1:5 26/46/54 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"meta_data_cut", kEth, eth().ethertype(kEtherTypeMetaData).payload(7).bytes(),
       "truncated_link 8909 14/14/14"},
      {"service_header_ipv4", kEth, service_header(1, 6).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 38/58/66 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"service_header_ipv6", kEth, service_header(2, 2).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd 22/62/70 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"service_header_ethernet", kEth, service_header(3, 2).eth().vlan(4).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 vlans=1:4 40/60/68 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"service_header_mpls", kEth, service_header(5, 2).payload(20).bytes(), "not_ip 894f 22/22/22"},
      {"service_header_length_1", kEth, service_header(1, 1).payload(30).bytes(), "not_ip 894f 14/14/14"},
      {"service_header_cut", kEth, cut(service_header(1, 6).bytes(), 37), "truncated_link 894f 14/14/14"},
      {"service_header_cut_early", kEth, cut(service_header(1, 6).bytes(), 17),
       "truncated_link 894f 14/14/14"},
      {"fabric_path_100_deep", kEth, nested.ipv4(kA, kB).bytes(), "not_ip 8903 1038/1038/1038"},
  };
}

std::vector<GoldenPacket> ethernet_others() {
  return {
      {"snap_ipv4", kEth, PacketBuilder().eth_snap().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 22/42/50 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"snap_arp", kEth, PacketBuilder().eth_snap().arp(1, kA, kB).bytes(), "arp 0806 22/22/22"},
      {"snap_cisco", kEth, PacketBuilder().eth_snap(0x00000c).ethertype(0x2000).payload(20).bytes(),
       "not_ip 0000 14/14/14"},
      {"snap_length_again", kEth, PacketBuilder().eth_snap().ethertype(100).payload(20).bytes(),
       "not_ip 0064 22/22/22"},
      {"snap_cut", kEth, cut(PacketBuilder().eth_snap().ipv4(kA, kB).bytes(), 21),
       "truncated_link 0000 14/14/14"},
      {"llc_spanning_tree", kEth, PacketBuilder().eth_llc(0x42, 0x42).payload(35).bytes(),
       "not_ip 0000 14/14/14"},
      {"llc_cut", kEth, cut(PacketBuilder().eth_llc(0x42, 0x42).bytes(), 16), "truncated_link 0000 14/14/14"},
      {"arp_request", kEth, eth().arp(1, kA, kB).padding(18).bytes(), "arp 0806 14/14/14"},
      {"arp_in_vlan", kEth, eth().vlan(6).arp(2, kA, kB).bytes(), "arp 0806 vlans=1:6 18/18/18"},
      {"rarp", kEth, eth().arp(3, kA, kB, kEtherTypeRarp).bytes(), "arp 8035 14/14/14"},
      {"arp_other_addresses", kEth, spoiled(eth().arp(1, kA, kB).bytes(), 18, {20, 4}),
       "not_ip 0806 14/14/14"},
      {"arp_cut", kEth, cut(eth().arp(1, kA, kB).bytes(), 41), "truncated_link 0806 14/14/14"},
      {"arp_cut_early", kEth, cut(eth().arp(1, kA, kB).bytes(), 21), "truncated_link 0806 14/14/14"},
      {"lldp", kEth, eth().ethertype(0x88cc).payload(40).bytes(), "not_ip 88cc 14/14/14"},
      {"ethernet_cut", kEth, cut(eth().bytes(), 13), "truncated_link 0000 0/0/0"},
      {"empty", kEth, {}, "truncated_link 0000 0/0/0"},
  };
}

std::vector<GoldenPacket> other_link_types() {
  const PacketBytes ip4 = PacketBuilder().ipv4(kA, kB).udp(1, 2).bytes();
  const PacketBytes ip6 = PacketBuilder().ipv6(kA6, kB6).udp(1, 2).bytes();
  const std::string v4_at_0 = "ip 0800 0/20/28 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2";
  const std::string v6_at_0 = "ip 86dd 0/40/48 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2";
  const std::string v4_at_4 = "ip 0800 4/24/32 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2";
  const std::string v6_at_4 = "ip 86dd 4/44/52 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2";
  return {
      {"raw_ipv4", kLinkRaw, ip4, v4_at_0},
      {"raw_ipv6", kLinkRaw, ip6, v6_at_0},
      {"raw_neither", kLinkRaw, PacketBytes(40, 0x50), "bad_ip_header 0000 0/0/0"},
      {"raw_empty", kLinkRaw, {}, "truncated_ip 0000 0/0/0"},
      {"link_ipv4", kLinkIpv4, ip4, v4_at_0},
      {"link_ipv4_with_ipv6", kLinkIpv4, ip6, "bad_ip_header 0800 0/0/0"},
      {"link_ipv6", kLinkIpv6, ip6, v6_at_0},
      {"null_little_endian", kLinkNull, PacketBuilder().loopback_little_endian(2).payload(ip4).bytes(),
       v4_at_4},
      {"null_big_endian", kLinkNull, PacketBuilder().loopback_big_endian(2).payload(ip4).bytes(), v4_at_4},
      {"null_netbsd", kLinkNull, PacketBuilder().loopback_little_endian(24).payload(ip6).bytes(), v6_at_4},
      {"null_freebsd", kLinkNull, PacketBuilder().loopback_big_endian(28).payload(ip6).bytes(), v6_at_4},
      {"null_macos", kLinkNull, PacketBuilder().loopback_little_endian(30).payload(ip6).bytes(), v6_at_4},
      {"loop_ipv6", kLinkLoop, PacketBuilder().loopback_big_endian(24).payload(ip6).bytes(), v6_at_4},
      {"loop_other", kLinkLoop, PacketBuilder().loopback_big_endian(16).payload(ip6).bytes(),
       "not_ip 0000 4/4/4"},
      {"loop_cut", kLinkLoop, PacketBytes(3, 0), "truncated_link 0000 0/0/0"},
      {"sll_ipv4", kLinkLinuxSll, PacketBuilder().linux_sll().ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 16/36/44 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"sll_vlan_mpls_ipv6", kLinkLinuxSll,
       PacketBuilder().linux_sll().vlan(3).mpls(18).ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd vlans=1:3 labels=1:18 24/64/72 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"sll_arp", kLinkLinuxSll, PacketBuilder().linux_sll().arp(1, kA, kB).bytes(), "arp 0806 16/16/16"},
      {"sll_llc", kLinkLinuxSll, PacketBuilder().linux_sll().ethertype(4).payload(20).bytes(),
       "not_ip 0000 16/16/16"},
      {"sll_netlink", kLinkLinuxSll, PacketBuilder().linux_sll(824).ethertype(0x0800).payload(ip4).bytes(),
       "not_ip 0000 16/16/16"},
      {"sll_cut", kLinkLinuxSll, PacketBytes(15, 0), "truncated_link 0000 0/0/0"},
      {"sll2_ipv6", kLinkLinuxSll2, PacketBuilder().linux_sll2().ipv6(kA6, kB6).udp(1, 2).bytes(),
       "ip 86dd 20/60/68 len=48/0 proto=17 ttl=64 v6+l4+ports 1>2"},
      {"sll2_pppoe", kLinkLinuxSll2, PacketBuilder().linux_sll2().pppoe(4).ipv4(kA, kB).udp(1, 2).bytes(),
       "ip 0800 session=4 28/48/56 len=28/0 proto=17 ttl=64 id=1234 v4+l4+ports 1>2"},
      {"sll2_cut", kLinkLinuxSll2, PacketBytes(19, 0), "truncated_link 0000 0/0/0"},
  };
}

}  // namespace

std::vector<GoldenPacket> golden_packets() {
  std::vector<GoldenPacket> all;
  for (auto part : {transports, ipv4_headers, ipv6_headers, tags_and_labels, frames_in_frames,
                    ethernet_others, other_link_types, golden_link_types}) {
    std::vector<GoldenPacket> packets = part();
    all.insert(all.end(), std::make_move_iterator(packets.begin()), std::make_move_iterator(packets.end()));
  }
  return all;
}

}  // namespace tapline::test
