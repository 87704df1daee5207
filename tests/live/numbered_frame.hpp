#pragma once
// The frames of frame_sender: flow n is IPv4 UDP, IPv4 TCP, IPv6 UDP or IPv6 TCP by n % 4. The last 16 bytes
// of each frame are its number and the time it was sent at (CLOCK_REALTIME, ns), both big endian.

#include <fmt/format.h>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

inline constexpr std::size_t kTrailerBytes = 16;
inline constexpr std::size_t kNumberedFrameBytesMin = 14 + 40 + 20 + kTrailerBytes;  // IPv6, TCP
inline constexpr std::size_t kNumberedFrameBytesMax = 14 + 9'000;                    // the MTU of a veth pair

/// `frame_bytes` long, trailer not filled in. Flows differ in source address (10.0.0.0/8, fd00::/104) and
/// port.
inline std::vector<std::uint8_t> numbered_frame(std::uint32_t flow, std::size_t frame_bytes) {
  const bool ipv6 = flow % 4 >= 2;
  const bool tcp = flow % 2 == 1;
  const auto port = static_cast<std::uint16_t>(1'024 + flow % 60'000);
  PacketBuilder builder;
  builder.eth();
  if (ipv6) {
    builder.ipv6(fmt::format("fd00::{:x}:{:x}", flow >> 16, flow & 0xffff), "2001:db8::1");
  } else {
    builder.ipv4(fmt::format("10.{}.{}.{}", flow >> 16 & 0xff, flow >> 8 & 0xff, flow & 0xff), "192.0.2.1");
  }
  if (tcp) {
    builder.tcp(port, 443);
  } else {
    builder.udp(port, 9);
  }
  const std::size_t header_bytes = 14 + (ipv6 ? 40 : 20) + (tcp ? 20 : 8);
  return builder.payload(frame_bytes - header_bytes).bytes();
}

inline void set_trailer(std::uint8_t* frame, std::size_t frame_bytes, std::uint64_t number,
                        std::uint64_t sent_ns) {
  store_be64(frame + frame_bytes - 16, number);
  store_be64(frame + frame_bytes - 8, sent_ns);
}

}  // namespace tapline::test
