#include "storage/held_segments.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using namespace tapline::storage;

TEST_CASE("without a hold nothing is held") {
  HeldSegments held;
  CHECK_FALSE(held.contains(1));
  CHECK(held.claim(1));
  held.unclaim(1);
}

TEST_CASE("with a hold only what was judged free may go") {
  HeldSegments held;
  CHECK(held.replace(true, {1}, {2}).empty());
  CHECK(held.contains(1));
  CHECK_FALSE(held.contains(2));
  CHECK(held.contains(3));  // nobody has looked at it
  CHECK_FALSE(held.claim(1));
  CHECK_FALSE(held.claim(3));
  held.set(3, false);
  CHECK(held.claim(3));
  held.set(2, true);
  CHECK_FALSE(held.claim(2));
  held.replace(false, {}, {});
  CHECK(held.claim(1));
}

TEST_CASE("a claim is told to the hold that comes meanwhile, until it ends") {
  HeldSegments held;
  REQUIRE(held.claim(7));
  CHECK(held.replace(true, {7}, {}) == HeldSegments::Ids{7});
  held.unclaim(7);
  CHECK(held.replace(true, {7}, {}).empty());
  CHECK_FALSE(held.claim(7));
}

TEST_CASE("what nobody has judged is judged when it is asked for, and only then") {
  HeldSegments held;
  std::vector<std::uint64_t> asked;
  held.set_judge([&](std::uint64_t id_high) {
    asked.push_back(id_high);
    if (id_high < 10) held.set(id_high, id_high == 5);
  });
  CHECK(held.claim(4));
  CHECK(asked.empty());  // no hold
  held.replace(true, {}, {});
  CHECK(held.claim(4));
  CHECK_FALSE(held.claim(5));
  CHECK_FALSE(held.claim(5));
  CHECK_FALSE(held.claim(20));  // the judge does not know it
  CHECK(asked == std::vector<std::uint64_t>{4, 5, 20});
}

TEST_CASE("threads: what a hold was not told to be going is never claimed") {
  HeldSegments held;
  std::atomic<int> wrong{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> promised{0};  // segments below it are held for good
  std::thread ring([&] {
    for (std::uint64_t id = 0; !stop; id = (id + 1) % 1000) {
      const bool was_promised = id < promised.load();
      if (!held.claim(id)) continue;
      if (was_promised) ++wrong;
      held.unclaim(id);
    }
  });
  HeldSegments::Ids all_held;
  for (std::uint64_t id = 0; id < 1000; ++id) {
    all_held.insert(id);
    HeldSegments::Ids free;
    for (std::uint64_t other = id + 1; other < 1000; ++other) free.insert(other);
    while (held.replace(true, all_held, free).contains(id)) {
    }
    promised = id + 1;
  }
  stop = true;
  ring.join();
  CHECK(wrong == 0);
}
