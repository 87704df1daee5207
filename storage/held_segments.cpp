#include "storage/held_segments.hpp"

#include <utility>

namespace tapline::storage {

bool HeldSegments::contains(std::uint64_t id_high) const {
  const std::lock_guard lock(mutex_);
  return !is_free(id_high);
}

bool HeldSegments::claim(std::uint64_t id_high) {
  std::unique_lock lock(mutex_);
  if (!is_free(id_high) && !held_.contains(id_high) && judge_) {
    lock.unlock();
    judge_(id_high);
    lock.lock();
  }
  if (!is_free(id_high)) return false;
  claimed_.insert(id_high);
  return true;
}

void HeldSegments::unclaim(std::uint64_t id_high) {
  const std::lock_guard lock(mutex_);
  claimed_.erase(id_high);
}

HeldSegments::Ids HeldSegments::replace(bool any_hold, Ids held, Ids free) {
  const std::lock_guard lock(mutex_);
  any_hold_ = any_hold;
  held_ = std::move(held);
  free_ = std::move(free);
  return claimed_;
}

void HeldSegments::set(std::uint64_t id_high, bool held) {
  const std::lock_guard lock(mutex_);
  (held ? free_ : held_).erase(id_high);
  (held ? held_ : free_).insert(id_high);
}

}  // namespace tapline::storage
