#include "storage/disk/direct_memory.hpp"

#include <sys/mman.h>

namespace tapline {

DirectMemory allocate_direct(std::size_t bytes) {
  const bool huge = bytes % kHugePageBytes == 0;
  DirectMemory memory(
      static_cast<std::uint8_t*>(std::aligned_alloc(huge ? kHugePageBytes : kDirectAlignment, bytes)));
  // Where there is no huge page it is ordinary ones.
  if (memory && huge) static_cast<void>(::madvise(memory.get(), bytes, MADV_HUGEPAGE));
  return memory;
}

}  // namespace tapline
