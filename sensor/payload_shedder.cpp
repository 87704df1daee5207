#include "sensor/payload_shedder.hpp"

#include <algorithm>
#include <bit>

namespace tapline::sensor {
namespace {

// How much payload the histogram remembers, about: a tenth of a second at 5 Gbit/s.
constexpr std::uint64_t kRememberedBytes = 64u << 20;

}  // namespace

bool PayloadShedder::sheds(std::uint32_t before, std::uint32_t payload_bytes) {
  const auto size_class = static_cast<unsigned>(std::bit_width(before));
  bytes_[size_class] += payload_bytes;
  counted_bytes_ += payload_bytes;
  return shedding_ && size_class >= size_class_from_;
}

void PayloadShedder::adapt(unsigned backlog) {
  counting_ = backlog >= (counting_ ? kCountUntil : kCountFrom);
  shedding_ = backlog >= (shedding_ ? kShedUntil : kShedFrom);
  if (!counting_) {
    bytes_.fill(0);
    counted_bytes_ = 0;
    return;
  }
  if (counted_bytes_ > kRememberedBytes) forget_half();
  if (!shedding_) return;
  // The least sizes that have to go for the share to be reached; all of them at the limit.
  const std::uint64_t share = std::min(backlog, kBacklogMax) - kShedUntil;
  const std::uint64_t wanted_bytes = counted_bytes_ * share / (kBacklogMax - kShedUntil);
  std::uint64_t bytes = 0;
  size_class_from_ = static_cast<unsigned>(bytes_.size());
  while (size_class_from_ > 0 && (bytes < wanted_bytes || backlog >= kBacklogMax))
    bytes += bytes_[--size_class_from_];
}

void PayloadShedder::forget_half() {
  counted_bytes_ = 0;
  for (std::uint64_t& bytes : bytes_) counted_bytes_ += bytes /= 2;
}

}  // namespace tapline::sensor
