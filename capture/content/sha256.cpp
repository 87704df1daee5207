#define OPENSSL_SUPPRESS_DEPRECATED  // see the header

#include "capture/content/sha256.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "capture/base/check.hpp"

namespace tapline {
namespace {

// HMAC (RFC 2104) of a message in two pieces, with a key of at most one block.
Sha256Digest hmac_sha256(Bytes key, Bytes first, Bytes second) {
  TAPLINE_DCHECK(key.size() <= SHA256_CBLOCK);
  std::array<std::uint8_t, SHA256_CBLOCK> pad{};
  std::copy(key.begin(), key.end(), pad.begin());
  for (std::uint8_t& byte : pad) byte ^= 0x36;
  Sha256Digest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, first.data(), first.size());
  SHA256_Update(&context, second.data(), second.size());
  SHA256_Final(digest.data(), &context);
  for (std::uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

}  // namespace

Sha256Digest sha256(Bytes message) noexcept {
  Sha256Digest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, message.data(), message.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

Sha256Digest hkdf_extract(Bytes salt, Bytes key_material) noexcept {
  return hmac_sha256(salt, key_material, {});
}

void hkdf_expand_label(const Sha256Digest& secret, std::string_view label,
                       std::span<std::uint8_t> out) noexcept {
  constexpr std::string_view kPrefix = "tls13 ";
  constexpr std::size_t kLabelBytesMax = 32;
  TAPLINE_DCHECK(label.size() <= kLabelBytesMax && out.size() <= secret.size());
  // struct HkdfLabel, then HKDF-Expand's counter of the one block that is needed.
  std::array<std::uint8_t, 2 + 1 + kPrefix.size() + kLabelBytesMax + 1 + 1> info{};
  std::uint8_t* at = info.data();
  *at++ = 0;
  *at++ = static_cast<std::uint8_t>(out.size());
  *at++ = static_cast<std::uint8_t>(kPrefix.size() + label.size());
  at = std::copy(kPrefix.begin(), kPrefix.end(), at);
  at = std::copy(label.begin(), label.end(), at);
  *at++ = 0;  // no context
  *at++ = 1;
  const Sha256Digest block =
      hmac_sha256(secret, Bytes(info.data(), static_cast<std::size_t>(at - info.data())), {});
  std::copy_n(block.begin(), out.size(), out.begin());
}

}  // namespace tapline
