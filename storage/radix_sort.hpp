#pragma once
// Stable radix sort of 64-bit items by some of their bits, least significant digit first.

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace tapline::storage {

/// By the bits from `first` on, as many as `bits`. `scratch` is as long afterwards as `items`.
inline void radix_sort(std::vector<std::uint64_t>& items, unsigned first, unsigned bits,
                       std::vector<std::uint64_t>& scratch) {
  constexpr unsigned kDigitBits = 11;
  constexpr std::uint64_t kDigitMask = (1 << kDigitBits) - 1;
  scratch.resize(items.size());
  for (unsigned shift = first; shift < first + bits; shift += kDigitBits) {
    std::array<std::size_t, 1 << kDigitBits> start{};
    for (const std::uint64_t item : items) ++start[item >> shift & kDigitMask];
    std::size_t sum = 0;
    for (std::size_t& slot : start) sum += std::exchange(slot, sum);
    for (const std::uint64_t item : items) scratch[start[item >> shift & kDigitMask]++] = item;
    items.swap(scratch);
  }
}

}  // namespace tapline::storage
