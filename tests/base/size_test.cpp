#include "capture/base/size.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace tapline;

TEST_CASE("sizes are read as users type them") {
  const std::vector<std::pair<std::string, std::uint64_t>> rows = {
      {"0", 0},
      {"1500", 1'500},
      {"1500B", 1'500},
      {"64KiB", 65'536},
      {"64kib", 65'536},
      {"64Ki", 65'536},
      {"10GiB", 10'737'418'240},
      {"10G", 10'000'000'000},
      {"1.5MB", 1'500'000},
      {"1.5 MiB", 1'572'864},
      {"0.5K", 500},
      {"1.1GiB", 1'181'116'006},  // 1,181,116,006.4
      {"1.0", 1},
      {"2TiB", 2'199'023'255'552},
      {"3P", 3'000'000'000'000'000},
      {"15EiB", 17'293'822'569'102'704'640U},
      {"18446744073709551.615K", 18'446'744'073'709'551'615U},
  };
  for (const auto& [text, bytes] : rows) {
    const Result<std::uint64_t> got = parse_size(text);
    INFO(text);
    REQUIRE(got.ok());
    CHECK(*got == bytes);
  }
}

TEST_CASE("what is no size is refused by name") {
  for (const std::string text : {"",
                                 "G",
                                 "-1",
                                 "+1",
                                 "1.5",
                                 "1.5B",
                                 "1,5K",
                                 "10 ",
                                 "10  G",
                                 "10Gb/s",
                                 "10iB",
                                 "10X",
                                 "10KK",
                                 "0x10",
                                 "1e9",
                                 "16EiB",
                                 "18446744073709552K",
                                 "99999999999999999999",
                                 "1.0000000001G",
                                 "1.G",
                                 ".5G"}) {
    const Result<std::uint64_t> got = parse_size(text);
    INFO(text);
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().code == ErrorCode::kInvalid);
    CHECK(got.error().context.find("'" + text + "'") != std::string::npos);
  }
}

TEST_CASE("sizes are written with three significant digits") {
  const std::vector<std::pair<std::uint64_t, std::string>> rows = {
      {0, "0 B"},
      {999, "999 B"},
      {1'023, "1023 B"},
      {1'024, "1.00 KiB"},
      {10'235, "10.0 KiB"},
      {10'240, "10.0 KiB"},
      {102'348, "99.9 KiB"},
      {102'349, "100 KiB"},
      {1'023'000, "999 KiB"},
      {1'023'999, "0.977 MiB"},
      {1'048'575, "1.00 MiB"},
      {1'503'238'554, "1.40 GiB"},
      {UINT64_MAX, "16.0 EiB"},
  };
  for (const auto& [bytes, text] : rows) CHECK(format_size(bytes) == text);
}

TEST_CASE("a written size is read back within its precision") {
  for (std::uint64_t bytes = 1; bytes < UINT64_MAX / 16; bytes = bytes * 3 + 1) {
    const Result<std::uint64_t> back = parse_size(format_size(bytes));
    REQUIRE(back.ok());
    const double ratio = static_cast<double>(*back) / static_cast<double>(bytes);
    CHECK(ratio == Approx(1.0).epsilon(0.006));
  }
}
