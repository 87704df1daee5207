// Order keys: they go up, whatever the capture times do.

#include "capture/packet/order_stamper.hpp"

#include <array>
#include <catch2/catch.hpp>

namespace tapline::test {

TEST_CASE("an order key is the running maximum of time and a count within it") {
  std::array<Frame, 5> frames;
  const std::array<TimeNs, 5> times = {-5, -7, -5, 3, 2};
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i].time_ns = times[i];
  OrderStamper stamper;
  stamper.stamp(frames);
  const std::array<OrderKey, 5> expected = {{{-5, 0}, {-5, 1}, {-5, 2}, {3, 0}, {3, 1}}};
  for (std::size_t i = 0; i < frames.size(); ++i) CHECK(frames[i].order == expected[i]);
  CHECK(stamper.last() == expected.back());
}

TEST_CASE("where a count is used up, order time goes on by a nanosecond") {
  constexpr std::uint32_t kCountMax = 0xffff'ffff;
  OrderKey key{7, kCountMax - 1};
  for (const OrderKey expected : {OrderKey{7, kCountMax}, OrderKey{8, 0}, OrderKey{8, 1}}) {
    count_on(key);
    CHECK(key == expected);
  }
  constexpr OrderKey kLast{std::numeric_limits<TimeNs>::max(), kCountMax};
  key = kLast;
  count_on(key);
  CHECK(key == kLast);
}

}  // namespace tapline::test
