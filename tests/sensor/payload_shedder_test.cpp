#include "sensor/payload_shedder.hpp"

#include <catch2/catch.hpp>

#include "sensor/thread_exchange.hpp"

using namespace tapline;
using namespace tapline::sensor;

namespace {

constexpr unsigned kEighth = PayloadShedder::kBacklogMax / 8;
constexpr std::uint32_t kMouse = 3000;
constexpr std::uint32_t kWhale = 50'000'000;

/// A tenth of the payload is of mice, the rest of elephants and a whale.
void count_traffic(PayloadShedder& shedder) {
  for (int i = 0; i < 100; ++i) {
    shedder.sheds(kMouse, 100);
    shedder.sheds(1'000'000, 300);
    shedder.sheds(kWhale, 600);
  }
}

}  // namespace

TEST_CASE("payload is counted from six eighths of backlog on, and left out from seven, each until two less") {
  PayloadShedder shedder;
  const auto at = [&](unsigned backlog) {
    shedder.observe(backlog);
    if (!shedder.counting()) return 0;
    count_traffic(shedder);
    shedder.observe(backlog);
    return shedder.sheds(kWhale, 0) ? 2 : 1;
  };
  CHECK(at(0) == 0);
  CHECK(at(6 * kEighth - 1) == 0);
  CHECK(at(6 * kEighth) == 1);
  CHECK(at(7 * kEighth - 1) == 1);
  CHECK(at(5 * kEighth) == 1);
  CHECK(at(7 * kEighth) == 2);
  CHECK(at(5 * kEighth + 1) == 2);
  CHECK(at(5 * kEighth - 1) == 1);
  CHECK(at(6 * kEighth) == 1);
  CHECK(at(4 * kEighth) == 1);
  CHECK(at(4 * kEighth - 1) == 0);
  CHECK(at(5 * kEighth) == 0);
  CHECK(at(8 * kEighth) == 2);  // at once
}

TEST_CASE("the largest flows go first, smaller ones as the backlog grows, all of them at its limit") {
  PayloadShedder shedder;
  shedder.observe(7 * kEighth);
  count_traffic(shedder);
  const auto sheds = [&](unsigned backlog, std::uint32_t before) {
    shedder.observe(backlog);
    return shedder.sheds(before, 0);
  };
  CHECK(sheds(6 * kEighth, kWhale));  // a third has to go: the whale is more than that
  CHECK_FALSE(sheds(6 * kEighth, 1'000'000));
  CHECK(sheds(7 * kEighth, 1'000'000));  // two thirds
  CHECK_FALSE(sheds(7 * kEighth, kMouse));
  CHECK(sheds(8 * kEighth, kMouse));
  CHECK(sheds(8 * kEighth, 0));
  CHECK_FALSE(sheds(5 * kEighth, kWhale));
}

TEST_CASE("what is large is what is large of late") {
  PayloadShedder shedder;
  shedder.observe(7 * kEighth);
  for (int i = 0; i < 100'000; ++i) shedder.sheds(kWhale, 1000);
  for (int i = 0; i < 2000; ++i) {  // the whale has gone
    for (int j = 0; j < 1000; ++j) shedder.sheds(kMouse, 1000);
    shedder.observe(6 * kEighth);
  }
  CHECK(shedder.sheds(kMouse, 0));
}

TEST_CASE("backlog: the share of the blocks beyond one a lane that the writer has not given back") {
  ThreadExchange exchange(24, 8, 4096, kNsPerSecond);
  CHECK(exchange.backlog() == 0);
  for (unsigned sent = 1; sent <= 24; ++sent) {
    exchange.send(*exchange.take());
    CHECK(exchange.backlog() == std::min(sent * 16, 256u));
  }
  Parcel parcel;
  for (unsigned left = 24; left > 0; --left) {
    REQUIRE(exchange.receive(parcel));
    CHECK(exchange.backlog() == std::min(left * 16, 256u));  // one that is being written is not free
    exchange.give_back(parcel);
  }
  CHECK(exchange.backlog() == 0);
}
