// After its warm-up a worker allocates nothing: counted by the allocation functions themselves, over frames
// whose flows begin, end and are evicted, while blocks and records go to the writer and come back.

#include <catch2/catch.hpp>

#include "tests/allocation_count.hpp"
#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

/// UDP frames without end, made in place: mostly of flows that are known, each ninth of a new one.
class FlowSource final : public FrameSource {
 public:
  FlowSource() : buffers_(kBurstFramesMax, LiveRig::udp_now(0, 40).bytes) {}
  Result<PollResult> poll(std::span<Frame> frames) override {
    if (stopped_) return PollResult{0, true};
    if (++polls_ % 64 == 0) return PollResult{};  // idle
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (counters_.polled_frames % 9 == 0) ++newest_flow_;
      const auto back = static_cast<std::uint32_t>(counters_.polled_frames * 7 % 3000);
      store_flow(buffers_[i], newest_flow_ - std::min(newest_flow_, back));
      frames[i] = {};
      frames[i].data = buffers_[i].data();
      frames[i].captured_bytes = frames[i].wire_bytes = static_cast<std::uint32_t>(buffers_[i].size());
      frames[i].time_ns = LiveRig::now_ns();
      ++counters_.polled_frames;
      counters_.polled_captured_bytes += frames[i].captured_bytes;
      counters_.polled_wire_bytes += frames[i].wire_bytes;
    }
    return PollResult{static_cast<std::uint32_t>(frames.size()), false};
  }
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  bool read_device() override {
    counters_.device_received_frames = counters_.polled_frames;
    return true;
  }
  void stop_receiving() override { stopped_ = true; }

 private:
  static void store_flow(ByteBuffer& bytes, std::uint32_t flow) {
    for (unsigned byte = 0; byte < 3; ++byte) bytes[27 + byte] = static_cast<std::uint8_t>(flow >> 8 * byte);
  }

  std::vector<ByteBuffer> buffers_;
  std::uint64_t polls_ = 0;
  std::uint32_t newest_flow_ = 0;
  bool stopped_ = false;
  SourceCounters counters_;
};

/// The same while the writer stands still, until blocks have run out; then it catches up.
void run_behind(LiveRig& rig) {
  for (int i = 0; i < 3000; ++i) {
    LiveRig::pass(kNsPerMillisecond);
    AllocationCount::on(true);
    const StepResult result = rig.worker->step();
    AllocationCount::on(false);
    REQUIRE(result != StepResult::kDone);
    if (i % 200 == 0) rig.writer.step();
  }
  rig.write();
}

/// Polls so many bursts, 5 ms apart: 12,800 frames a second, of 1,400 new flows, which end after 15 s.
void run(LiveRig& rig, int bursts) {
  for (int i = 0; i < bursts; ++i) {
    LiveRig::pass(5 * kNsPerMillisecond);
    AllocationCount::on(true);
    const StepResult result = rig.worker->step();
    AllocationCount::on(false);
    REQUIRE(result != StepResult::kDone);
    if (i % 3 == 0) rig.writer.step();
  }
}

}  // namespace

TEST_CASE("a worker allocates nothing after its warm-up") {
  RigConfig config;
  config.segment.block_bytes = 64 * 1024;
  config.segment.segment_bytes_max = 4u << 20;
  config.budget_bytes = 32u << 20;
  config.blocks = 48;
  config.flows_max = 16'384;  // of some 22,000 that would live at once
  LiveRig rig(config, std::make_unique<FlowSource>());
  run(rig, 4000);
  const std::uint64_t before = AllocationCount::allocations();
  CHECK(before > 0);  // it does count
  run(rig, 30'000);
  CHECK(AllocationCount::allocations() == before);
  const flowgen::FlowCounters& flows = rig.worker->path().flow_counters();
  CHECK(rig.worker->source().counters().polled_frames > 2'000'000);
  CHECK(flows.flows_evicted + flows.attempts_given_up > 1000);
  CHECK(flows.flows_begun > 200'000);
  CHECK(rig.files().segment_counters().segments_published > 5);
  rig.stop();
}

TEST_CASE("nor do a policy and payload that is left out cost an allocation") {
  RigConfig config;
  config.segment.block_bytes = 16 * 1024;
  config.blocks = 48;
  config.flows_max = 16'384;
  config.cutoff = must(CutoffPolicy::parse("4KiB", {"port 53=none", "net 10.9.0.0/16=headers"}));
  LiveRig rig(config, std::make_unique<FlowSource>());
  run(rig, 4000);
  run_behind(rig);
  const std::uint64_t before = AllocationCount::allocations();
  const std::uint64_t shed_before = rig.worker->path().frames_shed();
  run(rig, 2000);
  run_behind(rig);
  CHECK(AllocationCount::allocations() == before);
  CHECK(rig.worker->path().frames_shed() > shed_before + 1000);
  rig.stop();
  CHECK(rig.count(kFrameDropped) > 0);
}
