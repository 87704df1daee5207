// Our calendar against the C library's, and round trips of random instants. The seed is printed on failure.

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <limits>
#include <random>
#include <string>

#include "capture/base/time.hpp"

using namespace tapline;

namespace {

std::string format_with_gmtime(std::int64_t seconds) {
  const std::time_t at = seconds;
  std::tm parts{};
  gmtime_r(&at, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000000000Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

TEST_CASE("every day from 1678 to 2261 is the C library's") {
  constexpr std::int64_t kDay = 86'400;
  for (std::int64_t day = -106'650; day <= 106'650; ++day) {
    const std::int64_t seconds = day * kDay + (day * 7'919 % kDay + kDay) % kDay;
    const std::string text = format_with_gmtime(seconds);
    if (format_rfc3339(seconds * kNsPerSecond) != text) FAIL("day " << day << " is not " << text);
    const Result<TimeNs> back = parse_time(text, 0);
    if (!back || *back != seconds * kNsPerSecond) FAIL(text << " is not read as second " << seconds);
  }
}

TEST_CASE("random instants survive writing and reading") {
  constexpr std::uint64_t kSeed = 20'260'101;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const auto time_ns = static_cast<TimeNs>(random());
    const Result<TimeNs> compact = parse_compact(format_compact(time_ns));
    const Result<TimeNs> rfc3339 = parse_time(format_rfc3339(time_ns), 0);
    if (!compact || *compact != time_ns) FAIL("compact form of " << time_ns);
    if (!rfc3339 || *rfc3339 != time_ns) FAIL("RFC 3339 form of " << time_ns);
    // Compact names sort as their times do.
    const auto other_ns = static_cast<TimeNs>(random());
    if ((format_compact(time_ns) < format_compact(other_ns)) != (time_ns < other_ns)) {
      FAIL("order of " << time_ns << " and " << other_ns);
    }
  }
}

TEST_CASE("random text never crashes a parser and is never read beyond its range") {
  constexpr std::uint64_t kSeed = 42;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::string alphabet = "0123456789-+:.TZ hmsdwnu";
  std::size_t accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    accepted += parse_time(text, std::numeric_limits<TimeNs>::min() + 1).ok();
    accepted += parse_duration(text).ok();
    accepted += parse_compact(text).ok();
  }
  CHECK(accepted > 0);
}
