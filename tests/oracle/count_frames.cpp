// Prints one line about each capture file named: path, frames, captured bytes, wire bytes, first, last,
// earliest and latest time in nanoseconds, then "ok" or the error. With --times, one line a frame instead:
// time, captured bytes, wire bytes. The counterpart that frame_counts and the benchmarks compare with other
// people's tools.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <string_view>

#include "capture/files/file_source.hpp"

namespace {

using namespace tapline;

struct Summary {
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  TimeNs earliest_ns = std::numeric_limits<TimeNs>::max();
  TimeNs latest_ns = std::numeric_limits<TimeNs>::min();
  unsigned touched = 0;

  void add(const Frame& frame, bool is_first) {
    if (is_first) first_ns = frame.time_ns;
    last_ns = frame.time_ns;
    earliest_ns = std::min(earliest_ns, frame.time_ns);
    latest_ns = std::max(latest_ns, frame.time_ns);
    // As a decoder would: without it, a benchmark would measure frames that nobody looks at.
    if (frame.captured_bytes > 0)
      touched += frame.data[0] + frame.data[std::min(frame.captured_bytes, 64U) - 1];
  }
};

void print_time(const Frame& frame) {
  fmt::print("{}\t{}\t{}\n", frame.time_ns, frame.captured_bytes, frame.wire_bytes);
}

void count(const char* path, bool times) {
  Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
  if (!source) {
    if (!times) fmt::print("{}\t0\t0\t0\t0\t0\t0\t0\t{}\n", path, source.error().context);
    return;
  }
  Summary summary;
  std::array<Frame, kBurstFramesMax> frames;
  std::string outcome = "ok";
  for (bool end = false; !end;) {
    const bool none_yet = (*source)->counters().polled_frames == 0;
    const Result<PollResult> polled = (*source)->poll(frames);
    if (!polled) {
      outcome = polled.error().context;
      break;
    }
    for (std::uint32_t i = 0; i < polled->frames; ++i) {
      if (times) print_time(frames[i]);
      summary.add(frames[i], none_yet && i == 0);
    }
    end = polled->end;
  }
  const SourceCounters& counters = (*source)->counters();
  if (counters.polled_frames == 0) summary.earliest_ns = summary.latest_ns = 0;
  [[maybe_unused]] static volatile unsigned sink;  // so that the touching is not optimised away
  sink = summary.touched;
  if (times) return;
  fmt::print("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", path, counters.polled_frames,
             counters.polled_captured_bytes, counters.polled_wire_bytes, summary.first_ns, summary.last_ns,
             summary.earliest_ns, summary.latest_ns, outcome);
}

}  // namespace

int main(int argc, char** argv) {
  const bool times = argc > 1 && std::string_view(argv[1]) == "--times";
  for (int i = times ? 2 : 1; i < argc; ++i) count(argv[i], times);
  return 0;
}
