// A few random runs, in seconds; the millions: property_full_test.cpp.

#include <catch2/catch.hpp>
#include <random>

#include "tests/flowgen/property_runs.hpp"

using namespace tapline::flowgen;

TEST_CASE("records equal those of the naive model, whatever the bursts") {
  compare_table_with_naive(GENERATE(1, 2, 3, 4));
}

TEST_CASE("a stream's sequence numbers are those of a model that keeps every byte") {
  compare_tracker_with_bytes(std::random_device{}(), 300);
}

TEST_CASE("expected segments need not be observed") {
  compare_sparing_with_thorough(std::random_device{}(), 2000);
}
