#include "capture/base/number.hpp"

#include <fmt/format.h>

#include <charconv>

namespace tapline {

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t greatest) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stopped == end && number >= least && number <= greatest) return number;
  const std::string range =
      greatest == UINT64_MAX ? std::string() : fmt::format(" from {} to {}", least, greatest);
  return Error{ErrorCode::kInvalid, fmt::format("'{}' is not a whole number{}", text, range)};
}

}  // namespace tapline
