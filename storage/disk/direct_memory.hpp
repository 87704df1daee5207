#pragma once
// DirectMemory: memory that devices read and write themselves (O_DIRECT).

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tapline {

/// Of addresses, offsets and lengths: what every device takes.
inline constexpr std::size_t kDirectAlignment = 4096;
/// In ordinary pages a read or write is a list of hundreds of places, which devices take in several pieces.
inline constexpr std::size_t kHugePageBytes = 2u << 20;

struct UnmapMemory {
  std::size_t bytes = 0;
  void operator()(std::uint8_t* memory) const;
};
using DirectMemory = std::unique_ptr<std::uint8_t[], UnmapMemory>;

/// `bytes`: a multiple of kDirectAlignment; of kHugePageBytes: in huge pages, where the kernel has some. Null
/// where there is no memory. Mapped for itself: memory that malloc() gives again may consist of small pages
/// already.
DirectMemory allocate_direct(std::size_t bytes);

}  // namespace tapline
