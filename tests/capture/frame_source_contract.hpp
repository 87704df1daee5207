#pragma once
// The contract of FrameSource (capture/frame_source.hpp) as a check that every source has to pass: give it a
// function that opens the source anew, and the frames that it must deliver. Include it in a test file after
// Catch2.

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capture/frame_source.hpp"

namespace tapline {

struct ContractFrame {
  std::vector<std::uint8_t> bytes;
  TimeNs time_ns = 0;
  std::uint32_t wire_bytes = 0;
  std::uint16_t link_type = kLinkEthernet;
  std::uint16_t port = 0;
};

struct ContractTraits {
  bool finite = true;  // ends by itself; a live source is left once it has delivered everything
  bool keeps_times =
      true;  // false where the source stamps the frames itself: then times must not run backwards
};

using OpenSource = std::function<std::unique_ptr<FrameSource>()>;

/// What a source must say at the end: nothing where it ends well.
struct ContractFailure {
  ErrorCode code;
  std::string context_part;
};

class FrameSourceContract {
 public:
  FrameSourceContract(OpenSource open, std::span<const ContractFrame> expected, ContractTraits traits = {})
      : open_(std::move(open)), expected_(expected), traits_(traits) {}

  /// All frames in order at several burst sizes, exact counters, an end that stays.
  void check() const {
    for (const std::size_t burst_frames : {1, 7, 64}) check_burst(burst_frames, nullptr);
  }
  /// All expected frames, then this error, again and again.
  void check_failure(const ContractFailure& failure) const {
    for (const std::size_t burst_frames : {1, 64}) check_burst(burst_frames, &failure);
  }

 private:
  static constexpr std::uint32_t kUntouched = 0xdead'beef;

  void check_burst(std::size_t burst_frames, const ContractFailure* failure) const {
    const std::unique_ptr<FrameSource> source = open_();
    REQUIRE(source != nullptr);
    const Result<PollResult> nothing = source->poll({});
    REQUIRE((nothing.ok() && nothing->frames == 0));

    std::array<Frame, kBurstFramesMax + 1> frames;
    SourceCounters sums;
    bool end = false;
    while (!end && (traits_.finite || sums.polled_frames < expected_.size())) {
      frames[burst_frames].wire_bytes = kUntouched;
      const Result<PollResult> polled = source->poll(std::span(frames).first(burst_frames));
      if (!polled) {
        check_error(*source, polled.error(), failure, sums);
        return;
      }
      if (polled->frames > burst_frames || frames[burst_frames].wire_bytes != kUntouched)
        FAIL("more than asked for");
      for (const Frame& frame : std::span(frames).first(polled->frames)) check_frame(frame, sums);
      check_counters(*source, sums);
      end = polled->end;
    }
    if (failure != nullptr) FAIL("no error after " << sums.polled_frames << " frames");
    if (sums.polled_frames != expected_.size())
      FAIL(sums.polled_frames << " frames, not " << expected_.size());
    if (traits_.finite) check_end(*source, sums);
  }

  void check_frame(const Frame& frame, SourceCounters& sums) const {
    const std::uint64_t index = sums.polled_frames;
    if (index >= expected_.size()) FAIL("a frame too many: " << index);
    const ContractFrame& wanted = expected_[index];
    const bool same_bytes =
        frame.captured_bytes == wanted.bytes.size() &&
        (wanted.bytes.empty() || std::memcmp(frame.data, wanted.bytes.data(), wanted.bytes.size()) == 0);
    if (!same_bytes) FAIL("bytes of frame " << index);
    if (traits_.keeps_times && frame.time_ns != wanted.time_ns) {
      FAIL("time of frame " << index << ": " << frame.time_ns << ", not " << wanted.time_ns);
    }
    if (frame.wire_bytes != wanted.wire_bytes)
      FAIL("wire bytes of frame " << index << ": " << frame.wire_bytes);
    if (frame.link_type != wanted.link_type) FAIL("link type of frame " << index << ": " << frame.link_type);
    if (frame.port != wanted.port) FAIL("port of frame " << index << ": " << frame.port);
    ++sums.polled_frames;
    sums.polled_captured_bytes += frame.captured_bytes;
    sums.polled_wire_bytes += frame.wire_bytes;
  }

  static void check_counters(const FrameSource& source, const SourceCounters& sums) {
    const SourceCounters& counters = source.counters();
    const bool same = counters.polled_frames == sums.polled_frames &&
                      counters.polled_captured_bytes == sums.polled_captured_bytes &&
                      counters.polled_wire_bytes == sums.polled_wire_bytes;
    if (!same) FAIL("counters after " << sums.polled_frames << " frames");
    if (counters.device_received_frames < counters.polled_frames) FAIL("polled what was not received");
    const SourceProgress progress = source.progress();
    if (progress.total_bytes > 0 && progress.consumed_bytes > progress.total_bytes)
      FAIL("progress beyond the total");
  }

  void check_end(FrameSource& source, const SourceCounters& sums) const {
    std::array<Frame, kBurstFramesMax> frames;
    for (int i = 0; i < 3; ++i) {
      const Result<PollResult> again = source.poll(frames);
      REQUIRE(again.ok());
      CHECK(again->frames == 0);
      CHECK(again->end);
    }
    check_counters(source, sums);
  }

  void check_error(FrameSource& source, const Error& error, const ContractFailure* failure,
                   const SourceCounters& sums) const {
    if (failure == nullptr) FAIL("after " << sums.polled_frames << " frames: " << error.context);
    CHECK(sums.polled_frames == expected_.size());
    CHECK(error.code == failure->code);
    CHECK_THAT(error.context, Catch::Contains(failure->context_part));
    std::array<Frame, kBurstFramesMax> frames;
    for (int i = 0; i < 3; ++i) {
      const Result<PollResult> again = source.poll(frames);
      REQUIRE_FALSE(again.ok());
      CHECK(again.error().code == error.code);
      CHECK(again.error().context == error.context);
    }
    check_counters(source, sums);
  }

  OpenSource open_;
  std::span<const ContractFrame> expected_;
  ContractTraits traits_;
};

}  // namespace tapline
