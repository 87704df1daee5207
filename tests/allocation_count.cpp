#include "tests/allocation_count.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local bool counting = false;
thread_local std::uint64_t allocations_so_far = 0;
}  // namespace

// Whatever ordinary form of new allocates, the same delete frees: sanitizers check that the two belong
// together.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (counting) ++allocations_so_far;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new(std::size_t bytes) {
  void* memory = operator new(bytes, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace tapline::test {

void AllocationCount::on(bool on) {
  counting = on;
}
std::uint64_t AllocationCount::allocations() {
  return allocations_so_far;
}

}  // namespace tapline::test
