#pragma once
// Loads and stores of fixed-width integers at any alignment; the host is little endian (checked below).

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace tapline {

static_assert(std::endian::native == std::endian::little,
              "on-disk structures are copied as they are in memory");

using Bytes = std::span<const std::uint8_t>;

template <class T>
inline T load_le(const void* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
inline void store_le(void* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

inline std::uint16_t load_be16(const void* at) noexcept {
  return __builtin_bswap16(load_le<std::uint16_t>(at));
}
inline std::uint32_t load_be32(const void* at) noexcept {
  return __builtin_bswap32(load_le<std::uint32_t>(at));
}
inline std::uint64_t load_be64(const void* at) noexcept {
  return __builtin_bswap64(load_le<std::uint64_t>(at));
}
inline void store_be16(void* at, std::uint16_t value) noexcept {
  store_le(at, __builtin_bswap16(value));
}
inline void store_be32(void* at, std::uint32_t value) noexcept {
  store_le(at, __builtin_bswap32(value));
}
inline void store_be64(void* at, std::uint64_t value) noexcept {
  store_le(at, __builtin_bswap64(value));
}

}  // namespace tapline
