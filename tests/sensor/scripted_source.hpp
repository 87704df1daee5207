#pragma once
// ScriptedSource: a live source that does what a test tells it: frames come, are dropped, the interface goes
// away, reading fails. The test keeps the Script; source and script belong to one thread.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/frame_source.hpp"
#include "tests/sensor/recorded_store.hpp"

namespace tapline::test {

struct Script {
  std::deque<OwnedFrame> waiting;  // received by the device, not polled yet
  std::uint64_t received_frames = 0;
  std::uint64_t dropped_frames = 0;
  std::deque<SourceNotice> notices;
  bool gone = false;           // the device cannot be read
  std::optional<Error> error;  // what the next poll() says
  std::uint32_t burst_frames = kBurstFramesMax;
  std::uint64_t polls = 0;
  std::uint64_t waits = 0;
  int stops = 0;

  /// Frames arrive, unless receiving was stopped.
  void receive(std::span<const OwnedFrame> frames) {
    if (stops > 0) return;
    waiting.insert(waiting.end(), frames.begin(), frames.end());
    received_frames += frames.size();
  }
  void receive(OwnedFrame frame) { receive(std::span(&frame, 1)); }
};

class ScriptedSource final : public FrameSource {
 public:
  explicit ScriptedSource(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  Result<PollResult> poll(std::span<Frame> frames) override;
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  void wait(std::chrono::milliseconds) override { ++script_->waits; }
  bool read_device() override;
  void stop_receiving() override { ++script_->stops; }
  std::optional<SourceNotice> take_notice() override;

 private:
  std::shared_ptr<Script> script_;
  std::vector<OwnedFrame> burst_;
  SourceCounters counters_;
};

}  // namespace tapline::test
