#pragma once
// The words and signs of a filter, with where they stand.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/query/filter_error.hpp"

namespace tapline::query {

enum class TokenKind : std::uint8_t {
  kWord,    // anything without blanks and signs: names, numbers, addresses, five-tuples, Community IDs, times
  kQuoted,  // between ' or "; `text` is what stands between them
  kOpen,
  kClose,
  kNot,  // the sign !, not the word
  kAnd,  // &&
  kOr,   // ||
  kRelation,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;   // into the expression
  std::size_t offset = 0;  // of its first byte
};

/// Ends with a kEnd token on success; else sets `mistake` and returns nothing.
std::optional<std::vector<Token>> tokenise(std::string_view expression, FilterMistake& mistake);

}  // namespace tapline::query
