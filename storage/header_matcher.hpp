#pragma once
// HeaderMatcher: the content of a packet block and its hints -> sequences of the zstd format (RFC 8878,
// 3.1.1.3.2.1), without any search: a record's first bytes are compared with those of the record that its
// hint names; what is equal becomes matches, all else stays literal. One thread; all memory is allocated by
// the constructor.

#include <cstdint>
#include <span>
#include <vector>

#include "capture/base/bytes.hpp"
#include "storage/header_hint.hpp"

namespace tapline::storage {

// RFC 8878, 3.1.1.2: a frame's blocks hold at most 128 KiB each.
inline constexpr std::uint32_t kZstdBlockBytesMax = 128 * 1024;

/// So many literal bytes, then a copy of `match_bytes` from `offset` bytes back. Offset and match 0: a zstd
/// block ends here. In the order of libzstd's ZSTD_Sequence.
struct HeaderSequence {
  std::uint32_t offset = 0;
  std::uint32_t literal_bytes = 0;
  std::uint32_t match_bytes = 0;
  std::uint32_t reserved = 0;

  friend bool operator==(const HeaderSequence&, const HeaderSequence&) = default;
};

class HeaderMatcher {
 public:
  static constexpr std::uint32_t kMatchBytesMin = 4;  // shorter ones cost about what they save

  /// For content of at most `content_bytes_max`.
  explicit HeaderMatcher(std::uint32_t content_bytes_max);

  /// Sequences that make `content`, whole pcap records, of which the first hints.size() have hints. Zstd
  /// blocks of at most 128 KiB end at the borders of records, but within those that are longer. Valid until
  /// the next call. Hints may be wrong.
  std::span<const HeaderSequence> match(Bytes content, std::span<const HeaderHint> hints);

 private:
  void match_record(Bytes content, std::size_t at, std::size_t record_end, HeaderHint hint);
  bool make_room(std::size_t at, std::size_t record_end);
  void end_block(std::size_t at);

  std::vector<HeaderSequence> sequences_;  // of the longest number there can be
  std::size_t used_ = 0;
  std::size_t literals_from_ = 0;  // what has no sequence yet begins here
  std::size_t block_begin_ = 0;    // of the zstd block
};

}  // namespace tapline::storage
