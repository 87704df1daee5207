#pragma once
// ByteReader: a cursor over bytes that nobody vouches for. Every read is bounded; the first read past the end
// makes the reader fail for good, so that a parser may read a whole structure and ask ok() once.

#include <cstdint>
#include <span>

#include "capture/base/bytes.hpp"

namespace tapline {

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

  /// A fixed-width little-endian integer or a trivially copyable structure; a zeroed T after failure.
  template <class T>
  T read() {
    T value{};
    if (!need(sizeof(T))) return value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  /// `count` bytes in place; empty after failure.
  Bytes take(std::size_t count) {
    if (!need(count)) return {};
    const Bytes taken(at_, count);
    at_ += count;
    return taken;
  }

  /// LEB128, at most 10 bytes; 0 after failure or where the value exceeds 64 bits.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!need(1)) return 0;
      const std::uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }

  /// Zigzag-coded signed varint.
  std::int64_t svarint() {
    const std::uint64_t raw = varint();
    return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  }

 private:
  bool need(std::size_t count) {
    if (ok_ && remaining() >= count) return true;
    ok_ = false;
    return false;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace tapline
