#pragma once
// How a filter's mistake is shown: the message with its column, the expression, a caret under the column.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"

namespace tapline::query {

/// What is wrong at which byte of the expression.
struct FilterMistake {
  std::size_t offset = 0;
  std::string message;  // lower case, with the remedy
  ErrorCode code = ErrorCode::kInvalid;
};

/// Three lines: "filter: column 12: ...", the expression (control characters as blanks, a long one cut around
/// the column), the caret. Columns count characters of UTF-8 from 1.
Error filter_error(std::string_view expression, const FilterMistake& mistake);

/// "; did you mean a, b?" for at most three candidates that resemble `word`, else "".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace tapline::query
