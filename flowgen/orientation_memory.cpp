#include "flowgen/orientation_memory.hpp"

#include <algorithm>
#include <bit>

#include "capture/base/time_window.hpp"

namespace tapline::flowgen {
namespace {

constexpr std::uint64_t kOriginatorBit = 1;
constexpr std::uint64_t kUsedBit = 2;

std::uint64_t identity_of(std::uint64_t hash) {
  return (hash & ~std::uint64_t{3}) | kUsedBit;
}

}  // namespace

Result<OrientationMemory> OrientationMemory::create(std::uint32_t entries_max) {
  const std::size_t sets = (std::size_t{std::max(entries_max, 1u)} + kWays - 1) / kWays;
  auto array = MappedArray<Set>::create(std::bit_ceil(sets));
  if (!array) return array.error();
  OrientationMemory memory;
  memory.sets_ = std::move(*array);
  return memory;
}

void OrientationMemory::remember(std::uint64_t hash, Direction originator, TimeNs end_ns) {
  Entry* place = nullptr;
  for (Entry& entry : sets_[set_of(hash)].entries) {
    if ((entry.identity & ~kOriginatorBit) == identity_of(hash)) {
      place = &entry;
      break;
    }
    const bool better =
        place == nullptr || (place->identity != 0 && (entry.identity == 0 || entry.end_ns < place->end_ns));
    if (better) place = &entry;
  }
  *place = {identity_of(hash) | static_cast<std::uint64_t>(originator), end_ns};
}

std::optional<Direction> OrientationMemory::find(std::uint64_t hash, TimeNs time_ns) const {
  for (const Entry& entry : sets_[set_of(hash)].entries) {
    if ((entry.identity & ~kOriginatorBit) != identity_of(hash)) continue;
    if (time_ns > saturating_add(entry.end_ns, kOrientationMemoryNs)) return std::nullopt;
    return static_cast<Direction>(entry.identity & kOriginatorBit);
  }
  return std::nullopt;
}

}  // namespace tapline::flowgen
