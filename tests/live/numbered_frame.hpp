#pragma once
// The frames of frame_sender: flow n is IPv4 UDP, IPv4 TCP, IPv6 UDP or IPv6 TCP by n % 4. The last 16 bytes
// of each frame are its number and the time it was sent at (CLOCK_REALTIME, ns), both big endian. Headers
// differ from one frame of a flow to the next, as those of any sender do: equal ones are copies to a sensor.

#include <fmt/format.h>

#include <span>

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {

inline constexpr std::size_t kTrailerBytes = 16;
inline constexpr std::size_t kNumberedFrameBytesMin = 14 + 40 + 20 + kTrailerBytes;  // IPv6, TCP
inline constexpr std::size_t kNumberedFrameBytesMax = 14 + 9'000;                    // the MTU of a veth pair

/// `frame_bytes` long, not numbered yet. Flows differ in source address (10.0.0.0/8, fd00::/104) and
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
    builder.ipv4(fmt::format("10.{}.{}.{}", flow >> 16 & 0xff, flow >> 8 & 0xff, flow & 0xff), "192.0.2.1",
                 {.id = 0});
  }
  if (tcp) {
    builder.tcp(port, 443);
  } else {
    builder.udp(port, 9);
  }
  const std::size_t header_bytes = 14 + (ipv6 ? 40 : 20) + (tcp ? 20 : 8);
  return builder.payload(frame_bytes - header_bytes).bytes();
}

/// Numbers a frame that numbered_frame() made. `tcp_seq`: of its flow; moved on by the payload.
inline void set_number(std::span<std::uint8_t> frame, std::uint64_t number, std::uint32_t& tcp_seq,
                       std::uint64_t sent_ns) {
  std::uint8_t* const ip = frame.data() + 14;
  const bool ipv6 = ip[0] >> 4 == 6;
  const std::uint32_t ip_header_bytes = ipv6 ? 40 : 20;
  if (!ipv6) {
    const std::uint16_t id = static_cast<std::uint16_t>(number);
    const std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(ip + 10)) + std::uint32_t{id};
    store_be16(ip + 4, id);
    store_be16(ip + 10, static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16))));
  }
  if (ip[ipv6 ? 6 : 9] == kIpProtoTcp) {
    store_be32(ip + ip_header_bytes + 4, tcp_seq);
    tcp_seq += static_cast<std::uint32_t>(frame.size()) - 14 - ip_header_bytes - 20;
  }
  store_be64(frame.data() + frame.size() - kTrailerBytes, number);
  store_be64(frame.data() + frame.size() - 8, sent_ns);
}

}  // namespace tapline::test
