#pragma once
// The form of decode_fuzz's inputs, shared with the program that makes its seeds.

#include <cstdint>

namespace tapline::test {

inline constexpr std::size_t kDecodeInputHeaderBytes = 3;
/// Indexed by the first byte, modulo. New ones go to the end, so that old inputs keep their meaning.
inline constexpr std::uint16_t kDecodeLinkTypes[] = {1,   101, 113, 276, 0,   108, 228, 229, 105,
                                                     147, 9,   10,  12,  50,  104, 107, 119, 127,
                                                     129, 163, 192, 226, 239, 242, 258};

}  // namespace tapline::test
