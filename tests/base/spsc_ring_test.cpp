#include "capture/base/spsc_ring.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <thread>
#include <vector>

using namespace tapline;

namespace {

struct Item {
  std::uint64_t number = 0;
  std::uint64_t* place = nullptr;
};

}  // namespace

TEST_CASE("values come out of a ring in the order in which they went in") {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) REQUIRE(ring.push(i));
  CHECK(ring.size() == 4);
  for (int i = 0, value = -1; i < 4; ++i) {
    REQUIRE(ring.pop(value));
    CHECK(value == i);
  }
  CHECK(ring.size() == 0);
}

TEST_CASE("a full ring refuses and keeps what it has; an empty one leaves the value alone") {
  const std::size_t count_min = GENERATE(0u, 1u, 2u, 3u, 5u, 64u);
  CAPTURE(count_min);
  SpscRing<std::size_t> ring(count_min);
  std::size_t value = 77;
  CHECK_FALSE(ring.pop(value));
  CHECK(value == 77);
  std::size_t room = 0;
  while (ring.push(room)) ++room;
  CHECK(room >= count_min);
  CHECK(room <= 2 * count_min + 1);
  CHECK_FALSE(ring.push(99));
  for (std::size_t i = 0; i < room; ++i) {
    REQUIRE(ring.pop(value));
    CHECK(value == i);
  }
  CHECK_FALSE(ring.pop(value));
}

TEST_CASE("a ring goes round at any fill, and one place that becomes free can be used at once") {
  SpscRing<std::uint64_t> ring(8);
  const std::uint64_t fill = GENERATE(1u, 3u, 7u, 8u);
  CAPTURE(fill);
  for (std::uint64_t i = 0; i < fill; ++i) REQUIRE(ring.push(i));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    std::uint64_t value = 0;
    REQUIRE(ring.pop(value));
    REQUIRE(value == i);
    REQUIRE(ring.push(i + fill));
    REQUIRE(ring.size() == fill);
  }
}

TEST_CASE("between two threads nothing is lost, doubled or seen before what it points to") {
  constexpr std::uint64_t kItems = 2'000'000;
  constexpr std::size_t kPlaces = 1024;
  SpscRing<Item> sent(64);
  SpscRing<Item> returned(kPlaces);
  std::vector<std::uint64_t> places(kPlaces);
  for (std::uint64_t& place : places) REQUIRE(returned.push({0, &place}));

  std::uint64_t wrong_received = 0;  // the consumer's, until it is joined
  std::uint64_t wrong_returned = 0;
  std::thread consumer([&] {
    for (std::uint64_t i = 1; i <= kItems; ++i) {
      Item item;
      while (!sent.pop(item)) std::this_thread::yield();
      wrong_received += item.number != i || *item.place != i * 3 ? 1 : 0;
      *item.place = 0;  // the consumer's until it is returned
      while (!returned.push(item)) std::this_thread::yield();
    }
  });
  std::uint64_t greatest_size = 0;
  for (std::uint64_t i = 1; i <= kItems; ++i) {
    Item item;
    while (!returned.pop(item)) std::this_thread::yield();
    wrong_returned += *item.place != 0 ? 1 : 0;
    *item.place = i * 3;
    item.number = i;
    while (!sent.push(item)) std::this_thread::yield();
    greatest_size = std::max<std::uint64_t>(greatest_size, sent.size());
  }
  consumer.join();
  CHECK(wrong_received == 0);
  CHECK(wrong_returned == 0);
  CHECK(greatest_size <= 64);
  CHECK(sent.size() == 0);
  CHECK(returned.size() == kPlaces);
}
