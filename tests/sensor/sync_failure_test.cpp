// A disk that says only when asked to sync that it has lost what was written: what then stands in the files
// is what the books say is stored, at once and after the next start's recovery.

#include <catch2/catch.hpp>
#include <map>

#include "storage/ledger_book.hpp"
#include "storage/recovery.hpp"
#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

constexpr std::size_t kIoErrors = kFrameDropped + static_cast<std::size_t>(DropCause::kIoError);

/// Frames of every 10 ms of `span_ns`, to many flows.
void receive_for(LiveRig& rig, TimeNs span_ns) {
  for (TimeNs passed_ns = 0; passed_ns < span_ns; passed_ns += 10 * kNsPerMillisecond) {
    for (std::uint32_t i = 0; i < 5; ++i) rig.script->receive(LiveRig::udp_now(i, 100 + i));
    rig.run_for(10 * kNsPerMillisecond);
  }
}

std::map<std::int64_t, std::int64_t> by_second(const LiveRig& rig, std::size_t counter) {
  std::map<std::int64_t, std::int64_t> sums;
  for (const LedgerRow& row : read_ledger_rows(*rig.store, rig.source_id))
    sums[row.second] += row.counts[counter];
  std::erase_if(sums, [](const auto& second) { return second.second == 0; });
  return sums;
}

std::map<std::int64_t, std::int64_t> frames_by_second(const LiveRig& rig) {
  std::map<std::int64_t, std::int64_t> frames;
  for (const ReadFrame& frame : read_frames(*rig.store)) ++frames[floor_seconds(frame.order.time_ns)];
  return frames;
}

/// What the next start does about files that are still open; the run itself had ended in order.
void require_agreement(const LiveRig& rig) {
  CHECK(by_second(rig, kFrameStoredWhole) == frames_by_second(rig));
  for (const RecoveredFile& file : must(recover_store(*rig.store))) CHECK(file.torn_bytes == 0);
  CHECK(by_second(rig, kFrameStoredWhole) == frames_by_second(rig));
  rig.require_books();
}

}  // namespace

TEST_CASE("what a failed sync has lost is booked as dropped, second by second") {
  LiveRig rig(small_blocks());
  receive_for(rig, 3'400 * kNsPerMillisecond);
  rig.store.disk().fail_syncs(rig.store.packets());
  receive_for(rig, 1'100 * kNsPerMillisecond);
  CHECK_FALSE(rig.writer.take_errors().empty());
  rig.store.disk().heal();
  CHECK(scan(*rig.store).segments.size() >= 1);
  receive_for(rig, 2 * kNsPerSecond);
  rig.stop();
  CHECK(rig.count(kIoErrors) > 100);
  CHECK(rig.count(kIoErrors) < 1100);
  CHECK(by_second(rig, kIoErrors).size() >= 2);
  require_agreement(rig);
}

TEST_CASE("a segment whose first sync fails leaves nothing, and the books say so") {
  LiveRig rig(small_blocks());
  rig.store.disk().fail_syncs(rig.store.packets());
  receive_for(rig, 3 * kNsPerSecond);
  rig.store.disk().heal();
  receive_for(rig, kNsPerSecond);
  rig.stop();
  CHECK(rig.count(kIoErrors) >= 1000);
  require_agreement(rig);
}

TEST_CASE("what is lost in publishing the last segment is booked before the ledger is closed") {
  LiveRig rig(small_blocks());
  receive_for(rig, 2 * kNsPerSecond + 700 * kNsPerMillisecond);
  rig.worker->request_stop();
  for (int steps = 0; rig.worker->step() != StepResult::kDone; ++steps) {
    REQUIRE(steps < 100'000);
    rig.write();
  }
  rig.store.disk().fail_syncs(rig.store.packets());
  rig.finish_writer();
  rig.store.disk().heal();
  CHECK(rig.writer.records_error());
  CHECK(rig.count(kIoErrors) > 0);
  require_agreement(rig);
}

TEST_CASE(
    "sessions and ledger survive a power cut after a second, and an idle sensor leaves the disk alone") {
  LiveRig rig(small_blocks());
  receive_for(rig, 3 * kNsPerSecond);
  for (const char* const suffix : {".pcap.zst.open", ".sessions.open", ".ledger.open"}) {
    CAPTURE(suffix);
    const int before = rig.store.disk().syncs(suffix);
    receive_for(rig, 3 * kNsPerSecond);
    const int synced = rig.store.disk().syncs(suffix) - before;
    CHECK(synced >= 2);
    CHECK(synced <= 4);
  }
  rig.run_for(10 * kNsPerSecond);
  const int before = rig.store.disk().syncs(".pcap.zst.open");
  rig.run_for(10 * kNsPerSecond);
  CHECK(rig.store.disk().syncs(".pcap.zst.open") == before);
  rig.stop();
}

TEST_CASE("a ledger or sessions that cannot be synced end the recording") {
  LiveRig rig(small_blocks());
  const bool sessions = GENERATE(false, true);
  rig.store.disk().fail_syncs(sessions ? rig.store->sessions_directory() : rig.store->ledger_directory());
  receive_for(rig, 8 * kNsPerSecond);
  CHECK(rig.writer.records_failed());
  CHECK_FALSE(rig.writer.take_errors().empty());
}

TEST_CASE("blocks that the disk refuses are dropped in the seconds of their frames") {
  RigConfig config;
  config.segment.block_bytes = 1 << 20;
  config.budget_bytes = 100'000;  // no room for any segment
  LiveRig rig(config);
  receive_for(rig, 5 * kNsPerSecond);
  rig.stop();
  CHECK(by_second(rig, kFrameStoredWhole).empty());
  CHECK(by_second(rig, kFrameDropped + static_cast<std::size_t>(DropCause::kNoSpace)) ==
        by_second(rig, kFramePolled));
  CHECK(by_second(rig, kFramePolled).size() >= 5);
}
