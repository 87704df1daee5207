// Times written and read, against values from `date -u -d ... +%s` and RFC 3339's own examples.

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "capture/base/time.hpp"

using namespace tapline;

namespace {

constexpr TimeNs kMax = std::numeric_limits<TimeNs>::max();
constexpr TimeNs kMin = std::numeric_limits<TimeNs>::min();
constexpr TimeNs kNow = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z

TimeNs parsed(const std::string& text) {
  const Result<TimeNs> time_ns = parse_time(text, kNow);
  INFO(text);
  REQUIRE(time_ns.ok());
  return *time_ns;
}

}  // namespace

TEST_CASE("times are written in RFC 3339 and in the compact form") {
  struct Row {
    TimeNs time_ns;
    std::string rfc3339;
    std::string compact;
  };
  const std::vector<Row> rows = {
      {0, "1970-01-01T00:00:00.000000000Z", "19700101T000000.000000000Z"},
      {1, "1970-01-01T00:00:00.000000001Z", "19700101T000000.000000001Z"},
      {-1, "1969-12-31T23:59:59.999999999Z", "19691231T235959.999999999Z"},
      {-kNsPerSecond, "1969-12-31T23:59:59.000000000Z", "19691231T235959.000000000Z"},
      {kNow + 619'000, "2026-01-01T00:00:00.000619000Z", "20260101T000000.000619000Z"},
      {kNow - 1, "2025-12-31T23:59:59.999999999Z", "20251231T235959.999999999Z"},
      {951'782'400 * kNsPerSecond, "2000-02-29T00:00:00.000000000Z", "20000229T000000.000000000Z"},
      {4'107'542'399 * kNsPerSecond, "2100-02-28T23:59:59.000000000Z", "21000228T235959.000000000Z"},
      {4'107'542'400 * kNsPerSecond, "2100-03-01T00:00:00.000000000Z", "21000301T000000.000000000Z"},
      {4'294'967'295 * kNsPerSecond, "2106-02-07T06:28:15.000000000Z", "21060207T062815.000000000Z"},
      {-2'208'988'800 * kNsPerSecond, "1900-01-01T00:00:00.000000000Z", "19000101T000000.000000000Z"},
      {kMax, "2262-04-11T23:47:16.854775807Z", "22620411T234716.854775807Z"},
      {kMin, "1677-09-21T00:12:43.145224192Z", "16770921T001243.145224192Z"},
  };
  for (const Row& row : rows) {
    CHECK(format_rfc3339(row.time_ns) == row.rfc3339);
    CHECK(format_compact(row.time_ns) == row.compact);
    CHECK(parsed(row.rfc3339) == row.time_ns);
    const Result<TimeNs> back = parse_compact(row.compact);
    REQUIRE(back.ok());
    CHECK(*back == row.time_ns);
  }
}

TEST_CASE("times are read as users type them") {
  const std::vector<std::pair<std::string, TimeNs>> rows = {
      {"now", kNow},
      {"2026-01-01", kNow},
      {"2026-01-01T00:00", kNow},
      {"2026-01-01 00:00:00", kNow},
      {"2026-01-01t00:00:00z", kNow},
      {"2026-01-01T00:00:00.5Z", kNow + 500'000'000},
      {"2026-01-01T00:00:00.000000007", kNow + 7},
      {"2026-01-01T01:00:00+01:00", kNow},
      {"2025-12-31T14:30:00-09:30", kNow},
      {"2026-01-01T05:45+0545", kNow},
      {"2025-12-31T23:59:60Z", kNow},
      {"2025-12-31T23:59:60.25Z", kNow + 250'000'000},
      {"1985-04-12T23:20:50.52Z", 482'196'050'520'000'000},
      {"1996-12-19T16:39:57-08:00", 851'042'397'000'000'000},
      {"1990-12-31T15:59:60-08:00", 662'688'000'000'000'000},
      {"1937-01-01T12:00:27.87+00:20", -1'041'337'172'130'000'000},
      {"0", 0},
      {"1767225600", kNow},
      {"1767225600.000000001", kNow + 1},
      {"-1", -kNsPerSecond},
      {"-0.25", -250'000'000},
      {"9223372036.854775807", kMax},
      {"-9223372036.854775808", kMin},
      {"-3h", kNow - 10'800 * kNsPerSecond},
      {"-90s", kNow - 90 * kNsPerSecond},
      {"-5m", kNow - 300 * kNsPerSecond},
      {"-1.5d", kNow - 129'600 * kNsPerSecond},
      {"-2w", kNow - 1'209'600 * kNsPerSecond},
  };
  for (const auto& [text, time_ns] : rows) CHECK(parsed(text) == time_ns);
}

TEST_CASE("what is no time is refused by name") {
  const std::vector<std::string> rows = {
      "",
      "yesterday",
      "Now",
      "2026",
      "2026-1-1",
      "2026-13-01",
      "2026-00-01",
      "2026-01-00",
      "2026-04-31",
      "2026-02-29",
      "1900-02-29",
      "2026-01-01T",
      "2026-01-01T24:00",
      "2026-01-01T00:60",
      "2026-01-01T00:00:61",
      "2026-01-01T00:00:00.",
      "2026-01-01T00:00:00.0000000001",
      "2026-01-01T00:00:00+1",
      "2026-01-01T00:00:00+24:00",
      "2026-01-01T00:00:00+01:60",
      "2026-01-01T00:00:00ZZ",
      "2026-01-01T00:00:00 ",
      "2026-01-01x00:00",
      " 2026-01-01",
      "2262-04-11T23:47:16.854775808Z",
      "1677-09-21T00:12:43.145224191Z",
      "0001-01-01",
      "9999-12-31",
      "9223372036.854775808",
      "-9223372036.854775809",
      "99999999999999999999",
      "1.0000000001",
      "1.",
      "-",
      "--1",
      "3h",
      "-3x",
      "-300000w",
      "+1",
      "1e9",
  };
  for (const std::string& text : rows) {
    if (text == "2026") continue;  // seconds since 1970, see below
    const Result<TimeNs> time_ns = parse_time(text, kNow);
    INFO(text);
    REQUIRE_FALSE(time_ns.ok());
    CHECK(time_ns.error().code == ErrorCode::kInvalid);
    CHECK(time_ns.error().context.find("'" + text + "'") != std::string::npos);
  }
  CHECK(parsed("2026") == 2'026 * kNsPerSecond);
}

TEST_CASE("a compact time has exactly one shape") {
  for (const std::string text :
       {"", "20260101T000000Z", "20260101T000000.000619Z", "20260101T000000.000619000",
        "20260101T000000.000619000z", "20260101T000000.0006190000Z", "20260101t000000.000619000Z",
        "2026-01-01T00:00:00.000619000Z", "20260101T000060.000000000Z", "20260231T000000.000000000Z",
        "20260101T000000.000619000Z ", "22620411T234716.854775808Z", "-0260101T000000.000619000Z"}) {
    const Result<TimeNs> time_ns = parse_compact(text);
    INFO(text);
    REQUIRE_FALSE(time_ns.ok());
    CHECK(time_ns.error().code == ErrorCode::kInvalid);
    CHECK(time_ns.error().context.find("'" + text + "'") != std::string::npos);
  }
}

TEST_CASE("durations have a unit") {
  const std::vector<std::pair<std::string, TimeNs>> rows = {
      {"0s", 0},
      {"1ns", 1},
      {"7us", 7'000},
      {"500ms", 500'000'000},
      {"30s", 30 * kNsPerSecond},
      {"0.5s", 500'000'000},
      {"5m", 300 * kNsPerSecond},
      {"3h", 10'800 * kNsPerSecond},
      {"2d", 172'800 * kNsPerSecond},
      {"1w", 604'800 * kNsPerSecond},
      {"1.000000001w", 604'800 * kNsPerSecond + 604'800},
      {"9223372036854775807ns", kMax},
  };
  for (const auto& [text, span] : rows) {
    const Result<TimeNs> got = parse_duration(text);
    INFO(text);
    REQUIRE(got.ok());
    CHECK(*got == span);
  }
  for (const std::string text :
       {"", "5", "s", "-5s", "5 s", "5S", "5min", "5sec", ".5s", "5.s", "1.0000000001s",
        "9223372036854775808ns", "20000w", "99999999999999999999s"}) {
    const Result<TimeNs> got = parse_duration(text);
    INFO(text);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().code == ErrorCode::kInvalid);
    CHECK(got.error().context.find("'" + text + "'") != std::string::npos);
  }
}

TEST_CASE("the rest of a second is never negative") {
  CHECK(floor_seconds(-1) == -1);
  CHECK(second_rest_ns(-1) == 999'999'999);
  CHECK(floor_seconds(-kNsPerSecond) == -1);
  CHECK(second_rest_ns(-kNsPerSecond) == 0);
  CHECK(floor_seconds(kMin) == -9'223'372'037);
  CHECK(second_rest_ns(kMin) == 145'224'192);
  CHECK(floor_seconds(kMax) == 9'223'372'036);
  CHECK(second_rest_ns(kMax) == 854'775'807);
}

TEST_CASE("the clock is past this line's writing") {
  CHECK(wall_clock_ns() > 1'735'689'600 * kNsPerSecond);
}
