#pragma once
// SHA-256 (FIPS 180-4) and the key derivation on it, for fingerprints, certificates and QUIC's first packets.
// By OpenSSL's plain functions: those that replace them since 3.0 look an algorithm up under a lock and
// allocate, each time.

#include <array>
#include <cstdint>
#include <string_view>

#include "capture/base/bytes.hpp"

namespace tapline {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(Bytes message) noexcept;

/// HKDF-Extract (RFC 5869, section 2.2) with a salt of at most 64 bytes.
Sha256Digest hkdf_extract(Bytes salt, Bytes key_material) noexcept;

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, section 7.1) with an empty context: `out` has at most 32 bytes,
/// the label, without "tls13 ", at most 32.
void hkdf_expand_label(const Sha256Digest& secret, std::string_view label,
                       std::span<std::uint8_t> out) noexcept;

}  // namespace tapline
