// The map of attempts against a set.

#include "flowgen/attempt_map.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

namespace tapline::flowgen {

TEST_CASE("attempts are found in a circle, each of them, and none that was removed") {
  const std::size_t flows = GENERATE(1u, 63u, 64u, 65u, 1000u);
  CAPTURE(flows);
  AttemptMap map = *AttemptMap::create(flows);
  CHECK(map.next() == kNoFlow);
  std::set<std::uint32_t> expected;
  std::mt19937 random(5);
  std::uint32_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto flow = static_cast<std::uint32_t>(random() % flows);
    switch (random() % 3) {
      case 0:
        if (expected.insert(flow).second) map.add(flow);
        break;
      case 1:
        if (expected.erase(flow) != 0) map.remove(flow);
        break;
      default: {
        const std::uint32_t found = map.next();
        if (expected.empty()) {
          REQUIRE(found == kNoFlow);
          break;
        }
        const auto at = expected.lower_bound(last);
        REQUIRE(found == (at == expected.end() ? *expected.begin() : *at));
        last = found + 1;
      }
    }
  }
}

}  // namespace tapline::flowgen
