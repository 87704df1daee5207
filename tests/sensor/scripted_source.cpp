#include "tests/sensor/scripted_source.hpp"

#include <algorithm>

namespace tapline::test {

Result<PollResult> ScriptedSource::poll(std::span<Frame> frames) {
  ++script_->polls;
  if (script_->error) return *script_->error;
  const std::size_t count =
      std::min({frames.size(), std::size_t{script_->burst_frames}, script_->waiting.size()});
  burst_.clear();  // the bytes of the burst before are gone
  for (std::size_t i = 0; i < count; ++i) {
    burst_.push_back(std::move(script_->waiting.front()));
    script_->waiting.pop_front();
  }
  for (std::size_t i = 0; i < count; ++i) {
    Frame& frame = frames[i];
    frame = {};
    frame.data = burst_[i].bytes.data();
    frame.captured_bytes = static_cast<std::uint32_t>(burst_[i].bytes.size());
    frame.wire_bytes = burst_[i].wire_bytes;
    frame.time_ns = burst_[i].time_ns;
    frame.link_type = burst_[i].link_type;
    ++counters_.polled_frames;
    counters_.polled_captured_bytes += frame.captured_bytes;
    counters_.polled_wire_bytes += frame.wire_bytes;
  }
  return PollResult{static_cast<std::uint32_t>(count), script_->stops > 0 && script_->waiting.empty()};
}

bool ScriptedSource::read_device() {
  counters_.device_dropped_frames = script_->dropped_frames;  // a socket counts what it lost before
  if (script_->gone) return false;
  counters_.device_received_frames = script_->received_frames;
  return true;
}

std::optional<SourceNotice> ScriptedSource::take_notice() {
  if (script_->notices.empty()) return std::nullopt;
  SourceNotice notice = script_->notices.front();
  script_->notices.pop_front();
  return notice;
}

}  // namespace tapline::test
