#include "storage/disk/streaming_copy.hpp"

#include <algorithm>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tapline {

#ifdef __SSE2__

void streaming_copy(std::uint8_t* to, const std::uint8_t* from, std::size_t bytes) {
  constexpr std::size_t kLineBytes = 64;
  constexpr std::size_t kUnitBytes = sizeof(__m128i);
  const std::size_t into_line = reinterpret_cast<std::uintptr_t>(to) % kLineBytes;
  const std::size_t head = std::min(bytes, (kLineBytes - into_line) % kLineBytes);
  std::memcpy(to, from, head);
  std::size_t done = head;
  // Whole lines only: a part of one would be fetched after all.
  for (; bytes - done >= kLineBytes; done += kLineBytes) {
    for (std::size_t at = done; at < done + kLineBytes; at += kUnitBytes) {
      const __m128i unit = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), unit);
    }
  }
  std::memcpy(to + done, from + done, bytes - done);
  _mm_sfence();  // such stores are not ordered with others
}

#else

void streaming_copy(std::uint8_t* to, const std::uint8_t* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
}

#endif

}  // namespace tapline
