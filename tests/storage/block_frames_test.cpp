// Records of a block become frames with the times that were written, to the ends of time; what cannot have
// been written is refused.

#include "storage/block_frames.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "capture/base/byte_writer.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr TimeNs kFirst = std::numeric_limits<TimeNs>::min();
constexpr TimeNs kLast = std::numeric_limits<TimeNs>::max();

/// A block whose header says `first_ns`, with one frame of 3 bytes.
DecodedBlock block_of(TimeNs first_ns, std::uint32_t seconds, std::uint32_t nanoseconds) {
  DecodedBlock block;
  block.header.first_ns = first_ns;
  block.header.frames = 1;
  put(block.content, seconds);
  put(block.content, nanoseconds);
  put<std::uint32_t>(block.content, 3);
  put<std::uint32_t>(block.content, 60);
  put_bytes(block.content, ByteBuffer{1, 2, 3});
  return block;
}

DecodedBlock block_at(TimeNs first_ns, TimeNs time_ns) {
  DecodedBlock block =
      block_of(first_ns, static_cast<std::uint32_t>(floor_seconds(time_ns)), second_rest_ns(time_ns));
  block.header.order_first_ns = block.header.order_last_ns = time_ns;
  return block;
}

}  // namespace

TEST_CASE("times come back from 32 bits of the second, also at the ends of what there is") {
  std::vector<Frame> frames;
  for (const TimeNs time_ns : {kFirst, kFirst + 1, kFirst + kNsPerSecond, TimeNs{-1}, TimeNs{0}, TimeNs{1},
                               (TimeNs{1} << 32) * kNsPerSecond, kLast - kNsPerSecond, kLast}) {
    for (const TimeNs apart_ns : {TimeNs{0}, kNsPerSecond, 1'000'000 * kNsPerSecond}) {
      CAPTURE(time_ns, apart_ns);
      const DecodedBlock block = block_at(time_ns < 0 ? time_ns + apart_ns : time_ns - apart_ns, time_ns);
      REQUIRE(parse_frames(block, {}, frames).ok());
      CHECK(frames.at(0).time_ns == time_ns);
      CHECK(frames[0].data == block.content.data() + kPcapRecordHeaderBytes);
    }
  }
}

TEST_CASE("records with more nanoseconds than a second has, or beyond the ends of time, are corrupt") {
  std::vector<Frame> frames;
  const auto code = [&](const DecodedBlock& block) {
    const Status parsed = parse_frames(block, {}, frames);
    return parsed ? ErrorCode::kInvalid : parsed.error().code;
  };
  CHECK(code(block_of(0, 5, 1'000'000'000)) == ErrorCode::kCorrupt);
  CHECK(code(block_of(0, 5, 0xffffffff)) == ErrorCode::kCorrupt);
  const auto last_second = static_cast<std::uint32_t>(floor_seconds(kLast));
  const auto first_second = static_cast<std::uint32_t>(floor_seconds(kFirst));
  CHECK(code(block_of(kLast, last_second, second_rest_ns(kLast) + 1)) == ErrorCode::kCorrupt);
  CHECK(code(block_of(kLast, last_second + 1, 0)) == ErrorCode::kCorrupt);
  CHECK(code(block_of(kFirst, first_second, second_rest_ns(kFirst) - 1)) == ErrorCode::kCorrupt);
  CHECK(code(block_of(kFirst, first_second - 1, 999'999'999)) == ErrorCode::kCorrupt);
}
