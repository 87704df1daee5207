// What a plan leaves out, and that a missing or damaged index costs reads and never frames.

#include "storage/query/plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <filesystem>

#include "storage/container_layout.hpp"
#include "storage/segment_index.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
namespace fs = std::filesystem;

namespace {

void record_many(const storage::Store& store) {
  record(store, random_traffic(4, 4000), small_segments());
}

/// Between two segments: the start of the fourth.
TimeNs middle(const storage::Store& store) {
  return scan(store).segments.at(3).name.first_ns;
}

}  // namespace

TEST_CASE("segments outside of the window are not opened") {
  const TestStore store;
  record_many(*store);
  const storage::Catalog catalog = scan(*store);
  REQUIRE(catalog.segments.size() >= 5);
  const TimeWindow window{middle(*store), middle(*store) + 1};
  const Plan plan = must(make_plan(catalog, IndexQuery::all(), window));
  std::uint64_t expected = 0;
  for (const storage::CatalogFile& file : catalog.segments) {
    if (window.touches(file.name.first_ns, file.name.last_ns)) ++expected;
  }
  CHECK(plan.totals.segments_in_store == catalog.segments.size());
  CHECK(plan.totals.segments_opened == expected);
  CHECK(expected < catalog.segments.size());
  CHECK(plan.totals.blocks_hit < plan.totals.blocks_in_opened);
}

TEST_CASE("the index leaves out blocks that cannot hold the asked host") {
  const TestStore store;
  record_many(*store);
  const Plan plan = must(make_plan(scan(*store), parse_filter("host 10.0.0.7").index_query(), {}));
  CHECK(plan.warnings.empty());
  CHECK(plan.totals.segments_opened == scan(*store).segments.size());
  CHECK(plan.totals.blocks_hit > 0);
  CHECK(plan.totals.blocks_hit < plan.totals.blocks_in_opened / 2);
}

TEST_CASE("a host that was never seen leads to no block") {
  const TestStore store;
  record_many(*store);
  const Answer answer = extract(*store, ask("host 192.168.77.1"));
  CHECK(answer.frames.empty());
  CHECK(answer.totals.blocks_hit == 0);
  CHECK(answer.blocks_read == 0);
}

TEST_CASE("a plan says what will be read and that is what is read") {
  const TestStore store;
  record_many(*store);
  Extraction extraction = must(Extraction::prepare(*store, ask("host 10.0.0.7")));
  CHECK(extraction.blocks_read() == 0);
  while (extraction.next() != nullptr) {
  }
  CHECK(extraction.blocks_read() == extraction.plan_totals().blocks_hit);
}

TEST_CASE("a missing index is a warning and the same answer") {
  const TestStore store;
  record_many(*store);
  const Answer expected = extract(*store, ask("host 10.0.0.7"));
  const std::string removed = storage::index_path_of(scan(*store).segments.at(2).path);
  fs::remove(removed);
  const Answer answer = extract(*store, ask("host 10.0.0.7"));
  CHECK(answer.frames == expected.frames);
  CHECK(answer.coverage.complete() == expected.coverage.complete());
  CHECK(answer.totals.blocks_hit > expected.totals.blocks_hit);
  REQUIRE(answer.warnings.size() == 1);
  CHECK(answer.warnings[0].find(removed) != std::string::npos);
}

TEST_CASE("a damaged index is a warning and the same answer, wherever the damage is") {
  const TestStore store;
  record_many(*store);
  const Answer expected = extract(*store, ask("host 10.0.0.7 or vlan 3"));
  const std::string index = storage::index_path_of(scan(*store).segments.at(1).path);
  const auto bytes = fs::file_size(index);
  for (std::uintmax_t offset = 0; offset < bytes; offset += 37) {
    CAPTURE(offset);
    flip_byte(index, offset);
    const Answer answer = extract(*store, ask("host 10.0.0.7 or vlan 3"));
    CHECK(answer.frames == expected.frames);
    CHECK(answer.warnings.size() <= 1);
    flip_byte(index, offset);
  }
}

