#pragma once
// WriteEffort: what storing a block may cost: less, the later its writer is.

#include <cstdint>

namespace tapline::storage {

enum class WriteEffort : std::uint8_t {
  kNormal = 0,      // clear blocks compressed at the configured level, opaque ones flow-guided
  kLowerLevel = 1,  // clear blocks at a lower level
  kGuided = 2,      // all blocks flow-guided: nothing is searched
  kRaw = 3,
};
inline constexpr unsigned kWriteEffortCount = 4;

}  // namespace tapline::storage
