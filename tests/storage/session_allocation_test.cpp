// Appending session records allocates nothing once buffers have grown: counted by the allocation functions
// themselves.

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "storage/session_row_buffer.hpp"
#include "tests/storage/session_samples.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

// Whatever ordinary form of new allocates, the same delete frees: sanitizers check that the two belong
// together.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
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

using namespace tapline;
using namespace tapline::storage;

TEST_CASE("session records are appended and encoded without allocating, after a first group") {
  SessionSamples samples(3);
  std::vector<SessionRecord> records;
  for (int i = 0; i < 1000; ++i) records.push_back(samples.plausible());
  SessionRowBuffer buffer(1000);
  std::size_t bytes = 0;
  const auto write_group = [&] {
    for (const SessionRecord& record : records) buffer.append(record);
    bytes = buffer.take_group(0).size();
  };
  write_group();
  const std::uint64_t before = allocations.load();
  write_group();
  CHECK(allocations.load() - before == 0);
  CHECK(bytes > 10'000);
}
