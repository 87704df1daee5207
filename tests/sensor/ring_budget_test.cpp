// The ring keeps packets and indexes within the budget, drops the oldest first, and what it dropped stays
// known.

#include <algorithm>
#include <catch2/catch.hpp>

#include "storage/query/coverage.hpp"
#include "storage/query/extraction.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
constexpr std::uint64_t kBudgetBytes = 1024 * 1024;

/// Incompressible, `bytes` long, a millisecond apart.
std::vector<OwnedFrame> noise(std::size_t count, std::size_t bytes) {
  std::mt19937_64 random(5);
  std::vector<OwnedFrame> frames;
  for (std::size_t i = 0; i < count; ++i) {
    ByteBuffer frame = PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).bytes();
    while (frame.size() < bytes) frame.push_back(static_cast<std::uint8_t>(random()));
    frames.push_back(owned(std::move(frame), kStart + static_cast<TimeNs>(i) * kNsPerMillisecond));
  }
  return frames;
}

RecordOptions budget_of_1_mib() {
  RecordOptions options;
  options.budget_bytes = kBudgetBytes;
  options.segment.block_bytes = 8 * 1024;
  return options;
}

/// Records frame by frame and gives the most that packets/ ever held between two bursts.
std::uint64_t record_and_watch(const TestStore& store, const std::vector<OwnedFrame>& frames) {
  const auto pipeline = make_pipeline(*store, budget_of_1_mib());
  std::uint64_t bytes_max = 0;
  for (std::size_t at = 0; at < frames.size(); at += 8) {
    const std::size_t count = std::min<std::size_t>(8, frames.size() - at);
    const std::span<const OwnedFrame> part = std::span(frames).subspan(at, count);
    MemorySource burst(part, 8);
    must(feed(*pipeline, burst));
    bytes_max = std::max(bytes_max, bytes_in(store->packets_directory()));
  }
  must(pipeline->finish());
  must(pipeline->totals().check());
  return std::max(bytes_max, bytes_in(store->packets_directory()));
}

}  // namespace

TEST_CASE("segments and indexes stay within the budget all the time") {
  const TestStore store;
  const std::uint64_t bytes_max = record_and_watch(store, noise(3000, 1000));
  CHECK(bytes_max <= kBudgetBytes);
  CHECK(bytes_max > kBudgetBytes * 3 / 4);
}

TEST_CASE("the budget holds for frames longer than a segment of it should be") {
  const TestStore store;
  CHECK(record_and_watch(store, noise(20, kFrameBytesMax)) <= kBudgetBytes);
}

TEST_CASE("the budget holds while segments of several link types are open") {
  std::vector<OwnedFrame> frames = noise(3000, 1000);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].link_type = static_cast<std::uint16_t>(147 + i % 4);
  }
  const TestStore store;
  CHECK(record_and_watch(store, frames) <= kBudgetBytes);
}

TEST_CASE("the ring drops the oldest segments and leaves their names") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = noise(3000, 1000);
  const Recording recording = record(*store, frames, budget_of_1_mib());
  CHECK(recording.count(storage::kFrameStoredWhole) == 3000);
  const storage::Catalog catalog = scan(*store);
  REQUIRE(recording.segments_evicted > 0);
  CHECK(catalog.expired.size() == recording.segments_evicted);
  const auto last_of = [](const storage::CatalogFile& file) { return file.name.last_ns; };
  CHECK(std::ranges::max(catalog.expired, {}, last_of).name.last_ns < catalog.segments.front().name.first_ns);
  CHECK(catalog.expired.front().name.first_ns == kStart);
  for (const storage::CatalogFile& file : catalog.expired) CHECK(file.file_bytes == 0);
}

TEST_CASE("what the ring has kept is extracted exactly, and what it dropped is a hole") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = noise(3000, 1000);
  record(*store, frames, budget_of_1_mib());
  const storage::Catalog catalog = scan(*store);
  const TimeNs kept_since_ns = catalog.segments.front().name.first_ns;

  query::PacketQuestion question{must(query::Filter::parse("udp", {})), {}, {}, query::SessionSide::kBoth, 0};
  query::Extraction extraction = must(query::Extraction::prepare(*store, question));
  std::vector<OwnedFrame> extracted;
  while (const Frame* frame = extraction.next()) extracted.push_back(owned(*frame));

  std::vector<OwnedFrame> expected;
  std::ranges::copy_if(frames, std::back_inserter(expected),
                       [&](const OwnedFrame& frame) { return frame.time_ns >= kept_since_ns; });
  CHECK(extracted == expected);
  const query::Coverage coverage = extraction.coverage();
  CHECK(coverage.holes.size() == catalog.expired.size());
  for (const query::Hole& hole : coverage.holes) {
    CHECK(hole.reason == query::HoleReason::kExpired);
    CHECK(hole.last_ns < kept_since_ns);
  }
}

TEST_CASE("a question about what the ring has kept knows of no hole") {
  const TestStore store;
  record(*store, noise(3000, 1000), budget_of_1_mib());
  const storage::Catalog catalog = scan(*store);
  const TimeWindow kept{catalog.segments.front().name.first_ns, catalog.segments.back().name.last_ns + 1};
  query::PacketQuestion question{
      must(query::Filter::parse("udp", {})), kept, {}, query::SessionSide::kBoth, 0};
  CHECK(must(query::Extraction::prepare(*store, question)).coverage().complete());
}
