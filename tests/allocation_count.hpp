#pragma once
// AllocationCount: how often this thread has allocated while it counted. Programs that link it have its
// operator new. In a file of its own, because compilers warn where they can see that a new is freed by
// free().

#include <cstdint>

namespace tapline::test {

struct AllocationCount {
  static void on(bool counting);
  static std::uint64_t allocations();
};

}  // namespace tapline::test
