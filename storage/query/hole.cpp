#include "storage/query/hole.hpp"

#include <algorithm>
#include <tuple>

#include "capture/base/time_window.hpp"

namespace tapline::query {

const char* hole_reason_name(HoleReason reason) {
  switch (reason) {
    case HoleReason::kExpired:
      return "expired";
    case HoleReason::kSensorDown:
      return "sensor_down";
    case HoleReason::kCorrupt:
      return "corrupt";
    case HoleReason::kDroppedNic:
      return "dropped_nic";
    case HoleReason::kDroppedPool:
      return "dropped_pool";
    case HoleReason::kDiskError:
      return "disk_error";
    case HoleReason::kVolumeMissing:
      return "volume_missing";
    case HoleReason::kNotYetFlushed:
      return "not_yet_flushed";
  }
  return "unknown";
}

void merge_holes(std::vector<Hole>& holes) {
  std::ranges::sort(holes, [](const Hole& a, const Hole& b) {
    return std::tie(a.reason, a.detail, a.first_ns) < std::tie(b.reason, b.detail, b.first_ns);
  });
  std::vector<Hole> merged;
  for (Hole& hole : holes) {
    const bool goes_on = !merged.empty() && merged.back().reason == hole.reason &&
                         merged.back().detail == hole.detail &&
                         hole.first_ns <= time_after(merged.back().last_ns);
    if (goes_on) {
      merged.back().last_ns = std::max(merged.back().last_ns, hole.last_ns);
    } else {
      merged.push_back(std::move(hole));
    }
  }
  std::ranges::stable_sort(merged, {},
                           [](const Hole& hole) { return std::tie(hole.first_ns, hole.last_ns); });
  holes = std::move(merged);
}

}  // namespace tapline::query
