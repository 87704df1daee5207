#include "tests/live/live_sources.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "tests/af_packet/pair_frames.hpp"

namespace tapline {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kPatience{10};  // ends tests that would hang; none waits that long

}  // namespace

bool must_skip() {
  static const std::optional<std::string> reason = PrivateNetwork::why_not();
  if (reason) WARN("skipped: " << *reason);
  return reason.has_value();
}

AfPacketConfig config_for(const std::string& interface, unsigned workers) {
  AfPacketConfig config;
  config.interface = interface;
  config.workers = workers;
  config.ring_bytes = 4ULL << 20U;
  config.block_bytes = 256U << 10U;
  config.block_timeout = std::chrono::milliseconds(5);
  return config;
}

Sources open_sources(const AfPacketConfig& config) {
  Result<Sources> sources = open_af_packet(config);
  INFO((sources.ok() ? "" : sources.error().context));
  REQUIRE(sources.ok());
  REQUIRE(sources->size() == config.workers);
  return *std::move(sources);
}

FrameBytes frame_of(std::size_t bytes, std::uint8_t fill) {
  FrameBytes frame(bytes, fill);
  frame[12] = 0x08;
  frame[13] = 0x00;
  return frame;
}

FrameBytes with_types(const FrameBytes& types, std::size_t bytes) {
  return ethernet_frame(types, FrameBytes(bytes - 12 - types.size(), 0x42));
}

std::vector<FrameBytes> poll_frames(FrameSource& source, std::size_t frames_wanted) {
  std::vector<FrameBytes> received;
  std::array<Frame, 7> frames;
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (received.size() < frames_wanted && Clock::now() < deadline) {
    const Result<PollResult> polled = source.poll(frames);
    REQUIRE(polled.ok());
    for (const Frame& frame : std::span(frames).first(polled->frames)) {
      received.emplace_back(frame.data, frame.data + frame.captured_bytes);
    }
    if (polled->frames == 0) source.wait(std::chrono::milliseconds(20));
    source.read_device();
  }
  return received;
}

std::uint64_t drain(FrameSource& source) {
  std::array<Frame, kBurstFramesMax> frames;
  const Clock::time_point deadline = Clock::now() + kPatience;
  for (std::uint64_t count = 0;;) {
    const Result<PollResult> polled = source.poll(frames);
    REQUIRE(polled.ok());
    count += polled->frames;
    if (polled->end) return count;
    REQUIRE(Clock::now() < deadline);
    if (polled->frames == 0) source.wait(std::chrono::milliseconds(5));
  }
}

void check_balance(FrameSource& source) {
  source.read_device();
  CHECK(source.counters().device_received_frames == source.counters().polled_frames);
}

bool device_becomes(FrameSource& source, bool readable) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (source.read_device() != readable) {
    if (Clock::now() > deadline) return false;
    source.wait(std::chrono::milliseconds(20));
    REQUIRE(source.poll({}).ok());
  }
  return true;
}

std::string all_notices(FrameSource& source) {
  std::string text;
  while (const std::optional<SourceNotice> notice = source.take_notice()) text += notice->text + "\n";
  return text;
}

std::string notices_until(FrameSource& source, const std::string& text) {
  std::string notices;
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (notices.find(text) == std::string::npos && Clock::now() < deadline) {
    source.read_device();
    notices += all_notices(source);
    source.wait(std::chrono::milliseconds(10));
  }
  return notices;
}

}  // namespace tapline
