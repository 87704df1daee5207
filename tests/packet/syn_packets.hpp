#pragma once
// SYNs and SYN+ACKs beginning at the IP header, and what p0f 3.09b printed as their raw_sig.

#include <string>
#include <vector>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

struct SynPacket {
  std::string name;
  PacketBytes bytes;
  std::string p0f;
};

std::vector<SynPacket> syn_packets();

}  // namespace tapline::test
