#pragma once
// SpscRing: a queue of small values from one thread to one other, without locks. Memory is allocated by the
// constructor.

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace tapline {

inline constexpr std::size_t kCacheLineBytes = 64;

template <class T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Room for `count_min` values or a few more.
  explicit SpscRing(std::size_t count_min)
      : mask_(std::bit_ceil(count_min) - 1), values_(std::make_unique<T[]>(mask_ + 1)) {}

  /// Producer. False where it is full.
  bool push(const T& value) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);  // pairs with pop(): the place has been read
      if (tail - head_seen_ > mask_) return false;
    }
    values_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);  // pairs with pop(): the value, and what it points to
    return true;
  }

  /// Consumer. False where it is empty.
  bool pop(T& value) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);  // pairs with push()
      if (head == tail_seen_) return false;
    }
    value = values_[head & mask_];
    head_.store(head + 1, std::memory_order_release);  // pairs with push()
    return true;
  }

  /// How many values wait; exact for neither thread while the other is at work, and for a third one perhaps
  /// more than there is room for.
  std::size_t size() const {
    // The head first: it never overtakes a tail that was read later.
    const std::size_t head = head_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_acquire) - head;
  }

 private:
  const std::size_t mask_;
  const std::unique_ptr<T[]> values_;
  alignas(kCacheLineBytes) std::atomic<std::size_t> tail_{0};  // written by the producer
  std::size_t head_seen_ = 0;                                  // producer's
  alignas(kCacheLineBytes) std::atomic<std::size_t> head_{0};  // written by the consumer
  std::size_t tail_seen_ = 0;                                  // consumer's
};

}  // namespace tapline
