#pragma once
// Text -> Ast. Grammar and decisions: README.md.

#include <optional>
#include <string_view>

#include "capture/base/time.hpp"
#include "storage/query/filter_ast.hpp"
#include "storage/query/filter_error.hpp"

namespace tapline::query {

/// Parentheses, and levels of `and`/`or` in the tree. Bounds the recursion of parser, compiler and printer.
inline constexpr std::uint32_t kFilterDepthMax = 200;

/// Nothing on failure, with `mistake` set.
std::optional<Ast> parse_ast(std::string_view expression, TimeNs now_ns, FilterMistake& mistake);

}  // namespace tapline::query
