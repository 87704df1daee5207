#pragma once
// ContainerReader: random access to the blocks of one file, finished (by its footer) or still `.open` (by
// walking its block headers up to the last good one). Trusts nothing: every length is bounded by the
// file, every structure checked against its checksum and identity. Only preads, so that many readers may
// share a store. Any number of threads may call what is const; the rest belongs to one.

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "capture/base/file.hpp"
#include "storage/block_codec.hpp"
#include "storage/format.hpp"

namespace tapline::storage {

/// One block in memory. A reader reuses the vectors, so keep one object per cursor.
struct DecodedBlock {
  BlockHeader header{};
  Bytes extension;                    // within `stored`, or what decode_block() was given
  std::vector<std::uint8_t> stored;   // skippable frame with header and extension, then the zstd frame
  std::vector<std::uint8_t> content;  // decoded: header.raw_bytes bytes
};

class ContainerReader {
 public:
  /// Finished file: reads its segment header, last bytes and footer header (three preads, < 1 KiB). `.open`
  /// file: walks the block headers. kCorrupt names file and offset; kUnsupported for a newer incompatible
  /// format.
  static Result<ContainerReader> open(const std::string& path);

  const SegmentHeader& header() const { return header_; }
  /// The footer; for `.open` files totals of the complete blocks, with end_state 0.
  const FooterHeader& footer() const { return footer_; }
  bool finished() const { return footer_.end_state != 0; }
  std::uint32_t block_count() const { return footer_.block_count; }
  const std::string& path() const { return file_.path(); }
  int descriptor() const { return file_.descriptor(); }
  std::uint64_t file_bytes() const { return file_bytes_; }
  /// `.open` files: end of the last block whose header is good; what follows it is torn or still being
  /// written.
  std::uint64_t complete_bytes() const { return complete_bytes_; }
  /// Behind the last byte that is not zero, and at least `from`: the length of a file that is being written
  /// runs ahead of its content.
  Result<std::uint64_t> written_end(std::uint64_t from) const;

  /// Entry `number` of the block table: a pread of 56 bytes; not covered by a checksum of its own, but
  /// read_block() compares it with the block's header. Whoever does not read the block must not believe it
  /// before confirm_entry() does.
  Result<BlockEntry> entry(std::uint32_t number) const;
  std::uint64_t table_bytes() const { return std::uint64_t{block_count()} * sizeof(BlockEntry); }
  /// Whether that is what the block's own header says, which has a checksum: reads header and extension.
  Status confirm_entry(const BlockEntry& entry, std::uint32_t number) const;
  /// The whole table, with its checksum verified.
  Result<std::vector<BlockEntry>> load_entries() const;

  /// One pread for header, extension and content; checks header checksum, identity (segment, offset,
  /// sequence), stored checksum, and decodes.
  Status read_block(const BlockEntry& entry, std::uint32_t number, DecodedBlock& block);
  /// The same with the caller's decoder, for threads that share this object.
  Status read_block(const BlockEntry& entry, std::uint32_t number, BlockDecoder& decoder,
                    DecodedBlock& block) const;
  /// The same of bytes that somebody has read: everything of the block, which has to outlive
  /// `block.extension`.
  Status decode_block(const BlockEntry& entry, std::uint32_t number, Bytes whole, BlockDecoder& decoder,
                      DecodedBlock& block) const;
  /// The same without decoding (verify): header and stored checksum only; `block.content` stays as it is.
  Status check_block(const BlockEntry& entry, std::uint32_t number, DecodedBlock& block) const;

  /// Why a block of a packet segment that is being written cannot be read: its header is there, and its
  /// content is not. Writes end in any order until they are synced, as blocks behind them then say
  /// (FORMAT.md, "Writing and publishing"). Reads it again; `scratch` is overwritten.
  bool is_not_there_yet(const BlockEntry& entry, std::uint32_t number, DecodedBlock& scratch) const;

  /// Blocks are going to be read here and there: the kernel shall read no more than is asked for. Where most
  /// of a file is read, its read-ahead is welcome.
  void expect_single_blocks() const;
  /// The block is going to be read soon: the disk may begin, and nobody waits for it.
  void expect_block(const BlockEntry& entry) const;

  /// Bytes this object has read from the file so far.
  std::uint64_t bytes_read() const { return std::atomic_ref(bytes_read_).load(std::memory_order_relaxed); }

 private:
  ContainerReader() = default;
  Status pread(std::uint64_t offset, std::span<std::uint8_t> out) const;
  Status read_segment_header();
  Status read_footer();
  Status walk_blocks();
  std::uint64_t segment_tag() const;
  Status check_place(const BlockEntry& entry, std::uint32_t number) const;
  Status check_head(const BlockEntry& entry, std::uint32_t number, Bytes head, BlockHeader& header) const;
  Status check_whole(const BlockEntry& entry, std::uint32_t number, Bytes whole, DecodedBlock& block) const;
  Status decode_checked(const BlockEntry& entry, std::uint32_t number, Bytes stored, BlockDecoder& decoder,
                        DecodedBlock& block) const;

  File file_;
  SegmentHeader header_{};
  FooterHeader footer_{};
  std::uint64_t file_bytes_ = 0;
  std::uint64_t complete_bytes_ = 0;
  std::uint32_t synced_blocks_ = 0;  // of an open file, as its last block says
  std::uint64_t table_offset_ = 0;
  std::vector<BlockEntry> open_entries_;
  std::optional<BlockDecoder> decoder_;  // made when a block is read: most files are only planned
  mutable std::uint64_t bytes_read_ = 0;
};

}  // namespace tapline::storage
