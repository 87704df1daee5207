// make_syn_seeds FOLDER: writes the seeds of syn_signature_fuzz, the packets of tests/packet/syn_packets.cpp.

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/packet/syn_packets.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_syn_seeds FOLDER\n");
    return 2;
  }
  for (const auto& packet : tapline::test::syn_packets()) {
    std::ofstream file(std::string(argv[1]) + "/" + packet.name, std::ios::binary);
    for (const std::uint8_t byte : packet.bytes) file.put(static_cast<char>(byte));
    if (!file.good()) {
      std::fprintf(stderr, "cannot write the seed %s to %s\n", packet.name.c_str(), argv[1]);
      return 1;
    }
  }
  return 0;
}
