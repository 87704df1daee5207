#pragma once
// FrameSource: where frames come from: a capture file, an AF_PACKET ring, a DPDK port. Used by one thread.
// Contract (tests/capture/frame_source_contract.hpp):
//
//  * poll() fills the front of `frames` with at most frames.size() frames in the order they were captured;
//    their bytes stay valid until the next poll(). Frame::order is left to the caller.
//
//  * 0 frames and no end: nothing at the moment (live), or a long run of blocks without frames (files). `end`
//    is set with or after the last frames and stays set.
//
//  * An error comes after every frame that was whole before it; the source then stays at its end and returns
//    it again.
//
//  * counters().polled_* count exactly the frames handed out so far: book 1 of the ledger starts there.
//
//  * Nothing is allocated per frame.
//
//  * Live sources: poll() never sleeps; after stop_receiving() it hands out what had been received, then
//    `end`, and from then on device_received_frames equals polled_frames once the device has been read.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "capture/base/result.hpp"
#include "capture/packet/frame.hpp"

namespace tapline {

struct SourceCounters {
  std::uint64_t polled_frames = 0;
  std::uint64_t polled_captured_bytes = 0;
  std::uint64_t polled_wire_bytes = 0;
  // Of those, frames that offloads put together and the wire never carried in one piece; files: 0.
  std::uint64_t super_frames = 0;
  // Cumulative, as of the last reading of the device; files: always up to date.
  std::uint64_t device_received_frames = 0;  // without the dropped ones; polled, or waiting to be
  std::uint64_t device_dropped_frames = 0;   // lost before poll; files: 0
};

/// Something that whoever runs the sensor should know: an interface went down, offloads distort what is seen.
struct SourceNotice {
  bool warning = true;
  std::string text;  // names the interface, the value and what to do about it
};

struct PollResult {
  std::uint32_t frames = 0;
  bool end = false;  // no frame will ever follow
};

/// How far a finite source has come, for progress displays; total 0 where it is not known (standard input,
/// live).
struct SourceProgress {
  std::uint64_t consumed_bytes = 0;
  std::uint64_t total_bytes = 0;
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;

  virtual Result<PollResult> poll(std::span<Frame> frames) = 0;
  virtual const SourceCounters& counters() const = 0;
  virtual SourceProgress progress() const = 0;

  /// Live sources: sleeps until poll() may have frames, at most so long. Others return at once.
  virtual void wait(std::chrono::milliseconds) {}
  /// Live sources: reads the device's counters into counters(). System calls: a few times a second at most.
  /// False where the device cannot be read now (the interface is gone): then nothing is being received,
  /// either.
  virtual bool read_device() { return true; }
  /// Live sources: nothing more is received; what has been received can still be polled.
  virtual void stop_receiving() {}
  /// The next notice, oldest first, each once. Not on the packet path: may allocate.
  virtual std::optional<SourceNotice> take_notice() { return std::nullopt; }

 protected:
  FrameSource() = default;
};

}  // namespace tapline
