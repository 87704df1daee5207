#pragma once
// IndexReader: which blocks of a segment may hold a key. Reads only what a look-up needs: header and section
// table when opened, a section's directory the first time it is asked, then chunks of at most 8 KiB. Trusts
// nothing: checksums, bounds and identity are checked; a damaged index is an error, and the caller reads the
// whole segment. One object belongs to one thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "capture/base/file.hpp"
#include "storage/block_set.hpp"
#include "storage/format.hpp"
#include "storage/index_key.hpp"

namespace tapline::storage {

class IndexReader {
 public:
  /// `segment_id` and `block_count` are the segment's: an index of another segment is kCorrupt.
  static Result<IndexReader> open(const std::string& path, const std::uint8_t (&segment_id)[16],
                                  std::uint32_t block_count);

  /// Adds to `blocks` every block posted under a key within `range`. The chunk that was read last is kept:
  /// asked in ascending order, any number of keys reads each chunk once.
  Status look_up(const IndexKeyRange& range, BlockSet& blocks);
  /// The same of one key that is a hash (kHashKeyBits), of which the place in the directory can be foretold:
  /// 768 bytes of it are read instead of all. They have no checksum of their own: for those who see by the
  /// blocks that they have what they look for, and else ask look_up().
  Status look_up_spread(const IndexKey& key, BlockSet& blocks);
  /// Adds the blocks of which no index can tell: they belong to the answer of every question.
  Status look_up_unreadable(BlockSet& blocks) { return look_up({IndexKeyKind::kUnreadable, 0, 0}, blocks); }

  using Visitor = std::function<void(IndexKeyKind kind, std::uint64_t value, std::uint32_t block)>;
  /// Every posting, by kind, value and block: for verify and tests.
  Status for_each_posting(const Visitor& visit);

  const std::vector<IndexSection>& sections() const { return sections_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t file_bytes() const { return header_.file_bytes; }

 private:
  IndexReader() = default;
  Status pread(std::uint64_t offset, std::span<std::uint8_t> out);
  Status load_directory(std::size_t section);
  /// The chunk in which all postings of a key that is a hash must be, by a piece of the directory; nothing
  /// where the piece does not show it.
  Result<std::optional<IndexChunk>> foretell_chunk(const IndexSection& section, std::uint64_t value);
  /// Makes postings_ those of `chunk`; nothing to do where they are already.
  Status load_chunk(const IndexChunk& chunk);
  Status decode_chunk(const IndexChunk& chunk);
  Error corrupt(std::uint64_t offset, std::string_view what) const;

  /// Postings of `section` with low <= value <= high.
  Status visit_section(std::size_t section, std::uint64_t low, std::uint64_t high, const Visitor& visit);

  struct Posting {
    std::uint64_t value;
    std::uint32_t block;
  };

  File file_;
  IndexHeader header_{};
  std::vector<IndexSection> sections_;
  std::vector<std::vector<IndexChunk>> directories_;  // by section, empty until asked
  std::vector<std::uint8_t> chunk_;
  std::vector<Posting> postings_;  // by value; of decoded_chunk_
  IndexChunk decoded_chunk_{};
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tapline::storage
