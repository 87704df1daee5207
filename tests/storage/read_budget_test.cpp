#include "storage/read_budget.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

using namespace tapline;
using tapline::storage::ReadBudget;

TEST_CASE("a budget spreads what is booked over time, and keeps a tenth of a second of what was not used") {
  ReadBudget budget(1'000'000);  // a byte takes 1 us
  const TimeNs start_ns = 50 * kNsPerSecond;
  CHECK(budget.book(100'000, start_ns) == start_ns);  // what was kept
  CHECK(budget.book(1000, start_ns) == start_ns + 1000 * 1000);
  CHECK(budget.book(2000, start_ns) == start_ns + 3000 * 1000);
  CHECK(budget.book(0, start_ns) == start_ns + 3000 * 1000);
  const TimeNs later_ns = start_ns + 100 * kNsPerSecond;
  CHECK(budget.book(100'000, later_ns) == later_ns);
  CHECK(budget.book(1'000'000, later_ns) == later_ns + kNsPerSecond);
}

TEST_CASE("a budget of 0 is none") {
  ReadBudget budget(0);
  CHECK(budget.book(UINT64_MAX, 7) == 7);
  CHECK(budget.spend(UINT64_MAX));
}

TEST_CASE("a wait that would last for years ends when it is told to") {
  const std::atomic<bool> stop = true;
  ReadBudget budget(1, &stop);
  CHECK_FALSE(budget.spend(UINT64_MAX));
  CHECK_FALSE(budget.spend(UINT64_MAX));
}
