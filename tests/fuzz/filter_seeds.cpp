// Writes the seeds of filter_fuzz: filter_seeds FOLDER. Each seed is a filter; together they use every word
// and field.

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tests/query/filter_random_filter.hpp"

namespace {

constexpr std::array kWritten = {
    "src or dst host 10.0.0.5 and not (10.0.0.6 or 2001:db8::1)",
    "net 10 or 192.168 or 172.16.0.0/12",
    "ip6 src net fe80::/10 and arp host 10.0.0.1",
    "net 10.0.0.0 mask 255.240.0.0",
    "tcp dst port (80 or https or not 22) and less 1500",
    "udp src and dst portrange 6008-6000 && greater 64",
    "sctp||icmp||icmp6||igmp||esp||gre",
    "ip proto \\tcp and ip6 proto 58 and proto ospf",
    "ether proto 0x88cc or ether proto \\arp or rarp",
    "vlan and vlan 5 and mpls and mpls 0x10",
    "10.0.0.5:51000-203.0.113.9:80/tcp",
    "[2001:db8::1]:443-[2001:db8::2]:5000/udp",
    "10.0.0.1-10.0.0.2/icmp",
    "1:LQU9qZlK+B5F3KDmev6m5PMibrg= or community_id != 1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
    "uid 01HF7YAT00J4RWCH9AB4GQN1F2",
    "01HF7YAT00J4RWCH9AB4GQN1F2",
    "resp_ip_bytes = 0 and egress > 100MiB and ingress<1.5kB",
    "first > 2026-01-01T00:00:00Z and last < 'now' and duration >= 5m",
    "orig_ip = 10.0.0.0/8 and resp_ip != 192.0.2.1 and resp_port == https",
    "tcp_flags & SA and orig_tcp_flags = 0x12 and resp_tcp_flags != R",
    "final and end_reason != reset and orient_rule = syn_ack and orient_confidence >= 50",
    "proto = tcp and vlan = 5 and worker = 1 and seq > 0",
    "orig_ttl_min < 64 and resp_ttl_max >= 128 and ttl_min != 1",
    "packets > 1 and orig_frame_bytes > 1 and resp_payload_bytes > 1 and stored_packets = 3",
    "tcp or udp and port 80",
    "sni = *.example.com",
    "tcp[13] & 2 != 0",
    "hots 10.0.0.1",
    "first > '2026",
    "((((tcp)) and !(!(udp)))",
};
constexpr int kRandomSeeds = 24;
constexpr int kDepthMax = 2;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return fmt::print(stderr, "usage: filter_seeds FOLDER\n"), 2;
  const std::filesystem::path folder = argv[1];
  int number = 0;
  const auto write = [&](std::string_view text) {
    std::ofstream(folder / fmt::format("seed_{:02}", number++), std::ios::binary) << text;
  };
  for (const char* text : kWritten) write(text);
  tapline::query::test::Random random(20260101);
  for (int i = 0; i < kRandomSeeds; ++i) {
    write(tapline::query::test::make_random_filter(random, kDepthMax).text);
  }
  return 0;
}
