// Appending session records allocates nothing once buffers have grown: counted by the allocation functions
// themselves.

#include <catch2/catch.hpp>

#include "storage/session_row_buffer.hpp"
#include "tests/allocation_count.hpp"
#include "tests/storage/session_samples.hpp"

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
  test::AllocationCount::on(true);
  write_group();
  const std::uint64_t allocated_first = test::AllocationCount::allocations();
  write_group();
  test::AllocationCount::on(false);
  CHECK(allocated_first > 0);
  CHECK(test::AllocationCount::allocations() == allocated_first);
  CHECK(bytes > 10'000);
}