TEST_CASE("an index cut short anywhere is a warning and the same answer") {
  const TestStore store;
  record_many(*store);
  const Answer expected = extract(*store, ask("host 10.0.0.7"));
  const std::string index = storage::index_path_of(scan(*store).segments.at(1).path);
  for (std::uintmax_t bytes = fs::file_size(index) - 1; bytes > 500; bytes = bytes * 3 / 4) {
    CAPTURE(bytes);
    fs::resize_file(index, bytes);
    const Answer answer = extract(*store, ask("host 10.0.0.7"));
    CHECK(answer.frames == expected.frames);
    CHECK(answer.warnings.size() == 1);
  }
}

TEST_CASE("the index of another segment is not used") {
  const TestStore store;
  record_many(*store);
  const Answer expected = extract(*store, ask("host 10.0.0.7"));
  const storage::Catalog catalog = scan(*store);
  fs::copy_file(storage::index_path_of(catalog.segments.at(0).path),
                storage::index_path_of(catalog.segments.at(1).path), fs::copy_options::overwrite_existing);
  const Answer answer = extract(*store, ask("host 10.0.0.7"));
  CHECK(answer.frames == expected.frames);
  CHECK(answer.warnings.size() == 1);
}

TEST_CASE("an index made again has the same bytes") {
  const TestStore store;
  record_many(*store);
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    const std::string index = storage::index_path_of(segment.path);
    const std::vector<std::uint8_t> written = must(read_file(index));
    fs::remove(index);
    must(storage::rebuild_index(segment.path, index));
    CHECK(must(read_file(index)) == written);
  }
}

TEST_CASE("a damaged block is a corrupt hole and the rest of the answer is whole") {
  const TestStore store;
  record_many(*store);
  const Plan plan = must(make_plan(scan(*store), IndexQuery::all(), {}));
  const PlannedBlock damaged = plan.segments.at(1).blocks.at(2);
  flip_byte(plan.segments[1].file.path, damaged.entry.file_offset + damaged.entry.stored_bytes / 2);
  const Answer answer = extract(*store, ask(""));
  CHECK(answer.frames.size() == 4000 - damaged.entry.frames);
  REQUIRE(answer.coverage.holes.size() == 1);
  CHECK(answer.coverage.holes[0].reason == HoleReason::kCorrupt);
  CHECK(answer.coverage.holes[0].first_ns == damaged.entry.first_ns);
  CHECK(answer.coverage.holes[0].last_ns == damaged.entry.last_ns);
  CHECK_FALSE(answer.coverage.proof_of_absence());
}

TEST_CASE("times of a block table that are not those of the blocks leave none out and stretch no hole") {
  const TestStore store;
  record_many(*store);
  const storage::CatalogFile file = scan(*store).segments.at(1);
  const TimeWindow window{file.name.first_ns, file.name.last_ns + 1};
  const Plan plan = must(make_plan(scan(*store), parse_filter("host 10.0.0.7").index_query(), window));
  const auto planned = std::ranges::find(plan.segments, file.path,
                                         [](const PlannedSegment& segment) { return segment.file.path; });
  REQUIRE(planned != plan.segments.end());
  REQUIRE(planned->blocks.size() <= 64);
  const std::uint64_t entry = must(storage::ContainerReader::open(file.path)).complete_bytes() +
                              sizeof(storage::SkippableHeader) + sizeof(storage::FooterHeader) +
                              planned->blocks.front().number * sizeof(storage::BlockEntry);
  const std::size_t member =
      GENERATE(offsetof(storage::BlockEntry, first_ns), offsetof(storage::BlockEntry, last_ns));
  const std::size_t byte = GENERATE(0, 7);  // the block seems to be elsewhere in the window, or out of it
  CAPTURE(member, byte);
  flip_byte(file.path, entry + member + byte);
  const Answer answer = extract(*store, ask("host 10.0.0.7", window));
  REQUIRE(answer.coverage.holes.size() == 1);
  CHECK(answer.coverage.holes[0].reason == HoleReason::kCorrupt);
  CHECK(answer.coverage.holes[0].first_ns == file.name.first_ns);
  CHECK(answer.coverage.holes[0].last_ns == file.name.last_ns);
}

