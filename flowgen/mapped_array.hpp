#pragma once
// MappedArray: a fixed number of zeroed elements in memory of their own, in huge pages where the kernel has
// them: a table of gigabytes read at random would otherwise miss the TLB with every packet.

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "capture/base/result.hpp"

namespace tapline::flowgen {

template <class T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  MappedArray() = default;
  MappedArray(MappedArray&& other) noexcept
      : elements_(std::exchange(other.elements_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  MappedArray& operator=(MappedArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~MappedArray() {
    if (elements_ != nullptr) munmap(elements_, memory_bytes());
  }

  /// kLimit where the memory cannot be had. Pages are taken when first touched.
  static Result<MappedArray> create(std::size_t count) {
    MappedArray array;
    array.count_ = count;
    void* const at = mmap(nullptr, array.memory_bytes(), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
      return Error{ErrorCode::kLimit,
                   "no " + std::to_string(array.memory_bytes()) + " bytes of memory for the flow table"};
    }
    madvise(at, array.memory_bytes(), MADV_HUGEPAGE);  // a hint: a kernel without them serves small pages
    array.elements_ = static_cast<T*>(at);
    return array;
  }

  /// Takes the next of them now, one huge page's worth, near the processor that runs this thread. False where
  /// there are no more. (Kernels before 5.14 do not, and nothing is lost.)
  bool take_pages() {
    constexpr std::size_t kHugePageBytes = 2u << 20;
    if (taken_bytes_ >= memory_bytes()) return false;
    auto* const at = reinterpret_cast<std::uint8_t*>(elements_) + taken_bytes_;
    madvise(at, std::min(kHugePageBytes, memory_bytes() - taken_bytes_), MADV_POPULATE_WRITE);
    taken_bytes_ += kHugePageBytes;
    return true;
  }

  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  T* data() { return elements_; }
  std::size_t size() const { return count_; }
  std::size_t memory_bytes() const { return count_ * sizeof(T); }

 private:
  T* elements_ = nullptr;
  std::size_t count_ = 0;
  std::size_t taken_bytes_ = 0;
};

}  // namespace tapline::flowgen
