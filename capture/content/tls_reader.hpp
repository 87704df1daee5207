#pragma once
// TlsReader: ByteReader for the presentation language of TLS (RFC 8446, section 3): numbers are big endian, a
// vector is preceded by its length. As there, the first read past the end makes the reader fail for good.

#include "capture/base/byte_reader.hpp"

namespace tapline {

class TlsReader {
 public:
  explicit TlsReader(Bytes bytes) : in_(bytes) {}

  bool ok() const { return in_.ok(); }
  bool more() const { return in_.ok() && in_.remaining() > 0; }
  std::size_t remaining() const { return in_.remaining(); }

  std::uint8_t u8() { return in_.read<std::uint8_t>(); }
  std::uint16_t u16() { return __builtin_bswap16(in_.read<std::uint16_t>()); }
  std::uint32_t u24() {
    const std::uint32_t high = u8();
    return high << 16 | u16();
  }
  Bytes take(std::size_t count) { return in_.take(count); }
  Bytes vector8() { return take(u8()); }
  Bytes vector16() { return take(u16()); }
  Bytes vector24() { return take(u24()); }

 private:
  ByteReader in_;
};

}  // namespace tapline
