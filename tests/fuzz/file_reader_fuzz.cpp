// Any bytes as a capture file: must end, stay within its memory, and hand out only bytes that are there.
// The first byte of the input chooses the burst size; the rest is the file.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "capture/files/capture_file_source.hpp"

using namespace tapline;

namespace {

constexpr unsigned kZstdWindowLog = 22;  // 4 MiB, so that three layers of input stay below 64 MiB
// Far above what any input without compression reaches; compressed ones may expand a thousandfold.
constexpr std::uint64_t kPollsMax = 2'000;
constexpr std::uint64_t kCapturedBytesMax = std::uint64_t{32} << 20;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t burst_frames = data[0] % kBurstFramesMax + 1;
  const Result<std::unique_ptr<FrameSource>> opened = CaptureFileSource::open(
      std::make_unique<MemoryInput>(Bytes(data + 1, size - 1)), "input", kZstdWindowLog);
  if (!opened) return 0;
  FrameSource& source = **opened;
  std::array<Frame, kBurstFramesMax> frames;
  SourceCounters sums;
  volatile std::uint8_t touched = 0;
  for (std::uint64_t polls = 0; polls < kPollsMax && sums.polled_captured_bytes < kCapturedBytesMax;
       ++polls) {
    const Result<PollResult> polled = source.poll(std::span(frames).first(burst_frames));
    if (!polled) {
      const Result<PollResult> again = source.poll(frames);
      TAPLINE_CHECK(!again.ok() && again.error().context == polled.error().context);
      break;
    }
    TAPLINE_CHECK(polled->frames <= burst_frames);
    for (const Frame& frame : std::span(frames).first(polled->frames)) {
      TAPLINE_CHECK(frame.captured_bytes <= kFrameBytesMax);
      ++sums.polled_frames;
      sums.polled_captured_bytes += frame.captured_bytes;
      sums.polled_wire_bytes += frame.wire_bytes;
      if (frame.captured_bytes > 0) touched = frame.data[0] ^ frame.data[frame.captured_bytes - 1];
    }
    TAPLINE_CHECK(source.counters().polled_frames == sums.polled_frames);
    TAPLINE_CHECK(source.counters().polled_captured_bytes == sums.polled_captured_bytes);
    TAPLINE_CHECK(source.counters().polled_wire_bytes == sums.polled_wire_bytes);
    if (polled->end) break;
  }
  static_cast<void>(touched);
  return 0;
}
