// make_decode_seeds FOLDER: writes the seeds of decode_fuzz, one for each shape of golden packet that decodes
// to IP or ARP, and one for each tunnel. What is cut or contradicts itself the fuzzer finds from those. Run
// it after the golden table has grown.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/decode_input.hpp"
#include "tests/packet/golden_packets.hpp"
#include "tests/packet/tunnel_packets.hpp"

namespace {

std::size_t link_type_index(std::uint16_t link_type) {
  for (std::size_t i = 0; i < std::size(tapline::test::kDecodeLinkTypes); ++i)
    if (tapline::test::kDecodeLinkTypes[i] == link_type) return i;
  return std::size(tapline::test::kDecodeLinkTypes);
}

// Link type, layers and offsets, without lengths and most flags: packets that differ in nothing else are one
// seed.
std::string shape_of(const tapline::test::GoldenPacket& packet) {
  const std::size_t lengths = packet.expected.find(" len=");
  const std::size_t proto = packet.expected.find(" proto=");
  const std::string layers = packet.expected.substr(0, lengths);
  if (proto == std::string::npos) return std::to_string(packet.link_type) + layers;
  const bool quote = packet.expected.find("quote") != std::string::npos;
  return std::to_string(packet.link_type) + layers + packet.expected.substr(proto, 10) +
         (quote ? "quote" : "");
}

bool has_seed(const tapline::test::GoldenPacket& packet) {
  const bool decoded = packet.expected.rfind("ip ", 0) == 0 || packet.expected.rfind("arp ", 0) == 0;
  return decoded && packet.expected.find("iptrunc") == std::string::npos;
}

std::string file_name(const std::string& tunnel) {
  std::string name = "tunnel_";
  for (const char c : tunnel) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += plain ? c : '_';
  }
  return name;
}

bool write_seed(const std::string& folder, const tapline::test::GoldenPacket& packet) {
  const std::size_t index = link_type_index(packet.link_type);
  if (index == std::size(tapline::test::kDecodeLinkTypes)) return false;
  std::ofstream file(folder + "/" + packet.name, std::ios::binary);
  file.put(static_cast<char>(index)).put(0).put(2);
  for (const std::uint8_t byte : packet.bytes) file.put(static_cast<char>(byte));
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_decode_seeds FOLDER\n");
    return 2;
  }
  std::vector<tapline::test::GoldenPacket> seeds;
  std::set<std::string> shapes;
  for (const auto& packet : tapline::test::golden_packets())
    if (has_seed(packet) && shapes.insert(shape_of(packet)).second) seeds.push_back(packet);
  for (const auto& tunnel : tapline::test::tunnel_packets())
    seeds.push_back({file_name(tunnel.name), tapline::kLinkEthernet, tunnel.bytes, ""});
  for (const auto& packet : seeds) {
    if (write_seed(argv[1], packet)) continue;
    std::fprintf(stderr, "cannot write the seed %s to %s\n", packet.name.c_str(), argv[1]);
    return 1;
  }
  std::printf("wrote %zu seeds\n", seeds.size());
  return 0;
}
