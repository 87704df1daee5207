#pragma once
// MappedArray: a fixed number of zeroed elements in memory of their own, in huge pages where the kernel has
// them: a table of gigabytes read at random would otherwise miss the TLB with every packet.

#include <sys/mman.h>

#include <cstddef>
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

  /// Takes them now, near the processor that runs this thread. Kernels before 5.14 do not.
  void take_pages() { madvise(elements_, memory_bytes(), MADV_POPULATE_WRITE); }

  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  T* data() { return elements_; }
  std::size_t size() const { return count_; }
  std::size_t memory_bytes() const { return count_ * sizeof(T); }

 private:
  T* elements_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace tapline::flowgen
