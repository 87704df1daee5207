// What a plan reads of a large segment: its block table only where that is less than the blocks' own headers.

#include <catch2/catch.hpp>
#include <cstddef>

#include "storage/container_layout.hpp"
#include "storage/query/plan.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr const char* kHost = "host 192.168.77.1";
constexpr std::size_t kFrames = 12'000;

/// One segment of hundreds of blocks; the host is seen three times, far apart. Returns when.
std::vector<TimeNs> record_host(const storage::Store& store) {
  std::vector<OwnedFrame> frames = random_traffic(6, kFrames);
  std::vector<TimeNs> times;
  for (const std::size_t at : {kFrames * 3 / 4, kFrames / 2, kFrames / 4}) {
    const auto place = frames.begin() + static_cast<std::ptrdiff_t>(at);
    times.insert(times.begin(), place->time_ns);
    frames.insert(place, owned(PacketBuilder().eth().ipv4("192.168.77.1", "10.0.0.9").udp(4000, 53).bytes(),
                               place->time_ns));
  }
  RecordOptions options;
  options.segment.block_bytes = 4 * 1024;
  record(store, frames, options);
  REQUIRE(scan(store).segments.size() == 1);
  return times;
}

storage::ContainerReader open_segment(const storage::Store& store) {
  return must(storage::ContainerReader::open(scan(store).segments.at(0).path));
}

}  // namespace

TEST_CASE("blocks that are left out by their time cost their headers and not the block table") {
  const TestStore store;
  const std::vector<TimeNs> times = record_host(*store);
  const storage::ContainerReader segment = open_segment(*store);
  REQUIRE(segment.table_bytes() > 2 * 8192);
  const IndexQuery query = parse_filter(kHost).index_query();
  const Plan all = must(make_plan(scan(*store), query, {}));
  const Plan one = must(make_plan(scan(*store), query, {times[1], times[1] + 1}));
  CHECK(all.totals.blocks_hit == 3);
  CHECK(one.totals.blocks_hit == 1);
  CHECK(one.totals.planning_bytes_read < all.totals.planning_bytes_read + 2 * 4096);
  CHECK(one.totals.planning_bytes_read < segment.table_bytes());
  CHECK(extract(*store, ask(kHost, {times[1], times[1] + 1})).frames.size() == 1);
}

TEST_CASE("a block whose entry says another time is not left out of a large segment without a word") {
  const TestStore store;
  const std::vector<TimeNs> times = record_host(*store);
  const TimeWindow window{times[1], times[1] + 1};
  const Plan plan = must(make_plan(scan(*store), parse_filter(kHost).index_query(), window));
  const PlannedSegment& planned = plan.segments.at(0);
  const std::uint64_t entry = open_segment(*store).complete_bytes() + sizeof(storage::SkippableHeader) +
                              sizeof(storage::FooterHeader) +
                              planned.blocks.at(0).number * sizeof(storage::BlockEntry);
  const std::size_t member =
      GENERATE(offsetof(storage::BlockEntry, first_ns), offsetof(storage::BlockEntry, last_ns));
  const std::size_t byte = GENERATE(0, 5, 7);
  CAPTURE(member, byte);
  flip_byte(planned.file.path, entry + member + byte);
  const Answer answer = extract(*store, ask(kHost, window));
  CHECK(has_hole(answer.coverage, HoleReason::kCorrupt));
}
