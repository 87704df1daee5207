#pragma once
// FrameSource: where frames come from: a capture file, an AF_PACKET ring, a DPDK port. Used by one thread.
// Contract (tests/capture/frame_source_contract.hpp):
//  * poll() fills the front of `frames` with at most frames.size() frames in the order they were captured;
//  their
//    bytes stay valid until the next poll(). Frame::order is left to the caller.
//  * 0 frames and no end: nothing at the moment (live). `end` is set with or after the last frames and stays
//  set.
//  * An error comes after every frame that was whole before it; the source then stays at its end and returns
//  it again.
//  * counters().polled_* count exactly the frames handed out so far: book 1 of the ledger starts there.
//  * Nothing is allocated per frame.

#include <cstdint>
#include <span>

#include "capture/base/result.hpp"
#include "capture/packet/frame.hpp"

namespace tapline {

struct SourceCounters {
  std::uint64_t polled_frames = 0;
  std::uint64_t polled_captured_bytes = 0;
  std::uint64_t polled_wire_bytes = 0;
  std::uint64_t device_received_frames = 0;  // as the device says; files: equal to polled
  std::uint64_t device_dropped_frames = 0;   // lost before poll; files: 0
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

 protected:
  FrameSource() = default;
};

}  // namespace tapline
