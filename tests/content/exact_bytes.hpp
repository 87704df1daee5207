#pragma once
// Bytes in a heap copy of exactly their size, so that AddressSanitizer sees any read past them.

#include <algorithm>
#include <memory>
#include <string_view>

#include "capture/base/bytes.hpp"

namespace tapline::test {

class ExactBytes {
 public:
  explicit ExactBytes(Bytes bytes)
      : copy_(std::make_unique<std::uint8_t[]>(bytes.size())), count_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), copy_.get());
  }
  explicit ExactBytes(std::string_view text)
      : ExactBytes(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size())) {}

  Bytes bytes() const { return {copy_.get(), count_}; }

 private:
  std::unique_ptr<std::uint8_t[]> copy_;
  std::size_t count_;
};

}  // namespace tapline::test
