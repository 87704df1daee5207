#include "storage/header_matcher.hpp"

#include <algorithm>
#include <bit>

#include "capture/base/check.hpp"
#include "storage/format.hpp"

namespace tapline::storage {
namespace {

// Beyond the transport header: what protocols begin every packet with (TLS record headers, RTP, QUIC
// connection ids, ESP).
constexpr std::uint32_t kApplicationBytes = 24;

// Records of a block that another core has filled: without it the headers, a line or two in 24, are waited
// for one after the other (large trace: 0.446 s for all its opaque blocks instead of 0.295).
constexpr std::size_t kPrefetchBytes = 4096;
constexpr std::size_t kCacheLineBytes = 64;

void prefetch(Bytes content, std::size_t from, std::size_t to) {
  for (std::size_t at = from; at < std::min(to, content.size()); at += kCacheLineBytes)
    __builtin_prefetch(content.data() + at);
}

/// Bit i: byte i of both words is the same.
unsigned equal_bytes(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kLow7 = 0x7f7f7f7f7f7f7f7f;
  const std::uint64_t x = a ^ b;
  const std::uint64_t differs = (((x & kLow7) + kLow7) | x) & ~kLow7;  // bit 7 of each byte
  return static_cast<unsigned>(~(((differs >> 7) * 0x0102040810204080) >> 56) & 0xff);
}

/// How many bytes from `at` on, at most to `end`, are equal to those `back` bytes before.
std::size_t equal_run(const std::uint8_t* bytes, std::size_t at, std::size_t end, std::size_t back) {
  const std::size_t from = at;
  for (; at + 8 <= end; at += 8) {
    const std::uint64_t x = load_le<std::uint64_t>(bytes + at) ^ load_le<std::uint64_t>(bytes + at - back);
    if (x != 0) return at - from + static_cast<std::size_t>(std::countr_zero(x)) / 8;
  }
  while (at < end && bytes[at] == bytes[at - back]) ++at;
  return at - from;
}

}  // namespace

// A match has kMatchBytesMin bytes, and every record that ends a block may be longer than one.
HeaderMatcher::HeaderMatcher(std::uint32_t content_bytes_max)
    : sequences_(content_bytes_max / kMatchBytesMin + 2 * (content_bytes_max / kZstdBlockBytesMax + 1) + 1) {}

void HeaderMatcher::end_block(std::size_t at) {
  sequences_[used_++] = {0, static_cast<std::uint32_t>(at - literals_from_), 0, 0};
  literals_from_ = block_begin_ = at;
}

void HeaderMatcher::match_record(Bytes content, std::size_t at, std::size_t record_end, HeaderHint hint) {
  const std::size_t back = hint.back_bytes;
  if (back == 0 || back > at) return;
  const std::uint8_t* const bytes = content.data();
  const std::size_t search_end =
      std::min(record_end, at + kPcapRecordHeaderBytes + hint.header_bytes + kApplicationBytes);
  while (at + 8 <= search_end) {
    const unsigned equal =
        equal_bytes(load_le<std::uint64_t>(bytes + at), load_le<std::uint64_t>(bytes + at - back));
    const unsigned begins = equal & equal >> 1 & equal >> 2 & equal >> 3;  // of 4 equal bytes: 0 to 4
    if (begins == 0) {
      at += 5;
      continue;
    }
    at += static_cast<std::size_t>(std::countr_zero(begins));
    const std::size_t match_bytes = 4 + equal_run(bytes, at + 4, record_end, back);
    sequences_[used_++] = {static_cast<std::uint32_t>(back), static_cast<std::uint32_t>(at - literals_from_),
                           static_cast<std::uint32_t>(match_bytes), 0};
    at += match_bytes;
    literals_from_ = at;
  }
}

/// Zstd blocks end so that the record [at, record_end) lies within one if it can. False where it is longer.
bool HeaderMatcher::make_room(std::size_t at, std::size_t record_end) {
  if (record_end - block_begin_ > kZstdBlockBytesMax && at > block_begin_) end_block(at);
  while (record_end - block_begin_ > kZstdBlockBytesMax) end_block(block_begin_ + kZstdBlockBytesMax);
  return record_end - at <= kZstdBlockBytesMax;
}

std::span<const HeaderSequence> HeaderMatcher::match(Bytes content, std::span<const HeaderHint> hints) {
  used_ = literals_from_ = block_begin_ = 0;
  std::size_t number = 0;
  for (std::size_t at = 0, record_end = 0; at < content.size(); at = record_end, ++number) {
    TAPLINE_CHECK(content.size() - at >= kPcapRecordHeaderBytes);
    record_end = at + kPcapRecordHeaderBytes + load_le<std::uint32_t>(content.data() + at + 8);
    TAPLINE_CHECK(record_end <= content.size());
    prefetch(content, at + kPrefetchBytes, record_end + kPrefetchBytes);
    if (make_room(at, record_end) && number < hints.size())
      match_record(content, at, record_end, hints[number]);
  }
  end_block(content.size());
  return {sequences_.data(), used_};
}

}  // namespace tapline::storage
