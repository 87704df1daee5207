// A worker whose flows begin or end in very great numbers: what it does not give up for that.

#include <catch2/catch.hpp>

#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

TEST_CASE(
    "of a flood that fills the flow table every frame is stored and counted, though not every attempt has a "
    "record") {
  RigConfig config = small_blocks();
  config.flows_max = 256;
  LiveRig rig(config);
  for (std::uint32_t round = 0; round < 40; ++round) {
    for (std::uint32_t i = 0; i < 50; ++i) rig.script->receive(LiveRig::udp_now(round * 50 + i));
    rig.run_for(30 * kNsPerMillisecond);
  }
  const std::uint64_t received = rig.script->received_frames;
  rig.stop();
  CHECK(rig.worker->view().attempts_given_up == 2000 - 256);
  CHECK(rig.count(kFrameStoredWhole) == static_cast<std::int64_t>(received));
  CHECK(rig.count(kFrameInAttempt) == 2000 - 256);
  CHECK(rig.final_sessions().size() == 256);
}

TEST_CASE("frames do not wait while very many sessions end at once") {
  constexpr std::uint32_t kFlows = 1000;
  LiveRig rig;
  for (std::uint32_t flow = 0; flow < kFlows; ++flow) rig.script->receive(LiveRig::udp_now(flow));
  rig.run_for(kNsPerSecond);
  const auto records_written = [&rig] { return rig.worker->path().flow_counters().records_written; };
  const std::uint64_t before = records_written();
  LiveRig::pass(20 * kNsPerSecond);
  for (bool idle = false; !idle;) {
    const std::uint64_t records = records_written();
    idle = rig.worker->step() == StepResult::kIdle;
    CHECK(records_written() - records <= flowgen::FlowTable::kRecordsPerBurst);
  }
  CHECK(records_written() - before == kFlows);
  rig.stop();
}
