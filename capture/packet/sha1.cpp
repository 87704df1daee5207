#include "capture/packet/sha1.hpp"

#include <algorithm>
#include <bit>

namespace tapline {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLengthBytes = 8;  // message length in bits, at the end of the last block

using State = std::array<std::uint32_t, 5>;
using Schedule = std::array<std::uint32_t, 80>;

Schedule expand(const std::uint8_t* block) {
  Schedule w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_be32(block + 4 * t);
  for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  return w;
}

// RFC 3174, section 5: f(t; B, C, D) + K(t).
std::uint32_t mix(std::size_t t, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

void compress(State& h, const std::uint8_t* block) {
  const Schedule w = expand(block);
  auto [a, b, c, d, e] = h;
  for (std::size_t t = 0; t < 80; ++t) {
    const std::uint32_t next = std::rotl(a, 5) + mix(t, b, c, d) + e + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
}

}  // namespace

Sha1Digest sha1(Bytes message) noexcept {
  State h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::uint64_t message_bits = std::uint64_t{message.size()} * 8;
  for (; message.size() >= kBlockBytes; message = message.subspan(kBlockBytes)) compress(h, message.data());

  std::array<std::uint8_t, 2 * kBlockBytes> tail{};
  std::copy(message.begin(), message.end(), tail.begin());
  tail[message.size()] = 0x80;
  const bool one_block = message.size() + 1 + kLengthBytes <= kBlockBytes;
  const std::size_t tail_bytes = one_block ? kBlockBytes : 2 * kBlockBytes;
  store_be64(tail.data() + tail_bytes - kLengthBytes, message_bits);
  for (std::size_t at = 0; at < tail_bytes; at += kBlockBytes) compress(h, tail.data() + at);

  Sha1Digest digest;
  for (std::size_t i = 0; i < h.size(); ++i) store_be32(digest.data() + 4 * i, h[i]);
  return digest;
}

}  // namespace tapline
