// Frames of many segments, lanes, sources and workers come out as sorting all of them would order them.

#include "storage/query/frame_merge.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

Plan plan_all(const storage::Store& store) {
  return must(make_plan(scan(store), IndexQuery::all(), {}));
}

std::vector<OwnedFrame> merge(FrameMerge& merge) {
  std::vector<OwnedFrame> frames;
  while (const Frame* frame = merge.next()) frames.push_back(owned(*frame));
  return frames;
}

bool accept_all(const Frame&) {
  return true;
}

/// Three sources that overlap in time, the third from another worker and with many equal times.
void record_three(const storage::Store& store) {
  RecordOptions options = small_segments();
  record(store, random_traffic(1, 2000), options);
  options.source = 2;
  record(store, random_traffic(2, 2000), options);
  options.source = 3;
  options.worker = 1;
  std::vector<OwnedFrame> copy = random_traffic(1, 2000);
  for (OwnedFrame& frame : copy) frame.wire_bytes += 1000;
  record(store, copy, options);
}

}  // namespace

TEST_CASE("the merge gives what sorting all frames gives") {
  const TestStore store;
  record_three(*store);
  Plan plan = plan_all(*store);
  REQUIRE(plan.segments.size() >= 9);
  std::set<std::uint16_t> lanes;
  for (const PlannedBlock& block : plan.segments[0].blocks) lanes.insert(block.entry.lane);
  REQUIRE(lanes.size() > 1);
  FrameMerge merged(std::move(plan.segments), accept_all);
  CHECK(merge(merged) == frames_of(read_frames(*store)));
  CHECK(merged.blocks_read() == plan.totals.blocks_hit);
  CHECK(merged.unreadable().empty());
}

TEST_CASE(
    "runs hold the same frames in the same order, each behind its record header, and their block's header") {
  const TestStore store;
  record_three(*store);
  const unsigned threads = GENERATE(1u, 3u);
  const bool some = GENERATE(false, true);
  const FrameMerge::Accept accept =
      some ? FrameMerge::Accept([](const Frame& frame) { return frame.captured_bytes % 7 == 0; }) : nullptr;
  FrameMerge single(plan_all(*store).segments, accept);
  FrameMerge merged(plan_all(*store).segments, accept, with_threads(threads));
  std::uint64_t runs = 0;
  std::uint64_t frames = 0;
  std::uint64_t wrong = 0;
  for (std::span<const FrameRun> given = merged.next_runs(); !given.empty(); given = merged.next_runs()) {
    for (const FrameRun& run : given) {
      REQUIRE_FALSE(run.frames.empty());
      ++runs;
      for (const Frame& frame : run.frames) {
        const Frame* const expected = single.next();
        REQUIRE(expected != nullptr);
        const bool same = owned(*expected) == owned(frame) && expected->order == frame.order &&
                          run.block->segment_tag == single.block_header().segment_tag &&
                          run.block->sequence == single.block_header().sequence;
        const Bytes record = record_of(frame);
        const bool behind_header =
            load_le<std::uint32_t>(record.data()) ==
                static_cast<std::uint32_t>(floor_seconds(frame.time_ns)) &&
            load_le<std::uint32_t>(record.data() + 4) == second_rest_ns(frame.time_ns) &&
            load_le<std::uint32_t>(record.data() + 8) == frame.captured_bytes &&
            load_le<std::uint32_t>(record.data() + 12) == frame.wire_bytes;
        if (!same || !behind_header) ++wrong;
        ++frames;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(single.next() == nullptr);
  CHECK(merged.next_runs().empty());
  CHECK(frames > 500);
  if (!some) CHECK(runs < frames);
  CHECK(merged.blocks_read() == single.blocks_read());
}

TEST_CASE("frames of equal order keys come by worker, then as the catalog lists their segments") {
  const TestStore store;
  const ByteBuffer bytes(60, 1);
  for (const std::uint8_t source : {3, 1, 2}) {
    RecordOptions options;
    options.source = source;
    options.worker = source == 1 ? 0 : 5;
    const OwnedFrame frame{bytes, 1000, 100u + source, kLinkEthernet};
    record(*store, std::vector{frame, frame}, options);
  }
  FrameMerge merged(plan_all(*store).segments, accept_all);
  const std::vector<OwnedFrame> frames = merge(merged);
  REQUIRE(frames.size() == 6);
  CHECK(frames == frames_of(read_frames(*store)));
  CHECK(frames[0].wire_bytes == 101);
}

TEST_CASE("what is not accepted is left out, wherever it stands in its block") {
  const TestStore store;
  record_three(*store);
  const auto accept = [](const Frame& frame) { return frame.captured_bytes % 5 == 0; };
  std::vector<OwnedFrame> expected = frames_of(read_frames(*store));
  std::erase_if(expected, [](const OwnedFrame& frame) { return frame.bytes.size() % 5 != 0; });
  FrameMerge merged(plan_all(*store).segments, accept);
  CHECK(merge(merged) == expected);
}

TEST_CASE("a damaged block is reported with its times and all other frames are delivered") {
  const TestStore store;
  record(*store, random_traffic(1, 2000), small_segments());
  Plan plan = plan_all(*store);
  const PlannedSegment& segment = plan.segments.at(1);
  const PlannedBlock damaged = segment.blocks.at(segment.blocks.size() / 2);
  flip_byte(segment.file.path, damaged.entry.file_offset + 200);
  const std::uint64_t frames_in_store = 2000;
  FrameMerge merged(std::move(plan.segments), accept_all);
  const std::vector<OwnedFrame> frames = merge(merged);
  CHECK(frames.size() == frames_in_store - damaged.entry.frames);
  REQUIRE(merged.unreadable().size() == 1);
  CHECK(merged.unreadable()[0].error.code == ErrorCode::kCorrupt);
  CHECK(merged.unreadable()[0].file.name.first_ns == damaged.entry.first_ns);
  CHECK(merged.unreadable()[0].file.name.last_ns == damaged.entry.last_ns);
}

TEST_CASE("a segment that vanished after planning is reported as not found and the others are delivered") {
  const TestStore store;
  record(*store, random_traffic(1, 2000), small_segments());
  Plan plan = plan_all(*store);
  std::uint64_t lost_frames = 0;
  for (const PlannedBlock& block : plan.segments.at(0).blocks) lost_frames += block.entry.frames;
  std::filesystem::remove(plan.segments[0].file.path);
  FrameMerge merged(std::move(plan.segments), accept_all);
  CHECK(merge(merged).size() == 2000 - lost_frames);
  REQUIRE_FALSE(merged.unreadable().empty());
  for (const UnreadableSegment& segment : merged.unreadable()) {
    CHECK(segment.error.code == ErrorCode::kNotFound);
  }
}

TEST_CASE("a merge of nothing is at its end") {
  FrameMerge merged({}, accept_all);
  CHECK(merged.next() == nullptr);
  CHECK(merged.next() == nullptr);
}
