// The matcher against a decoder written from RFC 8878's words for sequences, with hints that are right, wrong
// and beyond every bound.

#include "storage/header_matcher.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "capture/base/byte_writer.hpp"
#include "storage/format.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

void put_record(ByteBuffer& content, Bytes frame) {
  const std::size_t at = content.size();
  content.resize(at + kPcapRecordHeaderBytes, 0);
  store_le<std::uint32_t>(content.data() + at + 8, static_cast<std::uint32_t>(frame.size()));
  store_le<std::uint32_t>(content.data() + at + 12, static_cast<std::uint32_t>(frame.size()));
  put_bytes(content, frame);
}

/// The content that the sequences make; checks what a zstd decoder relies on.
ByteBuffer play(std::span<const HeaderSequence> sequences, Bytes content) {
  ByteBuffer made;
  std::size_t block_begin = 0;
  for (const HeaderSequence& sequence : sequences) {
    REQUIRE(sequence.literal_bytes <= content.size() - made.size());
    put_bytes(made, content.subspan(made.size(), sequence.literal_bytes));
    if (sequence.offset == 0) {  // the end of a block
      REQUIRE(sequence.match_bytes == 0);
      REQUIRE(made.size() - block_begin <= kZstdBlockBytesMax);
      block_begin = made.size();
      continue;
    }
    REQUIRE(sequence.match_bytes >= HeaderMatcher::kMatchBytesMin);
    REQUIRE(sequence.offset <= made.size());
    REQUIRE(sequence.match_bytes <= content.size() - made.size());
    for (std::uint32_t i = 0; i < sequence.match_bytes; ++i)
      made.push_back(made[made.size() - sequence.offset]);
  }
  CHECK(block_begin == made.size());
  return made;
}

std::size_t matched_bytes(std::span<const HeaderSequence> sequences) {
  std::size_t bytes = 0;
  for (const HeaderSequence& sequence : sequences) bytes += sequence.match_bytes;
  return bytes;
}

}  // namespace

TEST_CASE(
    "what stands in the hinted record at the same place is a match, runs of less than four bytes are not") {
  ByteBuffer first(100, 0xaa);
  ByteBuffer second = first;
  second[4] = 1;
  second[8] = 2;   // three equal bytes between the two
  second[13] = 3;  // four
  ByteBuffer content;
  put_record(content, first);
  put_record(content, second);
  HeaderMatcher matcher(1000);
  const HeaderHint hints[] = {{0, 100}, {116, 100}};
  const auto sequences = matcher.match(content, hints);
  CHECK(play(sequences, content) == content);
  const HeaderSequence expected[] = {{116, 116, 20, 0}, {116, 5, 4, 0}, {116, 1, 86, 0}, {0, 0, 0, 0}};
  CHECK(std::ranges::equal(sequences, expected));
}

TEST_CASE("a match goes on to the end of its record, and no further") {
  ByteBuffer content;
  for (int i = 0; i < 3; ++i) put_record(content, ByteBuffer(500, 7));
  HeaderMatcher matcher(2000);
  const HeaderHint hints[] = {{0, 54}, {516, 54}, {516, 54}};
  const HeaderSequence expected[] = {{516, 516, 516, 0}, {516, 0, 516, 0}, {0, 0, 0, 0}};
  CHECK(std::ranges::equal(matcher.match(content, hints), expected));
  CHECK(matched_bytes(matcher.match(content, std::span(hints).first(2))) == 516);  // fewer hints than records
  CHECK(matched_bytes(matcher.match(content, {})) == 0);
}

TEST_CASE("beyond the headers and a few bytes nothing is looked for") {
  std::mt19937 random(1);
  ByteBuffer first(1000);
  for (std::uint8_t& byte : first) byte = static_cast<std::uint8_t>(random());
  ByteBuffer second = first;
  for (std::size_t at = 0; at < 200; ++at) second[at] ^= 1;
  ByteBuffer content;
  put_record(content, first);
  put_record(content, second);
  HeaderMatcher matcher(3000);
  const HeaderHint hints[] = {{0, 54}, {1016, 54}};
  CHECK(matched_bytes(matcher.match(content, hints)) == 16);  // the pcap header
}

TEST_CASE("zstd's blocks end at records, but within those that are longer than one") {
  const std::size_t bytes = GENERATE(0u, 1u, 60'000u, 131'056u, 131'057u, 131'072u, 200'000u, 262'144u);
  CAPTURE(bytes);
  ByteBuffer content;
  std::vector<HeaderHint> hints;
  std::vector<std::size_t> borders{0};
  for (int i = 0; i < 4; ++i) {
    put_record(content, ByteBuffer(bytes, 7));
    hints.push_back({(i == 0 ? 0 : static_cast<std::uint32_t>(bytes + 16)) & 0xffffff, 54});
    borders.push_back(content.size());
  }
  HeaderMatcher matcher(static_cast<std::uint32_t>(content.size()));
  const auto sequences = matcher.match(content, hints);
  CHECK(play(sequences, content) == content);
  std::size_t at = 0;
  for (const HeaderSequence& sequence : sequences) {
    at += sequence.literal_bytes + sequence.match_bytes;
    if (sequence.offset == 0 && bytes + 16 <= kZstdBlockBytesMax)
      CHECK(std::ranges::find(borders, at) != borders.end());
  }
}

TEST_CASE("no hint can make the sequences wrong") {
  const auto seed = GENERATE(range(1u, 200u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  ByteBuffer content;
  std::vector<HeaderHint> hints;
  const std::uint32_t frame_bytes_max = 1u << (1 + below(11));
  for (std::uint32_t records = below(200); records > 0; --records) {
    ByteBuffer frame(below(frame_bytes_max));
    for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(below(1u << (1 + seed % 8)));
    put_record(content, frame);
    if (below(300) == 0) continue;  // the hints behind belong to other records
    const std::uint32_t back_bytes =
        below(4) == 0 ? below(1u << 24) : below(static_cast<std::uint32_t>(content.size()));
    hints.push_back({back_bytes & 0xffffff, below(256) & 0xff});
  }
  HeaderMatcher matcher(static_cast<std::uint32_t>(content.size()));  // no larger: its memory must suffice
  CHECK(play(matcher.match(content, hints), content) == content);
}

TEST_CASE("memory suffices where every match is as short as it can be") {
  ByteBuffer content;
  std::vector<HeaderHint> hints;
  for (std::uint32_t i = 0; i < 300; ++i) {
    ByteBuffer frame(240);
    for (std::size_t at = 0; at < frame.size(); ++at)
      frame[at] = static_cast<std::uint8_t>(at % 5 == 0 ? i : 0);
    put_record(content, frame);
    hints.push_back({i == 0 ? 0u : 256u, 240});
  }
  HeaderMatcher matcher(static_cast<std::uint32_t>(content.size()));
  const auto sequences = matcher.match(content, hints);
  CHECK(sequences.size() > 299 * 45);
  CHECK(play(sequences, content) == content);
}
