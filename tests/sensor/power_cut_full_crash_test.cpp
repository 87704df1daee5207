// power_cut_crash_test's run with holds, at every operation with every survival; minutes of it.

#include <catch2/catch.hpp>

#include "tests/sensor/power_cuts.hpp"

using namespace tapline;
using namespace tapline::test;

TEST_CASE("power cuts at every operation beside holds, whatever survives") {
  const std::size_t survival = GENERATE(range(std::size_t{0}, std::size_t{6}));
  PowerCutRun run({.budget_bytes = 128 * 1024, .kept = true});
  for (std::size_t count = run.first_operation(); count <= run.operations().size(); ++count)
    cut_whole(run, count, whole_survivals(count)[survival]);
  WARN("survival " << survival << ": " << describe_cuts(run));
  CHECK(run.checked().cuts > 500);
}
