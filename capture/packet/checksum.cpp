#include "capture/packet/checksum.hpp"

#include <emmintrin.h>

#include "capture/base/bytes.hpp"
#include "capture/packet/header_bytes.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {
namespace {

constexpr std::uint16_t kRight = 0xffff;

// 16 bytes a step, of which no sum overflows in a datagram: words less 2^15, which makes them signed, added
// in pairs. Four instructions for eight words.
std::uint64_t sum_blocks(const std::uint8_t* at, std::uint32_t blocks) {
  constexpr std::int64_t kWordsPerBlock = 8;
  constexpr std::int64_t kBias = 1 << 15;
  const __m128i bias = _mm_set1_epi16(static_cast<std::int16_t>(-kBias));
  const __m128i ones = _mm_set1_epi16(1);
  __m128i sums = _mm_setzero_si128();
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < blocks; ++i) {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    sums = _mm_add_epi32(sums, _mm_madd_epi16(_mm_xor_si128(words, bias), ones));
  }
  alignas(16) std::int32_t lanes[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), sums);
  const std::int64_t biased = std::int64_t{lanes[0]} + lanes[1] + lanes[2] + lanes[3];
  return static_cast<std::uint64_t>(biased + blocks * kWordsPerBlock * kBias);
}

// Words in this machine's order, which is the other one than the network's: the sum is its mirror image, and
// 0xffff is its own. `bytes`: an IP packet's at most.
std::uint64_t sum_words(const std::uint8_t* at, std::uint32_t bytes) {
  constexpr std::uint32_t kBlockBytes = 16;
  constexpr std::uint32_t kFewBytes = 4 * kBlockBytes;  // headers
  std::uint64_t sum = 0;
  if (bytes >= kFewBytes) {
    sum = sum_blocks(at, bytes / kBlockBytes);
    at += bytes / kBlockBytes * kBlockBytes;
    bytes %= kBlockBytes;
  }
  for (; bytes >= 4; bytes -= 4, at += 4) sum += load_le<std::uint32_t>(at);
  std::uint32_t rest = 0;
  for (std::uint32_t i = 0; i < bytes; ++i) rest |= std::uint32_t{at[i]} << 8 * i;
  return sum + rest;
}

std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// Addresses, protocol and length, as RFC 9293, section 3.1 and RFC 8200, section 8.1 have it.
std::uint64_t pseudo_header(const std::uint8_t* ip, const PacketMeta& meta, std::uint32_t bytes) {
  const bool ipv4 = meta.has(kMetaIpv4);
  const std::uint64_t addresses = ipv4 ? sum_words(ip + 12, 8) : sum_words(ip + 8, 32);
  return addresses + (std::uint64_t{meta.ip_proto} << 8) + __builtin_bswap32(bytes);
}

bool is_transport_right(const std::uint8_t* ip, const std::uint8_t* transport, const PacketMeta& meta,
                        std::uint32_t bytes) {
  switch (meta.ip_proto) {
    case kIpProtoUdp: {
      if (load_be16(transport + 6) == 0) return true;  // there is none
      const std::uint32_t udp_bytes = load_be16(transport + 4);
      if (udp_bytes < kUdpFixedBytes || udp_bytes > bytes) return true;  // it is not known what it covers
      bytes = udp_bytes;
      break;
    }
    case kIpProtoIcmp:
      return fold(sum_words(transport, bytes)) == kRight;
    case kIpProtoTcp:
    case kIpProtoIcmpv6:
      break;
    default:
      return true;
  }
  return fold(pseudo_header(ip, meta, bytes) + sum_words(transport, bytes)) == kRight;
}

bool is_right(const Frame& frame, const PacketMeta& meta) {
  const std::uint8_t* const ip = frame.data + meta.l3_offset;
  const bool ipv4 = meta.has(kMetaIpv4);
  const std::uint32_t header_bytes = ipv4 ? (ip[0] & 0x0f) * 4u : kIpv6FixedBytes;
  if (ipv4 && meta.l3_offset + header_bytes <= frame.captured_bytes &&
      fold(sum_words(ip, header_bytes)) != kRight)
    return false;
  const bool plain = meta.l4_offset == meta.l3_offset + (ipv4 ? kIpv4FixedBytes : kIpv6FixedBytes);
  const bool whole = (meta.flags & (kMetaFragment | kMetaIpTruncated)) == 0 && meta.has(kMetaL4);
  const std::uint32_t bytes = meta.ip_bytes - header_bytes;
  constexpr std::uint32_t kBytesMax = 0xffff;  // more cannot be said in a pseudo header: super-frames
  if (!plain || !whole || bytes > kBytesMax) return true;
  return is_transport_right(ip, frame.data + meta.l4_offset, meta, bytes);
}

}  // namespace

void verify_checksums(std::span<const Frame> frames, std::span<PacketMeta> metas) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    PacketMeta& meta = metas[i];
    if (meta.status != DecodeStatus::kIp || frames[i].checksums_open) continue;
    if (!is_right(frames[i], meta)) [[unlikely]]
      meta.flags = static_cast<std::uint16_t>(meta.flags | kMetaBadChecksum);
  }
}

}  // namespace tapline
