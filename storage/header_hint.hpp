#pragma once
// HeaderHint: where a record's headers stand once more in its block: what the flow-guided codec is told about
// each record, and all it knows. Made by LanePacker, carried by PacketBlock. A hint that is wrong costs
// compression and nothing else: the codec compares bytes before it uses one.

#include <cstdint>

namespace tapline::storage {

struct HeaderHint {
  /// From the start of the record back to that of the record before of the same flow and direction; 0: there
  /// is none in this block.
  std::uint32_t back_bytes : 24;
  /// Of the frame: link, network and transport headers, as far as 255 bytes.
  std::uint32_t header_bytes : 8;
};
static_assert(sizeof(HeaderHint) == 4);

}  // namespace tapline::storage
