// Worker and writer of the sensor on one thread: each test ends with LiveRig::stop(), which asserts the
// conservation law.

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

std::int64_t dropped(const LiveRig& rig, DropCause cause) {
  return rig.count(kFrameDropped + static_cast<std::size_t>(cause));
}

void receive_flows(LiveRig& rig, std::uint32_t flows) {
  for (std::uint32_t flow = 0; flow < flows; ++flow) rig.script->receive(LiveRig::udp_now(flow));
}

}  // namespace

TEST_CASE("bursts and idle polls: what came is stored, in sessions and in the books") {
  LiveRig rig(small_blocks());
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < round * 5 % 170; ++i) rig.script->receive(LiveRig::udp_now(static_cast<unsigned>(i)));
    rig.run_for(30 * kNsPerMillisecond);
  }
  const std::uint64_t received = rig.script->received_frames;
  rig.stop();
  CHECK(rig.count(kFrameStoredWhole) == static_cast<std::int64_t>(received));
  CHECK(rig.files().totals().dropped_frames() == 0);
  CHECK(rig.final_sessions().size() == 165);
}

TEST_CASE("a frame is on disk within a second, although the link is idle after it") {
  LiveRig rig;
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(kNsPerSecond);
  CHECK(read_frames(*rig.store).size() == 1);
  rig.run_for(20 * kNsPerSecond);  // a UDP session of one side ends after 15 s
  CHECK(rig.final_sessions().size() == 1);
  rig.stop();
  CHECK(rig.final_sessions().size() == 1);
}

TEST_CASE("a wall clock that is turned back by an hour delays nothing") {
  LiveRig rig;
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(kNsPerSecond);
  LiveRig::set_wall_clock(LiveRig::now_ns() - 3600 * kNsPerSecond);
  rig.script->receive(LiveRig::udp_now(2));
  rig.script->dropped_frames = 9;
  rig.run_for(kNsPerSecond);
  CHECK(read_frames(*rig.store).size() == 2);
  CHECK(rig.worker->view().polled_frames == 2);
  CHECK(rig.worker->view().device_dropped_frames == 9);
  rig.stop();
  CHECK(rig.count(kClockSet) == 1);
}

TEST_CASE("a clock that is set is in the ledger, forward or back; one that is slewed is not") {
  struct Case {
    TimeNs step_ns;
    int times;
    int found;
  };
  const Case one = GENERATE(Case{100 * kNsPerMillisecond, 1, 1}, Case{-100 * kNsPerMillisecond, 1, 1},
                            Case{3600 * kNsPerSecond, 2, 2}, Case{kNsPerMillisecond, 200, 0});
  CAPTURE(one.step_ns);
  LiveRig rig;
  for (int i = 0; i < one.times; ++i) {
    rig.script->receive(LiveRig::udp_now(1));
    rig.run_for(kNsPerSecond);
    LiveRig::set_wall_clock(LiveRig::now_ns() + one.step_ns);
    rig.run_for(kNsPerSecond);
  }
  rig.stop();
  CHECK(rig.count(kClockSet) == one.found);
}

TEST_CASE("a slow writer costs frames, counted, and no session") {
  RigConfig config = small_blocks();
  config.blocks = 6;
  LiveRig rig(config);
  for (int i = 0; i < 2000; ++i) rig.script->receive(LiveRig::udp_now(static_cast<unsigned>(i % 100)));
  rig.work();
  CHECK(rig.script->waiting.empty());
  rig.stop();
  CHECK(dropped(rig, DropCause::kNoBlock) > 1000);
  CHECK(rig.count(kFrameStoredWhole) > 0);
  CHECK(rig.files().totals().dropped_frames() == dropped(rig, DropCause::kNoBlock));
  std::uint64_t packets = 0;
  std::uint64_t unstored = 0;
  for (const SessionRecord& record : rig.final_sessions()) {
    packets += record.a_to_b.total.packets + record.b_to_a.total.packets;
    unstored += record.unstored_packets;
  }
  CHECK(packets == 2000);
  CHECK(static_cast<std::int64_t>(unstored) == dropped(rig, DropCause::kNoBlock));
}

