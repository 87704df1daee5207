#include "storage/query/filter_program.hpp"

#include <algorithm>

namespace tapline::query {
namespace {

/// Could the term be true of one frame of a session (one five-tuple, both directions) and false of another,
/// or its record not tell? Port 0 stands in keys of frames whose ports were not captured.
bool differs_by_frame(const Term& term) {
  switch (term.kind) {
    case TermKind::kNetwork:
      return term.side == Side::kSource || term.side == Side::kDestination;
    case TermKind::kPort:
      return term.side == Side::kSource || term.side == Side::kDestination || term.port_low == 0;
    case TermKind::kFiveTuple:
      return (term.has_port_low && term.port_low == 0) || (term.has_port_high && term.port_high == 0);
    case TermKind::kVlan:
    case TermKind::kMpls:
    case TermKind::kLength:
      return true;
    default:
      return false;
  }
}

// Written back to front: a test is emitted after those it jumps to, and the row is turned round at the end.
// While it is being written, tests are numbered from the back.
class Compiler {
 public:
  Compiler(const Ast& ast, ProgramSubject subject) : ast_(ast), subject_(subject) {}

  FilterProgram run() {
    program_.entry = emit(ast_.root, kAccept, kReject, false);
    std::reverse(program_.tests.begin(), program_.tests.end());
    program_.entry = turned(program_.entry);
    for (FilterTest& test : program_.tests) {
      test.when_true = turned(test.when_true);
      test.when_false = turned(test.when_false);
    }
    return std::move(program_);
  }

 private:
  std::uint32_t turned(std::uint32_t target) const {
    return target >= kReject ? target : static_cast<std::uint32_t>(program_.tests.size()) - 1 - target;
  }

  /// Returns where evaluation of the node starts. `inverted`: under an odd number of negations.
  std::uint32_t emit(std::uint32_t index, std::uint32_t when_true, std::uint32_t when_false, bool inverted) {
    const AstNode& node = ast_.nodes[index];
    if (node.negated) {
      std::swap(when_true, when_false);
      inverted = !inverted;
    }
    if (node.kind == AstKind::kTerm) return emit_term(ast_.terms[node.term], when_true, when_false, inverted);
    std::uint32_t entry = 0;
    for (std::size_t i = node.children.size(); i > 0; --i) {
      const bool is_last = i == node.children.size();
      const std::uint32_t on_true = is_last || node.kind == AstKind::kOr ? when_true : entry;
      const std::uint32_t on_false = is_last || node.kind == AstKind::kAnd ? when_false : entry;
      entry = emit(node.children[i - 1], on_true, on_false, inverted);
    }
    return entry;
  }

  std::uint32_t emit_term(const Term& term, std::uint32_t when_true, std::uint32_t when_false,
                          bool inverted) {
    // What is not known is what lets the filter be true (Kleene logic: unknown counts as maybe).
    const bool unknown = (subject_ == ProgramSubject::kSession && term.kind == TermKind::kLength) ||
                         (subject_ == ProgramSubject::kSessionFrames && differs_by_frame(term)) ||
                         (subject_ == ProgramSubject::kTunnelFrames && !is_session_term(term.kind));
    if (unknown) return inverted ? when_false : when_true;
    program_.tests.push_back({term, when_true, when_false});
    return static_cast<std::uint32_t>(program_.tests.size() - 1);
  }

  const Ast& ast_;
  ProgramSubject subject_;
  FilterProgram program_;
};

}  // namespace

FilterProgram compile(const Ast& ast, ProgramSubject subject) {
  if (ast.matches_all()) return {};
  return Compiler(ast, subject).run();
}

}  // namespace tapline::query
