#pragma once
// A frame in a heap copy of exactly its captured size, so that AddressSanitizer sees any read past it.

#include <algorithm>
#include <memory>

#include "capture/packet/frame.hpp"
#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

struct ExactFrame {
  /// Of the first `captured_bytes` of a frame; the rest was on the wire.
  ExactFrame(const PacketBytes& bytes, std::size_t captured_bytes, std::uint16_t link_type = kLinkEthernet)
      : copy(std::make_unique<std::uint8_t[]>(captured_bytes)) {
    std::copy_n(bytes.begin(), captured_bytes, copy.get());
    frame.data = copy.get();
    frame.captured_bytes = static_cast<std::uint32_t>(captured_bytes);
    frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
    frame.link_type = link_type;
  }

  std::unique_ptr<std::uint8_t[]> copy;
  Frame frame;
};

}  // namespace tapline::test
