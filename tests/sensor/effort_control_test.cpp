#include "sensor/effort_control.hpp"

#include <catch2/catch.hpp>
#include <utility>

#include "sensor/thread_exchange.hpp"

using namespace tapline;
using namespace tapline::sensor;
using storage::WriteEffort;

TEST_CASE("effort: each step begins at two eighths more of backlog, and ends two eighths below") {
  EffortControl control;
  const std::pair<unsigned, WriteEffort> expected[] = {
      {0, WriteEffort::kNormal},     {1, WriteEffort::kNormal},     {2, WriteEffort::kLowerLevel},
      {1, WriteEffort::kLowerLevel}, {3, WriteEffort::kLowerLevel}, {0, WriteEffort::kNormal},
      {4, WriteEffort::kGuided},     {3, WriteEffort::kGuided},     {2, WriteEffort::kLowerLevel},
      {8, WriteEffort::kRaw},        {7, WriteEffort::kRaw},        {5, WriteEffort::kRaw},
      {4, WriteEffort::kGuided},     {6, WriteEffort::kRaw},        {0, WriteEffort::kNormal},
  };
  for (const auto& [eighths, effort] : expected) CHECK(control.choose(eighths) == effort);
}

TEST_CASE("backlog: the share of the blocks beyond one a lane that wait for the writer") {
  ThreadExchange exchange(24, 8, 4096, kNsPerSecond);
  CHECK(exchange.backlog_eighths() == 0);
  for (unsigned sent = 1; sent <= 24; ++sent) {
    exchange.send(*exchange.take());
    CHECK(exchange.backlog_eighths() == std::min(sent / 2, 8u));
  }
  exchange.send_batch(*exchange.take_batch());
  Parcel parcel;
  for (unsigned waiting = 23; waiting > 0; --waiting) {
    REQUIRE(exchange.receive(parcel));
    exchange.give_back(parcel);
    CHECK(exchange.backlog_eighths() == std::min(waiting / 2, 8u));
  }
  REQUIRE(exchange.receive(parcel));
  exchange.give_back(parcel);
  REQUIRE(exchange.receive(parcel));  // the batch is no block
  CHECK(parcel.batch != nullptr);
  CHECK(exchange.backlog_eighths() == 0);
}
