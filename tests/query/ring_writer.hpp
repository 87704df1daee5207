#pragma once
// Numbered frames, and a writer of them whose ring evicts while others read.

#include <atomic>
#include <thread>

#include "storage/ring.hpp"
#include "tests/storage/traffic.hpp"

namespace tapline::query::test {

inline constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
inline constexpr TimeNs kStepNs = 1000;
inline constexpr std::uint64_t kHosts = 16;

/// Frame `number`: its time tells which one it is.
inline storage::TestFrame numbered_frame(std::uint64_t number) {
  storage::TestFrame frame;
  frame.bytes = storage::make_udp_frame(static_cast<std::uint32_t>(0x0a000000 + number % kHosts), 0xcb007101,
                                        40000, 53, 100);
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = kStart + static_cast<TimeNs>(number) * kStepNs;
  frame.order = {frame.time_ns, 0};
  return frame;
}

inline std::uint64_t number_of(TimeNs time_ns) {
  return static_cast<std::uint64_t>((time_ns - kStart) / kStepNs);
}

inline storage::FrameSegmentConfig small_files(const storage::Store& store, std::uint64_t segment_bytes) {
  storage::FrameSegmentConfig config;
  config.directory = config.index_directory = store.packets_directory();
  config.segment_bytes_max = segment_bytes;
  config.block_bytes = 8 * 1024;
  config.lane_bits_max = 1;
  return config;
}

/// Writes frames through a ring until it is told to stop, some segments for each round of reading.
class RingWriter {
 public:
  static constexpr std::uint64_t kBudgetBytes = 2u << 20;
  static constexpr std::uint64_t kSegmentsAhead = 64;  // more than the budget has room for
  static constexpr std::uint64_t kSegmentsARound = 4;

  explicit RingWriter(const storage::Store& store)
      : ring_(store, kBudgetBytes), writer_(small_files(store, 128 * 1024), ring_) {}

  /// False after an error.
  bool run() {
    storage::TestPipeline pipeline(writer_);
    std::uint64_t published = 0;
    for (std::uint64_t number = 0; !stop; ++number) {
      if (!pipeline.append(numbered_frame(number))) return false;
      if (writer_.counters().segments_published == published) continue;
      published = writer_.counters().segments_published;
      writer_.lanes().seal_all();
      frames_published = number;  // all before this one
      segments_evicted = ring_.segments_evicted();
      // Unbounded, it would leave so many names of expired segments that readers do little but list them.
      while (published > kSegmentsAhead + kSegmentsARound * rounds_begun && !stop) std::this_thread::yield();
    }
    return writer_.finish().ok();
  }

  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> rounds_begun = 0;  // by readers
  std::atomic<std::uint64_t> frames_published = 0;
  std::atomic<std::uint64_t> segments_evicted = 0;

 private:
  storage::Ring ring_;
  storage::FrameSegmentWriter writer_;
};

}  // namespace tapline::query::test
