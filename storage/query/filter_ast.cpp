#include "storage/query/filter_ast.hpp"

#include <algorithm>

namespace tapline::query {

std::uint32_t Ast::add_term(const Term& term) {
  AstNode node;
  node.term = static_cast<std::uint32_t>(terms.size());
  terms.push_back(term);
  nodes.push_back(std::move(node));
  return static_cast<std::uint32_t>(nodes.size() - 1);
}

std::uint32_t Ast::add_group(AstKind kind, const std::vector<std::uint32_t>& operands) {
  if (operands.size() == 1) return operands.front();
  AstNode group;
  group.kind = kind;
  for (const std::uint32_t operand : operands) {
    AstNode& node = nodes[operand];
    if (node.kind == kind && !node.negated) {
      group.children.insert(group.children.end(), node.children.begin(), node.children.end());
      node.children.clear();  // its children have moved up; nothing refers to it any more
    } else {
      group.children.push_back(operand);
    }
  }
  for (const std::uint32_t child : group.children) group.levels = std::max(group.levels, nodes[child].levels);
  ++group.levels;
  nodes.push_back(std::move(group));
  return static_cast<std::uint32_t>(nodes.size() - 1);
}

}  // namespace tapline::query
