#include "capture/files/pcapng_time.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

using namespace tapline;

namespace {

constexpr TimeNs kMax = std::numeric_limits<TimeNs>::max();
constexpr TimeNs kMin = std::numeric_limits<TimeNs>::min();

/// The same by long division and multiplication in decimal or binary steps: slow, and without any clever
/// constant.
TimeNs naive(std::uint8_t resolution, std::int64_t offset_s, std::uint64_t count) {
  __extension__ using Int128 = __int128;
  const unsigned exponent = resolution & 0x7fU;
  const unsigned base = (resolution & 0x80) != 0 ? 2 : 10;
  Int128 time_ns = 0;
  if (base == 10 && exponent <= 9) {
    time_ns = count;
    for (unsigned i = exponent; i < 9; ++i) time_ns *= 10;
  } else if (base == 10) {
    time_ns = count;
    for (unsigned i = 9; i < exponent; ++i) time_ns /= 10;
  } else {
    time_ns = Int128{count} * 1'000'000'000;
    for (unsigned i = 0; i < exponent; ++i) time_ns /= 2;
  }
  time_ns += Int128{offset_s} * 1'000'000'000;
  if (time_ns > kMax) return kMax;
  if (time_ns < kMin) return kMin;
  return static_cast<TimeNs>(time_ns);
}

}  // namespace

TEST_CASE("pcapng times in nanoseconds") {
  CHECK(PcapngClock().to_ns(1'767'225'600'000'619) == 1'767'225'600'000'619'000);
  CHECK(PcapngClock(0, 0).to_ns(5) == 5 * kNsPerSecond);
  CHECK(PcapngClock(9, 0).to_ns(5) == 5);
  CHECK(PcapngClock(12, 0).to_ns(5'999) == 5);
  CHECK(PcapngClock(28, 0).to_ns(UINT64_MAX) == 1);
  CHECK(PcapngClock(29, 0).to_ns(UINT64_MAX) == 0);
  CHECK(PcapngClock(127, 0).to_ns(UINT64_MAX) == 0);
  CHECK(PcapngClock(0x80, 0).to_ns(5) == 5 * kNsPerSecond);
  CHECK(PcapngClock(0x80 + 1, 0).to_ns(5) == 2'500'000'000);
  CHECK(PcapngClock(0x80 + 63, 0).to_ns(UINT64_MAX) == 1'999'999'999);
  CHECK(PcapngClock(0xff, 0).to_ns(UINT64_MAX) == 0);
  CHECK(PcapngClock(6, -2).to_ns(1) == -2 * kNsPerSecond + 1'000);
  CHECK(PcapngClock(0, 0).to_ns(UINT64_MAX) == kMax);
  CHECK(PcapngClock(0, std::numeric_limits<std::int64_t>::max()).to_ns(UINT64_MAX) == kMax);
  CHECK(PcapngClock(9, std::numeric_limits<std::int64_t>::min()).to_ns(0) == kMin);
  CHECK(PcapngClock(9, -9'223'372'037).to_ns(145'224'192) == kMin);
}

TEST_CASE("every resolution, offset and count has a time") {
  constexpr std::uint64_t kSeed = 7;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (unsigned resolution = 0; resolution < 256; ++resolution) {
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t count = random() >> random() % 64;
      const auto offset_s = static_cast<std::int64_t>(random()) >> random() % 64;
      const auto octet = static_cast<std::uint8_t>(resolution);
      if (PcapngClock(octet, offset_s).to_ns(count) != naive(octet, offset_s, count)) {
        FAIL("resolution " << resolution << " offset " << offset_s << " count " << count);
      }
    }
  }
}
