#include "storage/io_budget.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace tapline;
using namespace tapline::storage;

namespace {

TimeNs now_ns = 0;
TimeNs fake_clock() {
  return now_ns;
}

}  // namespace

TEST_CASE("without a limit nobody waits") {
  IoBudget budget(0, fake_clock);
  CHECK_FALSE(budget.limited());
  CHECK(budget.book(UINT64_MAX) == 0);
}

TEST_CASE("what is read is waited for at the stated rate, after a burst") {
  now_ns = 5 * kNsPerSecond;
  IoBudget budget(1'000'000, fake_clock);  // a byte a microsecond
  CHECK(budget.book(50'000) == 0);         // kBurstNs of it
  CHECK(budget.book(1'000'000) == kNsPerSecond);
  now_ns += kNsPerSecond;
  CHECK(budget.book(10'000) == 10 * kNsPerMillisecond);
}

TEST_CASE("what is not read is lost but for a burst") {
  now_ns = 0;
  IoBudget budget(1'000'000, fake_clock);
  CHECK(budget.book(1'000'000) == kNsPerSecond - IoBudget::kBurstNs);
  now_ns += 3600 * kNsPerSecond;
  CHECK(budget.book(1'000'000) == kNsPerSecond - IoBudget::kBurstNs);
}

TEST_CASE("absurd sizes neither overflow nor let others through") {
  now_ns = 0;
  IoBudget budget(1, fake_clock);
  CHECK(budget.book(UINT64_MAX) > 3600 * kNsPerSecond);
  CHECK(budget.book(UINT64_MAX) > 3600 * kNsPerSecond);
}

TEST_CASE("threads share one budget") {
  now_ns = 0;
  IoBudget budget(1'000'000, fake_clock);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&budget] {
      for (int n = 0; n < 1000; ++n) budget.book(250);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(budget.book(0) == kNsPerSecond - IoBudget::kBurstNs);
}
