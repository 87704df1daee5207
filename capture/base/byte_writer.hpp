#pragma once
// Appends to a byte vector; the counterpart of ByteReader. For rare work (headers, footers, columns), not per
// frame.

#include <cstdint>
#include <vector>

#include "capture/base/bytes.hpp"

namespace tapline {

using ByteBuffer = std::vector<std::uint8_t>;

template <class T>
inline void put(ByteBuffer& out, const T& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

inline void put_bytes(ByteBuffer& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// LEB128, 1 to 10 bytes, for which the caller has made room. Returns the end of them.
inline std::uint8_t* write_varint(std::uint8_t* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::uint8_t>(value | 0x80);
  *at++ = static_cast<std::uint8_t>(value);
  return at;
}

/// The same, appended.
inline void put_varint(ByteBuffer& out, std::uint64_t value) {
  std::uint8_t bytes[10];
  out.insert(out.end(), bytes, write_varint(bytes, value));
}

/// Zigzag-coded signed varint.
inline void put_svarint(ByteBuffer& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

}  // namespace tapline
