#pragma once
// Byte sizes as users type them.

#include <cstdint>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"

namespace tapline {

/// `1500`, `64KiB`, `10GiB`, `1.5MB`, `10G` (decimal without the i); kInvalid names the text.
Result<std::uint64_t> parse_size(std::string_view text);

/// `1.40 GiB`: three significant digits, for people.
std::string format_size(std::uint64_t bytes);

}  // namespace tapline