TEST_CASE("without a free batch nothing is polled, and the worker goes on when there is one") {
  RigConfig config = small_blocks();
  config.blocks = 2000;
  LiveRig rig(config);
  constexpr int kFrames = 1000;
  for (int i = 0; i < kFrames; ++i) {  // the writer stands still; each second has a row of the ledger
    if (i == 300) CHECK(rig.script->waiting.empty());  // batches are filled before the frames have to wait
    LiveRig::pass(kNsPerSecond);
    rig.script->receive(LiveRig::udp_now(1));
    rig.work();
  }
  const std::uint64_t polls = rig.script->polls;
  const std::size_t waiting = rig.script->waiting.size();
  CHECK(waiting > 10);
  for (int i = 0; i < 100; ++i) CHECK(rig.worker->step() == StepResult::kIdle);
  CHECK(rig.script->polls == polls);
  CHECK(rig.script->waiting.size() == waiting);
  rig.worker->request_stop();  // waits, too, for the frames that are there
  for (int i = 0; i < 100; ++i) CHECK(rig.worker->step() == StepResult::kIdle);
  rig.stop();
  CHECK(rig.count(kFrameStoredWhole) == kFrames);
}

TEST_CASE("stop before the first frame leaves an empty store and closed books") {
  LiveRig rig;
  rig.stop();
  CHECK(rig.script->stops == 1);
  CHECK(scan(*rig.store).segments.empty());
  CHECK(scan(*rig.store).sessions.empty());
}

TEST_CASE("stop while the writer is behind: what was received is stored, or dropped and counted") {
  LiveRig rig(small_blocks());
  receive_flows(rig, 5000);
  for (int i = 0; i < 3; ++i) rig.worker->step();
  rig.worker->request_stop();
  for (int i = 0; i < 5000; ++i) rig.worker->step();  // the writer stands still
  rig.stop();
  CHECK(rig.script->stops == 1);
  CHECK(rig.count(kFramePolled) == 5000);
  CHECK(rig.writer.blocks_hurried() > 0);
}

TEST_CASE(
    "a late writer gives up level, search and compression in turn, and the ledger says of how many frames") {
  LiveRig rig(small_blocks());
  const auto efforts = [&] {
    std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> seconds;
    for (const LedgerRow& row : read_ledger_rows(*rig.store, rig.source_id)) {
      seconds[row.second].first += row.counts[kFrameStoredLowered];
      seconds[row.second].second += row.counts[kFrameStoredHurried];
    }
    std::erase_if(seconds,
                  [](const auto& one) { return one.second == std::pair<std::int64_t, std::int64_t>(); });
    return seconds;
  };
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(2 * kNsPerSecond);
  CHECK(efforts().empty());  // in time: nothing was saved on

  const std::int64_t second = floor_seconds(LiveRig::now_ns());
  for (std::uint32_t i = 0; i < 1000; ++i) rig.script->receive(LiveRig::udp_now(1, 150 + i % 50));
  rig.work();
  rig.write();
  rig.run_for(3 * kNsPerSecond);
  CHECK(rig.writer.blocks_lowered() > 0);
  CHECK(rig.writer.blocks_hurried() > 0);
  const auto booked = efforts();
  REQUIRE(booked.size() == 1);
  CHECK(booked.begin()->first == second);
  CHECK(booked.begin()->second.first > 0);
  CHECK(booked.begin()->second.second > 0);
  CHECK(booked.begin()->second.first + booked.begin()->second.second <
        rig.count(kFrameStoredWhole) + rig.count(kFrameStoredCut));
  rig.stop();
  const SegmentWriterCounters counters = rig.files().segment_counters();
  CHECK(counters.encoding.blocks_lowered == rig.writer.blocks_lowered());
  CHECK(counters.encoding.blocks_hurried == rig.writer.blocks_hurried());
}

