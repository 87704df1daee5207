#include "storage/disk/direct_memory.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace tapline {

void UnmapMemory::operator()(std::uint8_t* memory) const {
  static_cast<void>(::munmap(memory, bytes));
}

DirectMemory allocate_direct(std::size_t bytes) {
  const bool huge = bytes % kHugePageBytes == 0;
  const std::size_t mapped = huge ? bytes + kHugePageBytes : bytes;
  void* const memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::uint8_t*>(memory);
  if (!huge) return DirectMemory(begin, {bytes});
  const std::size_t before =
      (kHugePageBytes - reinterpret_cast<std::uintptr_t>(begin) % kHugePageBytes) % kHugePageBytes;
  UnmapMemory{before}(begin);
  UnmapMemory{kHugePageBytes - before}(begin + before + bytes);
  // Where there is no huge page it is ordinary ones.
  static_cast<void>(::madvise(begin + before, bytes, MADV_HUGEPAGE));
  return DirectMemory(begin + before, {bytes});
}

}  // namespace tapline
