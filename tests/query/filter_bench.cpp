// Nanoseconds a packet for typical filters over random packets in the cache: the evaluation alone, without
// decoding. Prints one line a filter. Budget: a host or port filter below 50 ns.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "storage/query/filter.hpp"
#include "tests/query/filter_random_packet.hpp"

namespace {

using namespace tapline;

constexpr std::size_t kPackets = 1024;
constexpr int kRounds = 200;
constexpr int kRepeats = 5;
constexpr std::array kFilters = {
    "",
    "port 80",
    "tcp port 80",
    "host 10.0.0.1",
    "net 10.0.0.0/8",
    "host 10.0.0.1 and port 80",
    "10.0.0.1:51000-203.0.113.9:80/tcp",
    "[2001:db8::1]:51000-[2001:db8::2]:80/tcp",
    "(tcp or udp) and not (net 192.168 or host 10.0.0.2) and portrange 1-1023",
};

struct Measured {
  double ns_per_packet;
  std::size_t matches;
};

Measured measure(const query::Filter& filter, const std::vector<query::test::RandomPacket>& packets) {
  std::array<double, kRepeats> results;
  std::size_t matches = 0;
  for (double& result : results) {
    const auto begin = std::chrono::steady_clock::now();
    for (int round = 0; round < kRounds; ++round) {
      for (const auto& packet : packets)
        matches += filter.matches_packet(packet.frame, packet.meta, nullptr) ? 1 : 0;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    result = took.count() / (kRounds * static_cast<double>(packets.size()));
  }
  std::sort(results.begin(), results.end());
  return {results[kRepeats / 2], matches / (kRounds * kRepeats)};
}

}  // namespace

int main() {
  query::test::Random random(7);
  std::vector<query::test::RandomPacket> packets(kPackets);
  for (auto& packet : packets) query::test::make_random_packet(random, packet);
  for (const char* text : kFilters) {
    const Measured measured = measure(query::Filter::parse(text, query::FilterOptions{}).value(), packets);
    fmt::print("{:6.1f} ns  {:4} of {}  {}\n", measured.ns_per_packet, measured.matches, kPackets,
               *text == '\0' ? "(everything)" : text);
  }
  return 0;
}
