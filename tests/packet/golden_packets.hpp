#pragma once
// The decoder's golden table: hand-made packets of every layer and every contradiction, each with the meta
// that it must have. The truncation and mutation tests and the fuzz seeds begin from the same packets.

#include <string>
#include <vector>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

struct GoldenPacket {
  std::string name;  // letters, digits and underscores: also a file name
  std::uint16_t link_type;
  PacketBytes bytes;
  std::string expected;  // meta_text()
};

std::vector<GoldenPacket> golden_packets();

/// Those of rarer link types; part of golden_packets().
std::vector<GoldenPacket> golden_link_types();

}  // namespace tapline::test
