#include "storage/query/json_text.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace tapline;
using namespace tapline::query;

TEST_CASE("quotes, backslashes and control characters are escaped") {
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("a\"b\\c") == R"("a\"b\\c")");
  CHECK(json_string(std::string_view("\n\t\0\x1f", 4)) == R"("\u000a\u0009\u0000\u001f")");
}

TEST_CASE("other bytes of a name stay as they are") {
  CHECK(json_string("caf\xc3\xa9 \x7f \xff") == "\"caf\xc3\xa9 \x7f \xff\"");
}

TEST_CASE("an object keeps the order of its members and the whole range of numbers") {
  JsonObject json;
  CHECK(json.text() == "{}");
  json.add("least", std::numeric_limits<std::int64_t>::min());
  json.add("greatest", std::numeric_limits<std::uint64_t>::max());
  json.add("yes", true);
  json.add("no", false);
  json.add_text("te\"xt", "x");
  json.add_time("time", -1);
  CHECK(json.text() ==
        R"({"least":-9223372036854775808,"greatest":18446744073709551615,"yes":true,"no":false,)"
        R"("te\"xt":"x","time":"1969-12-31T23:59:59.999999999Z"})");
}

TEST_CASE("arrays hold what is JSON already") {
  JsonObject json;
  json.add_array("none", {});
  const std::string items[] = {"1", "{}"};
  json.add_array("two", items);
  CHECK(json.text() == R"({"none":[],"two":[1,{}]})");
}
