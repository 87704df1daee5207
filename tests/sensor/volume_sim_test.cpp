// One of two volumes fails under a live recording: it goes on with the other, the books close, coverage says
// what was lost, and what stood on the failed one is there again when it is. LiveRig::stop() asserts the
// conservation law over both.

#include <catch2/catch.hpp>

#include "sensor/store_keeper.hpp"
#include "storage/query/coverage.hpp"
#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

/// Segments of a quarter of a second.
RigConfig many_segments(std::vector<std::string> volumes) {
  RigConfig config = small_blocks();
  config.budget_bytes = 64u << 20;
  config.segment.segment_bytes_max = 64 * 1024;
  config.segment.compress = false;
  config.volumes = std::move(volumes);
  return config;
}

std::int64_t dropped(const LiveRig& rig) {
  return rig.files().totals().dropped_frames();
}

/// 500 frames of about 500 bytes a second; a keeper's step each second.
void record_seconds(LiveRig& rig, StoreKeeper& keeper, int seconds) {
  for (int tick = 0; tick < seconds * 100; ++tick) {
    for (std::uint32_t i = 0; i < 5; ++i) rig.script->receive(LiveRig::udp_now(i, 500 + i));
    rig.run_for(10 * kNsPerMillisecond);
    if (tick % 100 == 50) keeper.step();
  }
}

std::size_t segments_on(const LiveRig& rig, const std::string& part) {
  std::size_t count = 0;
  for (const CatalogFile& file : scan(*rig.store).segments)
    count += file.path.find(part) != std::string::npos ? 1 : 0;
  return count;
}

bool has_hole(const LiveRig& rig, query::HoleReason reason) {
  const query::Coverage coverage = must(query::read_coverage(
      *rig.store, {kRigStart, kRigStart + 3600 * kNsPerSecond}, query::QuestionKind::kPackets));
  return std::ranges::any_of(coverage.holes, [&](const query::Hole& hole) { return hole.reason == reason; });
}

}  // namespace

TEST_CASE("a volume that returns errors costs what it had not made durable, and no more") {
  const bool syncs_only = GENERATE(false, true);
  CAPTURE(syncs_only);
  LiveRig rig(many_segments({"other"}));
  rig.save_account();
  StoreKeeper keeper(*rig.store, rig.ring);
  const std::string other = rig.volume("other");
  record_seconds(rig, keeper, 3);
  CHECK(segments_on(rig, "-other/") > 2);
  if (syncs_only) {
    rig.store.disk().fail_syncs(other);
  } else {
    rig.store.disk().fail(other, ErrorCode::kIo);
  }
  record_seconds(rig, keeper, 4);
  rig.writer.take_errors();
  CHECK_FALSE(rig.writer.records_failed());
  CHECK(must(list_volumes(*rig.store)).at(1).out_since_ns > 0);
  const std::int64_t lost = dropped(rig);
  CHECK(lost < 1000);  // a second, and the blocks of another
  record_seconds(rig, keeper, 2);
  CHECK(dropped(rig) == lost);
  const std::size_t before = segments_on(rig, "-other/");
  rig.store.disk().heal();
  record_seconds(rig, keeper, 4);
  CHECK(segments_on(rig, "-other/") > before + 2);
  CHECK(must(list_volumes(*rig.store)).at(1).out_since_ns == 0);
  CHECK(dropped(rig) == lost);
  keeper.finish();
  rig.writer.take_errors();
  rig.stop();
  CHECK(has_hole(rig, query::HoleReason::kDiskError) == (lost > 0));
  CHECK(keeper.take_notices().size() >= 2);
}

TEST_CASE("records and ledger go on where the disk is full, at the expense of packets") {
  LiveRig rig(many_segments({}));
  StoreKeeper keeper(*rig.store, rig.ring);
  record_seconds(rig, keeper, 3);
  const std::uint64_t evicted = rig.ring.segments_evicted();
  for (int i = 0; i < 20; ++i) {
    rig.store.disk().fail_next_append(
        i % 2 == 0 ? rig.store->sessions_directory() : rig.store->ledger_directory(), ErrorCode::kNoSpace);
    record_seconds(rig, keeper, 1);
  }
  CHECK_FALSE(rig.writer.records_failed());
  CHECK(rig.ring.segments_evicted() > evicted + 5);
  rig.writer.take_errors();
  rig.stop();
  CHECK(dropped(rig) == 0);
}
