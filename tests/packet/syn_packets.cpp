#include "tests/packet/syn_packets.hpp"

namespace tapline::test {
namespace {

constexpr std::size_t kIpv4Bytes = 20;

// Options of well known systems; MSS 1460, timestamp 1.
const PacketBytes kLinuxOptions = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
const PacketBytes kWindowsOptions = {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
const PacketBytes kMacOptions = {2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 4, 2, 0, 0};

struct Edit {
  std::size_t at;
  std::uint8_t value;
};

PacketBytes edited(PacketBytes bytes, std::initializer_list<Edit> edits) {
  for (const Edit& edit : edits) bytes[edit.at] = edit.value;
  return bytes;
}

// DF and an identification, as most systems have it, then the edits.
PacketBytes v4(const TcpFields& tcp, std::initializer_list<Edit> edits = {}, std::uint8_t flags = kTcpSyn,
               const Ipv4Fields& ip = {}) {
  const PacketBytes bytes =
      PacketBuilder().ipv4("10.0.0.1", "10.0.0.2", ip).tcp(51000, 443, flags, tcp).bytes();
  return edited(edited(bytes, {{6, 0x40}}), edits);
}
PacketBytes v6(const TcpFields& tcp, std::initializer_list<Edit> edits = {}) {
  return edited(PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").tcp(51000, 443, kTcpSyn, tcp).bytes(),
                edits);
}
TcpFields tcp(std::uint16_t window, const PacketBytes& options = {}) {
  TcpFields fields;
  fields.window = window;
  fields.options = options;
  return fields;
}

void add_systems(std::vector<SynPacket>& packets) {
  packets.push_back(
      {"linux", v4(tcp(29200, kLinuxOptions)), "4:64+0:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0"});
  packets.push_back({"windows", v4(tcp(8192, kWindowsOptions), {{8, 117}}),
                     "4:117+11:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0"});
  packets.push_back(
      {"mac", v4(tcp(65535, kMacOptions)), "4:64+0:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,id+:0"});
  packets.push_back(
      {"linux_ipv6", v6(tcp(28800, kLinuxOptions)), "6:64+0:0:1460:mss*20,7:mss,sok,ts,nop,ws::0"});
}

void add_windows(std::vector<SynPacket>& packets) {
  const PacketBytes small = {2, 4, 0x01, 0xf4};  // MSS 500
  const PacketBytes small_with_time = {2, 4, 0x01, 0xf4, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1};
  packets.push_back({"mss", v4(tcp(1500, small)), "4:64+0:0:500:mss*3,0:mss:df,id+:0"});
  packets.push_back(
      {"mss_less_timestamps", v4(tcp(976, small_with_time)), "4:64+0:0:500:mss*2,0:mss,ts,nop,nop:df,id+:0"});
  packets.push_back({"ethernet_mss", v4(tcp(1448, small)), "4:64+0:0:500:mss*1,0:mss:df,id+:0"});
  packets.push_back({"ethernet_mss_ipv6", v6(tcp(1428, small)), "6:64+0:0:500:mss*1,0:mss::0"});
  packets.push_back({"mtu", v4(tcp(1080, small)), "4:64+0:0:500:mtu*2,0:mss:df,id+:0"});
  packets.push_back({"mtu_with_headers", v4(tcp(1088, small)), "4:64+0:0:500:mtu*2,0:mss:df,id+:0"});
  packets.push_back({"mtu_ipv6", v6(tcp(1120, small)), "6:64+0:0:500:mtu*2,0:mss::0"});
  packets.push_back({"ethernet_mtu", v4(tcp(4500, {2, 4, 1, 0xf5})), "4:64+0:0:501:mtu*3,0:mss:df,id+:0"});
  packets.push_back({"mss_too_small", v4(tcp(990, {2, 4, 0, 99})), "4:64+0:0:99:990,0:mss:df,id+:0"});
  packets.push_back({"no_mss", v4(tcp(1460)), "4:64+0:0:0:1460,0::df,id+:0"});
}

void add_ip(std::vector<SynPacket>& packets) {
  Ipv4Fields options;
  options.option_words = 2;
  packets.push_back({"ip_options", v4(tcp(1024), {}, kTcpSyn, options), "4:64+0:8:0:1024,0::df,id+:0"});
  packets.push_back({"id_missing", v4(tcp(1024), {{4, 0}, {5, 0}, {6, 0}}), "4:64+0:0:0:1024,0::id-:0"});
  packets.push_back({"no_id_needed", v4(tcp(1024), {{4, 0}, {5, 0}}), "4:64+0:0:0:1024,0::df:0"});
  packets.push_back(
      {"ip_ecn_and_reserved", v4(tcp(1024), {{1, 2}, {6, 0x80}}), "4:64+0:0:0:1024,0::ecn,0+:0"});
  packets.push_back({"ttl_far", v4(tcp(1024), {{8, 84}}), "4:84+?:0:0:1024,0::df,id+:0"});
  packets.push_back({"ttl_35_hops", v4(tcp(1024), {{8, 220}}), "4:220+35:0:0:1024,0::df,id+:0"});
  packets.push_back({"ttl_near_32", v4(tcp(1024), {{8, 30}}), "4:30+2:0:0:1024,0::df,id+:0"});
  packets.push_back(
      {"flow_label_and_ecn", v6(tcp(1024), {{1, 0x10}, {3, 9}}), "6:64+0:0:0:1024,0::ecn,flow:0"});
}

void add_tcp(std::vector<SynPacket>& packets) {
  constexpr std::size_t kTcp = kIpv4Bytes;
  packets.push_back(
      {"seq_zero", v4(tcp(1024), {{kTcp + 6, 0}, {kTcp + 7, 0}}), "4:64+0:0:0:1024,0::df,id+,seq-:0"});
  packets.push_back({"ack_bit_24", v4(tcp(1024), {{kTcp + 8, 1}}), "4:64+0:0:0:1024,0::df,id+,ack+:0"});
  packets.push_back({"ack_other_bit", v4(tcp(1024), {{kTcp + 11, 1}}), "4:64+0:0:0:1024,0::df,id+:0"});
  packets.push_back({"urgent_and_push",
                     v4(tcp(1024), {{kTcp + 13, kTcpSyn | kTcpUrg | kTcpPsh}, {kTcp + 19, 1}}),
                     "4:64+0:0:0:1024,0::df,id+,urgf+,pushf+:0"});
  packets.push_back({"urgent_pointer", v4(tcp(1024), {{kTcp + 19, 1}}), "4:64+0:0:0:1024,0::df,id+,uptr+:0"});
  packets.push_back({"ecn_setup", v4(tcp(1024), {{kTcp + 13, kTcpSyn | kTcpEce | kTcpCwr}}),
                     "4:64+0:0:0:1024,0::df,id+,ecn:0"});
  packets.push_back({"ecn_nonce", v4(tcp(1024), {{kTcp + 12, 0x51}}), "4:64+0:0:0:1024,0::df,id+,ecn:0"});
  packets.push_back({"payload",
                     edited(PacketBuilder()
                                .ipv4("10.0.0.1", "10.0.0.2")
                                .tcp(51000, 443, kTcpSyn, tcp(1024))
                                .payload(3)
                                .bytes(),
                            {{6, 0x40}}),
                     "4:64+0:0:0:1024,0::df,id+:+"});
}

void add_options(std::vector<SynPacket>& packets) {
  const auto add = [&](const char* name, const PacketBytes& options, const char* shown) {
    packets.push_back({name, v4(tcp(1024, options)), shown});
  };
  add("end_with_padding", {1, 0, 0, 0}, "4:64+0:0:0:1024,0:nop,eol+2:df,id+:0");
  add("content_after_end", {0, 7, 0, 0}, "4:64+0:0:0:1024,0:eol+3:df,id+,opt+:0");
  add("content_in_last_byte", {0, 0, 0, 7}, "4:64+0:0:0:1024,0:eol+3:df,id+:0");
  add("other_kinds", {34, 2, 30, 4, 9, 9, 1, 1}, "4:64+0:0:0:1024,0:?34,?30,nop,nop:df,id+:0");
  add("sack", {5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}, "4:64+0:0:0:1024,0:sack,nop,nop:df,id+:0");
  add("scale_excessive", {3, 3, 15, 1}, "4:64+0:0:0:1024,15:ws,nop:df,id+,exws:0");
  add("own_time_zero", {8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}, "4:64+0:0:0:1024,0:ts,nop,nop:df,id+,ts1-:0");
  add("peer_time", {8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1}, "4:64+0:0:0:1024,0:ts,nop,nop:df,id+,ts2+:0");
  add("length_ignored", {2, 5, 5, 0xb4}, "4:64+0:0:1460:1024,0:mss:df,id+,bad:0");
  add("behind_the_header", {1, 1, 2, 4}, "4:64+0:0:0:1024,0:nop,nop,mss:df,id+,bad:0");
  add("kind_without_length", {1, 1, 1, 34}, "4:64+0:0:0:1024,0:nop,nop,nop,?34:df,id+,bad:0");
  add("other_length_zero", {34, 0, 1, 1}, "4:64+0:0:0:1024,0:?34:df,id+,bad:0");
  add("sack_too_short", {5, 4, 0, 0}, "4:64+0:0:0:1024,0:sack:df,id+,bad:0");
  add("mss_twice", {2, 4, 2, 0, 2, 4, 4, 0}, "4:64+0:0:1024:mss*1,0:mss,mss:df,id+:0");
}

}  // namespace

std::vector<SynPacket> syn_packets() {
  std::vector<SynPacket> packets;
  add_systems(packets);
  add_windows(packets);
  add_ip(packets);
  add_tcp(packets);
  add_options(packets);
  return packets;
}

}  // namespace tapline::test