TEST_CASE("stop with more sessions than all batches hold waits for the writer and loses none") {
  RigConfig config;
  config.blocks = 200;
  LiveRig rig(config);
  receive_flows(rig, 40'000);
  rig.work();
  rig.write();
  REQUIRE(rig.worker->path().flows_active() == 40'000);
  rig.worker->request_stop();
  rig.worker->request_stop();
  StepResult result{};
  for (int i = 0; i < 100; ++i) result = rig.worker->step();
  CHECK(result == StepResult::kIdle);  // 16 batches of 1,280 records are full
  CHECK(rig.worker->path().flows_active() > 0);
  rig.stop();
  CHECK(rig.script->stops == 1);
  CHECK(rig.final_sessions().size() == 40'000);
}

TEST_CASE("frames that were received before the stop are stored, those after it are not received") {
  LiveRig rig;
  receive_flows(rig, 10);
  rig.work();
  receive_flows(rig, 100);
  rig.worker->request_stop();
  rig.work();  // until the end
  receive_flows(rig, 50);
  rig.stop();
  CHECK(rig.count(kFramePolled) == 110);
  CHECK(rig.worker->source().counters().device_received_frames == 110);
}

TEST_CASE("a source that fails ends the worker with its error; what came before is stored") {
  LiveRig rig;
  receive_flows(rig, 30);
  rig.work();
  rig.script->error = Error{ErrorCode::kIo, "the ring is gone"};
  CHECK(rig.worker->step() == StepResult::kBusy);
  rig.stop();
  REQUIRE(rig.worker->source_error());
  CHECK(rig.worker->source_error()->context == "the ring is gone");
  CHECK(rig.count(kFrameStoredWhole) == 30);
}

TEST_CASE("device readings stand in the ledger, cumulative, the last one after everything was polled") {
  LiveRig rig;
  for (int i = 0; i < 30; ++i) {
    receive_flows(rig, 7);
    rig.script->dropped_frames += 2;
    rig.run_for(100 * kNsPerMillisecond);
  }
  rig.script->dropped_frames = 1000;  // noticed at the stop
  rig.stop();
  std::vector<LedgerRow> readings = read_ledger_rows(*rig.store, rig.source_id);
  std::erase_if(readings, [](const LedgerRow& row) { return !row.device_measured; });
  REQUIRE(readings.size() >= 3);
  for (std::size_t i = 1; i < readings.size(); ++i) {
    CHECK(readings[i].device_received_frames >= readings[i - 1].device_received_frames);
    CHECK(readings[i].device_dropped_frames >= readings[i - 1].device_dropped_frames);
  }
  CHECK(readings.back().device_received_frames == 210);
  CHECK(readings.back().device_dropped_frames == 1000);
}

TEST_CASE("an interface that is gone is no reading, its notices come through, and it may come back") {
  LiveRig rig;
  receive_flows(rig, 5);
  rig.run_for(kNsPerSecond);
  rig.script->gone = true;
  rig.script->notices.push_back({true, "eth9: gone"});
  rig.script->notices.push_back({false, "eth9: waiting"});
  const std::size_t rows = read_ledger_rows(*rig.store, rig.source_id).size();
  rig.run_for(3 * kNsPerSecond);
  CHECK(read_ledger_rows(*rig.store, rig.source_id).size() <= rows + 1);
  const std::vector<SourceNotice> notices = rig.worker->take_notices();
  REQUIRE(notices.size() == 2);
  CHECK(notices[0].text == "eth9: gone");
  CHECK(notices[0].warning);
  CHECK_FALSE(notices[1].warning);
  CHECK(rig.worker->take_notices().empty());
  rig.script->gone = false;
  receive_flows(rig, 5);
  rig.run_for(kNsPerSecond);
  rig.stop();
  CHECK(rig.count(kFrameStoredWhole) == 10);
  CHECK(rig.worker->source().counters().device_received_frames == 10);
}

TEST_CASE("what a device lost before it went away stands in the ledger") {
  LiveRig rig;
  receive_flows(rig, 5);
  rig.run_for(kNsPerSecond);
  rig.script->gone = true;
  rig.script->dropped_frames = 7;
  SECTION("told while the sensor runs on") {
    rig.run_for(3 * kNsPerSecond);
  }
  SECTION("told at the stop") {}
  rig.stop();
  std::uint64_t dropped_frames = 0;
  for (const LedgerRow& row : read_ledger_rows(*rig.store, rig.source_id))
    dropped_frames = std::max(dropped_frames, row.device_dropped_frames);
  CHECK(dropped_frames == 7);
}

TEST_CASE("a recording that is played back keeps its times: one segment, sessions that end by its clock") {
  LiveRig rig;
  rig.run_for(2 * kNsPerSecond);  // idle, at today's time
  const TimeNs then_ns = 1'000'000'000 * kNsPerSecond;
  for (int i = 0; i < 50; ++i) {
    OwnedFrame frame = LiveRig::udp_now(i < 25 ? 1 : 2);
    frame.time_ns = then_ns + i * 100 * kNsPerMillisecond;
    rig.script->receive(frame);
    rig.run_for(100 * kNsPerMillisecond);
  }
  CHECK(rig.files().segment_counters().segments_published == 0);
  CHECK(rig.final_sessions().empty());
  rig.run_for(30 * kNsPerSecond);  // idle: the clock goes on from then
  CHECK(rig.final_sessions().size() == 2);
  rig.stop();
  CHECK(rig.files().segment_counters().segments_published == 1);
  for (const ReadFrame& frame : read_frames(*rig.store)) {
    CHECK(frame.frame.time_ns - then_ns < 5 * kNsPerSecond);
    CHECK(frame.order.time_ns == frame.frame.time_ns);
  }
}

TEST_CASE("a worker that is late ends no session early: waiting frames belong to it") {
  LiveRig rig;
  rig.script->burst_frames = 1;
  rig.script->receive(LiveRig::udp_now(1));
  rig.work();
  for (int i = 0; i < 45; ++i) {  // the ring fills; a UDP session of one side ends after 15 s without a frame
    LiveRig::pass(kNsPerSecond);
    rig.script->receive(LiveRig::udp_now(1));
  }
  rig.stop();
  CHECK(rig.final_sessions().size() == 1);
}

TEST_CASE("a card whose clock is half a minute slow splits no sessions") {
  LiveRig rig;
  for (int i = 0; i < 40; ++i) {
    OwnedFrame frame = LiveRig::udp_now(1);
    frame.time_ns -= 30 * kNsPerSecond;
    rig.script->receive(frame);
    rig.run_for(kNsPerSecond);
  }
  rig.stop();
  CHECK(rig.final_sessions().size() == 1);
}

TEST_CASE("one frame whose time is a minute ahead ends no session, and an idle link's timers run on") {
  LiveRig rig;
  rig.script->receive(LiveRig::udp_now(1));
  OwnedFrame mad = LiveRig::udp_now(2);
  mad.time_ns += 61 * kNsPerSecond;
  rig.script->receive(mad);
  rig.run_for(10 * kNsPerSecond);
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(14 * kNsPerSecond);
  CHECK(rig.final_sessions().empty());
  rig.run_for(2 * kNsPerSecond);  // a UDP session of one side ends after 15 s
  CHECK(rig.final_sessions().size() == 1);
  rig.stop();
  CHECK(rig.final_sessions().size() == 2);
}

TEST_CASE("segments end with their time on an idle link, and at the next one's first frame") {
  RigConfig config;
  config.segment.segment_duration_ns_max = 10 * kNsPerSecond;
  LiveRig rig(config);
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(9 * kNsPerSecond);
  CHECK(rig.files().segment_counters().segments_published == 0);
  rig.run_for(3 * kNsPerSecond);
  CHECK(rig.files().segment_counters().segments_published == 1);
  rig.script->receive(LiveRig::udp_now(1));
  rig.run_for(kNsPerSecond);
  rig.stop();
  CHECK(rig.files().segment_counters().segments_published == 2);
}

TEST_CASE("worker and writer store what the import stores of the same frames") {
  const std::uint64_t seed = GENERATE(1u, 2u);
  CAPTURE(seed);
  const std::vector<OwnedFrame> frames = random_traffic(seed, 5000);
  const TestStore imported;
  record(*imported, frames);
  RigConfig config = small_blocks();
  config.blocks = 400;
  config.grace_ns = FrameWorkerConfig().grace_ns;
  LiveRig rig(config);
  for (std::size_t i = 0; i < frames.size(); i += 50) {
    for (std::size_t j = i; j < i + 50; ++j) {
      LiveRig::set_wall_clock(std::max(LiveRig::now_ns(), frames[j].time_ns));
      rig.script->receive(frames[j]);
    }
    rig.work();
    rig.write();
  }
  rig.stop();
  CHECK(frames_of(read_frames(*rig.store)) == frames_of(read_frames(*imported)));
  std::vector<SessionRecord> expected = read_sessions(*imported);
  std::erase_if(expected, [](const SessionRecord& record) { return !record.final(); });
  std::vector<SessionRecord> actual = rig.final_sessions();
  REQUIRE(actual.size() == expected.size());
  const auto by_uid = [](const SessionRecord& record) { return record.uid.bytes; };
  std::ranges::sort(expected, {}, by_uid);
  std::ranges::sort(actual, {}, by_uid);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(actual[i].uid == expected[i].uid);
    CHECK(actual[i].first_ns == expected[i].first_ns);
    CHECK(actual[i].last_ns == expected[i].last_ns);
    CHECK(actual[i].end_reason == expected[i].end_reason);
    CHECK(actual[i].a_to_b.total == expected[i].a_to_b.total);
    CHECK(actual[i].b_to_a.total == expected[i].b_to_a.total);
  }
}
