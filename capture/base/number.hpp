#pragma once
// Whole numbers as users type them.

#include <cstdint>
#include <string_view>

#include "capture/base/result.hpp"

namespace tapline {

/// Decimal digits and nothing else. kInvalid names the text and the range `least` to `greatest`.
Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t greatest);

}  // namespace tapline
