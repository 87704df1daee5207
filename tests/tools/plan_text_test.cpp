// --explain: what the times that it expects depend on.

#include "tools/plan_text.hpp"

#include <catch2/catch.hpp>

using namespace tapline;
using namespace tapline::tools;

namespace {

query::PlanTotals plan_of(std::uint64_t stored_bytes, std::uint64_t raw_bytes) {
  query::PlanTotals plan;
  plan.segments_in_store = 10;
  plan.segments_opened = 4;
  plan.segments_selected = 3;
  plan.segments_hit = 2;
  plan.blocks_in_opened = 1000;
  plan.blocks_selected = 50;
  plan.blocks_hit = 20;
  plan.stored_bytes_hit = stored_bytes;
  plan.raw_bytes_hit = raw_bytes;
  return plan;
}

constexpr std::uint64_t kGiB = 1u << 30;

}  // namespace

TEST_CASE("the expected time is that of the slower one of disk and threads, and of the budget") {
  ReadingOptions reading;
  reading.limits.threads = 2;
  const query::PlanTotals plan = plan_of(2 * kGiB, 3 * kGiB);
  const double disk = expected_seconds(plan, reading);
  CHECK(disk == Approx(4.1).margin(0.1));
  CHECK(expected_seconds(plan_of(kGiB, 100 * kGiB), reading) == Approx(50));
  reading.limits.threads = 4;
  CHECK(expected_seconds(plan_of(kGiB, 100 * kGiB), reading) == Approx(25));
  CHECK(expected_seconds(plan, reading) == Approx(disk));
  reading.bytes_per_second = kGiB / 10;
  CHECK(expected_seconds(plan, reading) == Approx(20));
  reading.bytes_per_second = 1000 * kGiB;
  CHECK(expected_seconds(plan, reading) == Approx(disk));
}

TEST_CASE("what was ruled out is told by what ruled it out, and the time as an assumption") {
  const std::string text = plan_text(plan_of(123, 456), {});
  CAPTURE(text);
  CHECK(text.find("ruled out by time   6 segments by name, 30 blocks") != std::string::npos);
  CHECK(text.find("ruled out by index  1 segments, 950 blocks") != std::string::npos);
  CHECK(text.find("bytes to read       123 (123 B)") != std::string::npos);
  CHECK(text.find("assumed, not measured") != std::string::npos);
  CHECK(text.find("--io-budget") == std::string::npos);
}
