#pragma once
// Bytes of fixed headers: without options, and without extension headers.

#include <cstdint>

namespace tapline {

inline constexpr std::uint32_t kIpv4FixedBytes = 20;
inline constexpr std::uint32_t kIpv6FixedBytes = 40;
inline constexpr std::uint32_t kTcpFixedBytes = 20;
inline constexpr std::uint32_t kUdpFixedBytes = 8;

}  // namespace tapline