TEST_CASE("a block that could not be read when the index was made again is a hole in every answer") {
  const TestStore store;
  record_many(*store);
  const Plan plan = must(make_plan(scan(*store), IndexQuery::all(), {}));
  const PlannedBlock damaged = plan.segments.at(1).blocks.at(2);
  const std::string segment = plan.segments[1].file.path;
  flip_byte(segment, damaged.entry.file_offset + damaged.entry.stored_bytes / 2);
  const std::vector<Error> unreadable =
      must(storage::rebuild_index(segment, storage::index_path_of(segment)));
  REQUIRE(unreadable.size() == 1);
  CHECK(unreadable[0].context.find(fmt::format("{}: block {}", segment, damaged.number)) !=
        std::string::npos);
  for (const char* filter :
       {"host 192.168.77.1", "host 192.168.77.1 and vlan 4000", "host 192.168.77.1 or vlan 4000"}) {
    CAPTURE(filter);
    const Answer answer = extract(*store, ask(filter));
    CHECK(answer.totals.blocks_hit < answer.totals.blocks_in_opened / 4);
    REQUIRE(answer.coverage.holes.size() == 1);
    CHECK(answer.coverage.holes[0].reason == HoleReason::kCorrupt);
    CHECK(answer.coverage.holes[0].first_ns == damaged.entry.first_ns);
    CHECK_FALSE(answer.coverage.proof_of_absence());
  }
}

TEST_CASE("a segment whose end is damaged is a corrupt hole over its time") {
  const TestStore store;
  record_many(*store);
  const storage::CatalogFile file = scan(*store).segments.at(1);
  fs::resize_file(file.path, file.file_bytes - 20);
  const Answer answer = extract(*store, ask(""));
  REQUIRE(answer.coverage.holes.size() == 1);
  CHECK(answer.coverage.holes[0].reason == HoleReason::kCorrupt);
  CHECK(answer.coverage.holes[0].first_ns == file.name.first_ns);
  CHECK(answer.coverage.holes[0].last_ns == file.name.last_ns);
  CHECK(answer.coverage.holes[0].detail.find(file.path) != std::string::npos);
}

TEST_CASE("an open segment that cannot be read is a hole as long as the window") {
  const TestStore store;
  record_many(*store);
  const std::string path =
      store.packets() + "/" + storage::open_name(storage::SegmentId{9}, storage::kPacketSuffix);
  must(publish_file(path, {}));
  CHECK(extract(*store, ask("")).coverage.complete());  // a writer has just created it
  must(publish_file(path, ByteBuffer(300, 0)));
  const Answer answer = extract(*store, ask(""));
  REQUIRE(answer.coverage.holes.size() == 1);
  CHECK(answer.coverage.holes[0].first_ns == answer.coverage.window.since_ns);
  CHECK(answer.coverage.holes[0].last_ns == answer.coverage.window.until_ns - 1);
}

TEST_CASE("a segment that vanishes while its frames are read is an expired hole") {
  const TestStore store;
  record_many(*store);
  Extraction extraction = must(Extraction::prepare(*store, ask("")));
  fs::remove(scan(*store).segments.at(2).path);
  const Answer answer = finish(std::move(extraction));
  CHECK(answer.frames.size() < 4000);
  CHECK(has_hole(answer.coverage, HoleReason::kExpired));
  CHECK_FALSE(has_hole(answer.coverage, HoleReason::kCorrupt));
}
