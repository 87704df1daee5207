#pragma once
// streaming_copy: memcpy for what a device reads next and no processor: past the caches.

#include <cstddef>
#include <cstdint>

namespace tapline {

/// Copies `bytes`, which do not overlap. The target's lines are neither fetched nor kept in the caches; when
/// it returns, they are in memory for all who are told of them.
void streaming_copy(std::uint8_t* to, const std::uint8_t* from, std::size_t bytes);

}  // namespace tapline
