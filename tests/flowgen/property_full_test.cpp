// Millions of random operations; minutes of it. The seeds follow from one that is printed.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "tests/flowgen/property_runs.hpp"

using namespace tapline::flowgen;

namespace {

constexpr int kRuns = 12;

std::uint64_t first_seed() {
  const char* const given = std::getenv("TAPLINE_SEED");  // that an earlier run has printed
  static const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  return seed;
}

}  // namespace

TEST_CASE("the table equals the naive model over 720,000 packets, each in five ways") {
  WARN("seeds " << first_seed() << " and " << kRuns - 1 << " more");
  for (int run = 0; run < kRuns; ++run) compare_table_with_naive(first_seed() + static_cast<unsigned>(run));
}

TEST_CASE("the tracker equals a model that keeps every byte over 5 million segments") {
  WARN("seed " << first_seed());
  compare_tracker_with_bytes(first_seed(), 20'000);
}

TEST_CASE("segments that need not be observed: 6 million") {
  WARN("seed " << first_seed());
  compare_sparing_with_thorough(first_seed(), 100'000);
}
