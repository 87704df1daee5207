#include "capture/files/input_window.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "capture/base/byte_writer.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

/// Ends with an error after its bytes.
class FailingInput final : public ByteInput {
 public:
  explicit FailingInput(Bytes bytes) : input_(bytes) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const Result<std::size_t> count = input_.read(out);
    if (*count > 0) return count;
    ++failures;
    return Error{ErrorCode::kIo, "the disk is gone"};
  }
  SourceProgress progress() const override { return input_.progress(); }

  int failures = 0;

 private:
  MemoryInput input_;
};

ByteBuffer counting(std::size_t bytes) {
  ByteBuffer out(bytes);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

}  // namespace

TEST_CASE("a window hands out every byte once, at its offset, whatever the request") {
  const ByteBuffer bytes = counting(3 * kWindowBytes + 1'001);
  for (const std::size_t step : {std::size_t{1'000}, kWindowBytes - 1, kWindowBytes + 1, 2 * kWindowBytes}) {
    InputWindow window(std::make_unique<TrickleInput>(bytes, 4'093), "input");
    std::size_t at = 0;
    for (;;) {
      const Result<bool> whole = window.require(step);
      REQUIRE(whole.ok());
      if (window.offset() != at) FAIL("offset " << window.offset() << " is not " << at);
      const Bytes got = window.available().first(std::min(step, window.available().size()));
      if (!std::equal(got.begin(), got.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at)))
        FAIL("at " << at);
      at += got.size();
      window.consume(got.size());
      if (!*whole) break;
    }
    CHECK(at == bytes.size());
    CHECK(window.available().empty());
  }
}

TEST_CASE("an error of the input comes when it is needed, after the bytes before it, and stays") {
  const ByteBuffer bytes = counting(100);
  auto input = std::make_unique<FailingInput>(bytes);
  const FailingInput& failing = *input;
  InputWindow window(std::move(input), "input");
  CHECK(*window.require(100));
  for (int i = 0; i < 2; ++i) {
    const Result<bool> more = window.require(101);
    REQUIRE_FALSE(more.ok());
    CHECK(more.error().context == "the disk is gone");
  }
  CHECK(failing.failures == 1);
  CHECK(*window.require(100));
  CHECK(window.available().size() == 100);
}

TEST_CASE("messages name the input and the offset") {
  const ByteBuffer bytes = counting(100);
  InputWindow window(std::make_unique<MemoryInput>(bytes), "input");
  REQUIRE(*window.require(50));
  window.consume(40);
  const Error error = error_at(window, ErrorCode::kCorrupt, "odd", 2);
  CHECK(error.code == ErrorCode::kCorrupt);
  CHECK(error.context == "input: offset 42: odd");
}
