#pragma once
// Hole: a time of which an answer may lack something, and why.

#include <string>
#include <vector>

#include "capture/base/time.hpp"

namespace tapline::query {

enum class HoleReason : std::uint8_t {
  kExpired,        // the ring has dropped a segment
  kSensorDown,     // nothing was recorded: no sensor, no interface; or an import was interrupted
  kCorrupt,        // a segment or block cannot be read
  kDroppedNic,     // the device or the kernel dropped frames
  kDroppedPool,    // the sensor dropped frames: no block, no space, or shed to keep up
  kDiskError,      // the disk refused frames
  kVolumeMissing,  // a volume of the store is not there
  kNotYetFlushed,  // recorded, but not on the disk yet
};
const char* hole_reason_name(HoleReason reason);  // "expired", ...

struct Hole {
  TimeNs first_ns = 0;  // closed interval
  TimeNs last_ns = 0;
  HoleReason reason = HoleReason::kSensorDown;
  std::string detail;

  friend bool operator==(const Hole&, const Hole&) = default;
};

/// Makes one of holes with the same reason and detail that overlap or touch, and sorts by time.
void merge_holes(std::vector<Hole>& holes);

}  // namespace tapline::query
