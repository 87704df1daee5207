#pragma once
// Heads made for tests and fuzz seeds, and what is to be read from them.

#include <string>
#include <string_view>
#include <vector>

#include "capture/content/http_head.hpp"

namespace tapline::test {

struct HttpSample {
  std::string name;
  std::string bytes;
  HttpStatus status;
  std::string text;  // http_text()
};

const std::vector<HttpSample>& http_samples();

inline Bytes http_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// All that was read, in one line; texts in bars.
std::string http_text(const HttpHead& head);

}  // namespace tapline::test
