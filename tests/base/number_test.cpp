#include "capture/base/number.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace tapline;

TEST_CASE("whole numbers are read within their range") {
  CHECK(*parse_number("0", 0, UINT64_MAX) == 0);
  CHECK(*parse_number("007", 0, 10) == 7);
  CHECK(*parse_number("18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
  CHECK(*parse_number("1", 1, 64) == 1);
  CHECK(*parse_number("64", 1, 64) == 64);
}

TEST_CASE("what is no whole number, or out of range, is refused by name") {
  for (const std::string text :
       {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "one", "65", "0", "18446744073709551616"}) {
    const Result<std::uint64_t> got = parse_number(text, 1, 64);
    INFO(text);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().code == ErrorCode::kInvalid);
    CHECK(got.error().context == "'" + text + "' is not a whole number from 1 to 64");
  }
  CHECK(parse_number("x", 0, UINT64_MAX).error().context == "'x' is not a whole number");
}
