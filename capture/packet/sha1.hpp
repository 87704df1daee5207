#pragma once
// SHA-1 (RFC 3174), for Community ID only: nothing here depends on its strength, and it is never used per
// packet.

#include <array>
#include <cstdint>

#include "capture/base/bytes.hpp"

namespace tapline {

using Sha1Digest = std::array<std::uint8_t, 20>;

Sha1Digest sha1(Bytes message) noexcept;

}  // namespace tapline
