#pragma once
// DerReader: walks the elements of DER (ITU-T X.690) side by side; what is inside an element is walked by
// another reader on its content, so that the depth is the caller's and nothing recurses. The first element
// that is not sound makes the reader fail for good.
//
// Limits: tags below 31 and definite lengths in at most four bytes, which is all that certificates have.

#include <cstdint>

#include "capture/base/bytes.hpp"

namespace tapline {

/// First bytes of elements: class, constructed, number (X.690, section 8.1.2).
enum DerTag : std::uint8_t {
  kDerBoolean = 0x01,
  kDerInteger = 0x02,
  kDerOctetString = 0x04,
  kDerOid = 0x06,
  kDerUtf8String = 0x0c,
  kDerT61String = 0x14,
  kDerUtcTime = 0x17,
  kDerGeneralizedTime = 0x18,
  kDerUniversalString = 0x1c,
  kDerBmpString = 0x1e,
  kDerSequence = 0x30,
  kDerSet = 0x31,
  kDerContext = 0x80,      // plus the number
  kDerConstructed = 0x20,  // a bit
};

struct DerElement {
  std::uint8_t tag = 0;
  Bytes content;
  Bytes whole;  // with tag and length
};

class DerReader {
 public:
  explicit DerReader(Bytes bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool more() const { return ok_ && !rest_.empty(); }

  /// An empty element, with tag 0, after failure.
  DerElement next() {
    DerElement element;
    std::size_t header_bytes = 0;
    std::size_t content_bytes = 0;
    if (!ok_ || !read_header(header_bytes, content_bytes)) {
      ok_ = false;
      return element;
    }
    element.tag = rest_[0];
    element.whole = rest_.first(header_bytes + content_bytes);
    element.content = element.whole.subspan(header_bytes);
    rest_ = rest_.subspan(element.whole.size());
    return element;
  }
  /// The content of the next element, which must have this tag.
  Bytes next(std::uint8_t tag) {
    const DerElement element = next();
    if (element.tag != tag) ok_ = false;
    return ok_ ? element.content : Bytes{};
  }
  /// Whether the next element has this tag; nothing is taken.
  bool at(std::uint8_t tag) const { return more() && rest_[0] == tag; }

 private:
  bool read_header(std::size_t& header_bytes, std::size_t& content_bytes) const {
    constexpr std::uint8_t kLongTag = 31;
    if (rest_.size() < 2 || (rest_[0] & kLongTag) == kLongTag) return false;
    header_bytes = 2;
    content_bytes = rest_[1];
    if (rest_[1] >= 0x80) {  // the count of the length's bytes; 0 stands for an end that is marked (BER only)
      const std::size_t length_bytes = rest_[1] & 0x7f;
      if (length_bytes == 0 || length_bytes > 4 || rest_.size() < 2 + length_bytes) return false;
      header_bytes += length_bytes;
      content_bytes = 0;
      for (std::size_t i = 0; i < length_bytes; ++i) content_bytes = content_bytes << 8 | rest_[2 + i];
    }
    return content_bytes <= rest_.size() - header_bytes;
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace tapline
