#pragma once
// Ast: a parsed filter. Nodes are numbered, not pointed to; `and` and `or` hold any number of children and
// are never direct children of their own kind, `not` is a mark on a node: one meaning has one tree.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/query/filter_term.hpp"

namespace tapline::query {

enum class AstKind : std::uint8_t { kTerm, kAnd, kOr };

struct AstNode {
  AstKind kind = AstKind::kTerm;
  bool negated = false;
  std::uint32_t term = 0;               // into Ast::terms
  std::uint32_t levels = 0;             // `and` and `or` nodes on the longest way down, this one included
  std::vector<std::uint32_t> children;  // into Ast::nodes; at least two
};

struct Ast {
  std::vector<Term> terms;
  std::vector<AstNode> nodes;
  std::uint32_t root = 0;

  bool matches_all() const { return nodes.empty(); }  // the empty filter

  std::uint32_t add_term(const Term& term);
  /// `kind` of `operands` in their order; with one operand, that operand.
  std::uint32_t add_group(AstKind kind, const std::vector<std::uint32_t>& operands);
};

/// Canonical text; parses back to the same tree.
std::string ast_text(const Ast& ast);

}  // namespace tapline::query
