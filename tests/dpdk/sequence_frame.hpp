#pragma once
// The frames of memif_generator: Ethernet, IPv4, UDP, and a payload that begins with the frame's number.

#include <cstdint>
#include <vector>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

inline constexpr std::size_t kSequenceOffset = 14 + 20 + 8;  // 8 bytes, big endian, from 0
inline constexpr std::size_t kSequenceFrameBytesMin = 60;
inline constexpr std::size_t kSequenceFrameBytesMax = 2'048;  // one buffer

/// The frame of the flow `number % flows`, `frame_bytes` long, without its number: flows differ in their
/// source address (10.0.0.0/8) and port.
inline std::vector<std::uint8_t> sequence_frame(std::uint32_t flow, std::size_t frame_bytes) {
  std::vector<std::uint8_t> frame = PacketBuilder()
                                        .eth()
                                        .ipv4("10.0.0.0", "192.0.2.1")
                                        .udp(static_cast<std::uint16_t>(1'024 + flow % 60'000), 9)
                                        .payload(frame_bytes - kSequenceOffset)
                                        .bytes();
  // The flow's number becomes the lower 24 bits of the address; the header checksum follows (RFC 1624,
  // equation 3).
  std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(&frame[24]));
  for (const std::size_t at : {std::size_t{26}, std::size_t{28}}) {
    const std::uint16_t before = load_be16(&frame[at]);
    const auto after = static_cast<std::uint16_t>(at == 26 ? before | (flow >> 16 & 0xff) : flow & 0xffff);
    store_be16(&frame[at], after);
    sum += static_cast<std::uint16_t>(~before) + after;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(&frame[24], static_cast<std::uint16_t>(~sum));
  return frame;
}

inline void set_sequence(std::uint8_t* frame, std::uint64_t number) {
  store_be64(frame + kSequenceOffset, number);
}
inline std::uint64_t sequence_of(const std::uint8_t* frame) {
  return load_be64(frame + kSequenceOffset);
}

}  // namespace tapline::test
