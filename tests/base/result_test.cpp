#include "capture/base/result.hpp"

#include <catch2/catch.hpp>
#include <memory>

using namespace tapline;

namespace {

Result<std::unique_ptr<int>> half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kInvalid, "odd"};
  return std::make_unique<int>(value / 2);
}

Status needs_even(int value, int& reached) {
  TAPLINE_TRY(half(value));
  ++reached;
  return {};
}

}  // namespace

TEST_CASE("a Result holds a value or an error") {
  Result<std::unique_ptr<int>> whole = half(4);
  REQUIRE(whole.ok());
  CHECK(**whole == 2);
  const std::unique_ptr<int> taken = *std::move(whole);
  CHECK(*taken == 2);
  const Result<std::unique_ptr<int>> odd = half(3);
  REQUIRE_FALSE(odd.ok());
  CHECK(odd.error().code == ErrorCode::kInvalid);
  CHECK(odd.error().context == "odd");
}

TEST_CASE("TAPLINE_TRY hands an error up and lets success pass") {
  int reached = 0;
  CHECK(needs_even(2, reached).ok());
  CHECK(reached == 1);
  const Status failed = needs_even(1, reached);
  CHECK(reached == 1);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().context == "odd");
}
