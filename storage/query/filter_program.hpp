#pragma once
// FilterProgram: a tree compiled to a row of tests, each with the test to go to when true and when false.
// Jumps only go forward, so evaluation ends after at most one pass, without a stack and without allocation.

#include <cstdint>
#include <vector>

#include "storage/query/filter_ast.hpp"

namespace tapline::query {

inline constexpr std::uint32_t kAccept = 0xffffffff;
inline constexpr std::uint32_t kReject = 0xfffffffe;

struct FilterTest {
  Term term;
  std::uint32_t when_true = kAccept;  // index of the next test, or kAccept, kReject
  std::uint32_t when_false = kReject;
};

struct FilterProgram {
  std::vector<FilterTest> tests;
  std::uint32_t entry = kAccept;
};

enum class ProgramSubject : std::uint8_t {
  kPacket,
  kSession,        // frame lengths are unknown there and exclude nothing, negated or not
  kSessionFrames,  // nor does anything else that can differ between frames of one session
  kTunnelFrames,   // nor any word about packets: its frames have others around or within them
};

FilterProgram compile(const Ast& ast, ProgramSubject subject);

/// `matches(term)` -> bool for each test on the way.
template <class Matches>
inline bool run(const FilterProgram& program, const Matches& matches) {
  std::uint32_t at = program.entry;
  while (at < kReject) {
    const FilterTest& test = program.tests[at];
    at = matches(test.term) ? test.when_true : test.when_false;
  }
  return at == kAccept;
}

}  // namespace tapline::query
