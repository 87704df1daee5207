// Frames come in order whatever a segment claims about the order of its own, and what could not be believed
// is told.

#include <algorithm>

#include "tests/query/store_answer.hpp"
#include "tests/storage/hand_made_segment.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr TimeNs kBeginNs = 1'700'000'000 * kNsPerSecond;
constexpr TimeNs kStepNs = 1000;

}  // namespace

TEST_CASE("a block that lies about its order is a hole, and all others come in order") {
  const std::vector<storage::OrderLie> lies = storage::make_order_lies(kBeginNs, kStepNs);
  const storage::OrderLie& lie = lies[GENERATE_COPY(range(std::size_t{0}, lies.size()))];
  const unsigned threads = GENERATE(1u, 3u);
  const bool open = GENERATE(false, true);
  CAPTURE(lie.name, threads, open);
  const TestStore store;
  std::string path = storage::write_hand_made(store.packets(), 1, lie.blocks);
  if (open) {  // as a dead recorder leaves it
    storage::SegmentId id;
    id.fill(1);
    const std::string open_path = store.packets() + "/" + storage::open_name(id, storage::kPacketSuffix);
    std::filesystem::rename(path, open_path);
    path = open_path;
  }
  // An honest one at the same times, with a frame between any two of the other's.
  storage::write_hand_made(store.packets(), 2, storage::make_order_lies(kBeginNs + 1, kStepNs)[0].blocks);

  const Answer answer = extract(*store, ask(""), with_threads(threads));
  CHECK(std::ranges::is_sorted(answer.frames, {}, &OwnedFrame::time_ns));
  std::vector<Hole> holes = answer.coverage.holes;
  std::erase_if(holes, [](const Hole& hole) { return hole.reason != HoleReason::kCorrupt; });
  if (lie.lying == 0) {
    CHECK(answer.frames.size() == 60);
    CHECK(holes.empty());
    return;
  }
  CHECK(answer.frames.size() == 55);
  REQUIRE(holes.size() == 1);
  CHECK_FALSE(answer.coverage.complete());
  CHECK(holes[0].first_ns == lie.blocks[lie.lying].info.first_ns);
  CHECK(holes[0].last_ns == lie.blocks[lie.lying].info.last_ns);
  CHECK_THAT(holes[0].detail,
             Catch::StartsWith(path) && Catch::Contains("block 4: ") && Catch::Contains("order"));
}

TEST_CASE("an entry of the block table that claims too late a key keeps nothing back") {
  const TestStore store;
  storage::write_hand_made(store.packets(), 1, storage::make_order_lies(kBeginNs, kStepNs)[0].blocks);
  std::vector<PlannedSegment> segments = must(make_plan(scan(*store), IndexQuery::all(), {})).segments;
  PlannedBlock& damaged = segments.at(0).blocks.at(1);  // the first of lane 1
  damaged.entry.order_first_ns += 1000 * kStepNs;
  FrameMerge merge(std::move(segments), [](const Frame&) { return true; });
  std::vector<OrderKey> keys;
  while (const Frame* frame = merge.next()) keys.push_back(frame->order);
  CHECK(std::ranges::is_sorted(keys));
  CHECK(keys.size() == 25);
  REQUIRE(merge.unreadable().size() == 1);
  CHECK_THAT(merge.unreadable()[0].error.context, Catch::Contains("block 1 "));
}

TEST_CASE("of a lane that runs backwards only what goes on in order is given, each block is named once") {
  constexpr std::uint16_t kBlocks = 200;
  std::vector<storage::HandMadeBlock> blocks;
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    const TimeNs time_ns = kBeginNs + (i % 2 == 0 ? i : kBlocks - i) * kStepNs;
    blocks.push_back(storage::make_block(0, {{time_ns, 0}, {time_ns, 1}}));
  }
  const TestStore store;
  storage::write_hand_made(store.packets(), 1, blocks);
  FrameMerge merge(must(make_plan(scan(*store), IndexQuery::all(), {})).segments,
                   [](const Frame&) { return true; });
  std::vector<OrderKey> keys;
  while (const Frame* frame = merge.next()) keys.push_back(frame->order);
  CHECK(std::ranges::is_sorted(keys));
  // 0, 199, and from there on nothing that is later
  CHECK(keys.size() == 4);
  CHECK(merge.unreadable().size() == kBlocks - 2);
  CHECK(merge.blocks_read() == kBlocks);
}
