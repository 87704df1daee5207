#include "storage/container_reader.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <xxhash.h>

#include "capture/base/check.hpp"
#include "storage/container_layout.hpp"

namespace tapline::storage {
namespace {

template <class T>
std::span<std::uint8_t> bytes_of(T& value) {
  return {reinterpret_cast<std::uint8_t*>(&value), sizeof value};
}

Error corrupt(const std::string& path, std::uint64_t offset, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("{}: offset {}: {}", path, offset, what)};
}

bool same_entry(const BlockEntry& a, const BlockEntry& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

Result<ContainerReader> ContainerReader::open(const std::string& path) {
  Result<File> file = File::open_read(path);
  if (!file) return file.error();
  ContainerReader reader;
  reader.file_ = std::move(*file);
  const Result<std::uint64_t> size = reader.file_.size_bytes();
  if (!size) return size.error();
  reader.file_bytes_ = *size;
  reader.expect_single_blocks();  // a read of the file's start would be taken for that of all of it
  TAPLINE_TRY(reader.read_segment_header());
  const bool open_file = path.ends_with(".open");
  TAPLINE_TRY(open_file ? reader.walk_blocks() : reader.read_footer());
  static_cast<void>(::posix_fadvise(reader.file_.descriptor(), 0, 0, POSIX_FADV_NORMAL));
  return reader;
}

Status ContainerReader::pread(std::uint64_t offset, std::span<std::uint8_t> out) const {
  // A sum that nobody acts upon: pairs with bytes_read() alone.
  std::atomic_ref(bytes_read_).fetch_add(out.size(), std::memory_order_relaxed);
  return file_.pread_exact(offset, out);
}

Status ContainerReader::read_segment_header() {
  if (file_bytes_ < kFirstBlockOffset) return corrupt(path(), 0, "too short for a segment");
  std::uint8_t bytes[sizeof(SkippableHeader) + sizeof(SegmentHeader)];
  TAPLINE_TRY(pread(kLeadFrameBytes, bytes));
  const auto frame = load_le<SkippableHeader>(bytes);
  header_ = load_le<SegmentHeader>(bytes + sizeof frame);
  if (frame.magic != kSkippableMagic || frame.content_bytes != sizeof header_ ||
      header_.magic != kSegmentMagic) {
    return corrupt(path(), kLeadFrameBytes, "no segment header: not a file of this store");
  }
  if (header_.header_bytes != sizeof header_ ||
      header_.checksum != checksum_before(header_, header_.checksum)) {
    return corrupt(path(), kLeadFrameBytes, "segment header checksum mismatch");
  }
  if (header_.incompatible != 0 || header_.version > kFormatVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: format version {} with features {:#x}: newer than this "
                             "program, which reads version {}",
                             path(), header_.version, header_.incompatible, kFormatVersion)};
  }
  return {};
}

Status ContainerReader::read_footer() {
  // From the end: number of frames in the seek table, then its last entry, which is the footer's.
  std::uint8_t tail[8 + kSeekTableTailBytes];
  if (file_bytes_ < kFirstBlockOffset + sizeof tail) return corrupt(path(), 0, "too short for a footer");
  TAPLINE_TRY(pread(file_bytes_ - sizeof tail, tail));
  const auto footer_bytes = load_le<std::uint32_t>(tail);
  const std::uint64_t seek_bytes =
      8 + 8 * std::uint64_t{load_le<std::uint32_t>(tail + 8)} + kSeekTableTailBytes;
  if (load_le<std::uint32_t>(tail + 13) != kSeekTableMagic) {
    return corrupt(path(), file_bytes_ - 4, "no seek table at the end: the file was cut or is not finished");
  }
  if (seek_bytes + footer_bytes > file_bytes_ - kFirstBlockOffset) {
    return corrupt(path(), file_bytes_ - sizeof tail, "the seek table points outside the file");
  }
  const std::uint64_t footer_offset = file_bytes_ - seek_bytes - footer_bytes;
  std::uint8_t head[sizeof(SkippableHeader) + sizeof(FooterHeader)];
  TAPLINE_TRY(pread(footer_offset, head));
  const auto frame = load_le<SkippableHeader>(head);
  footer_ = load_le<FooterHeader>(head + sizeof frame);
  if (frame.magic != kSkippableMagic || sizeof frame + std::uint64_t{frame.content_bytes} != footer_bytes ||
      footer_.magic != kFooterMagic || footer_.header_bytes != sizeof footer_ ||
      footer_.checksum != checksum_before(footer_, footer_.checksum)) {
    return corrupt(path(), footer_offset, "footer checksum mismatch");
  }
  if (footer_.end_state == 0)
    return corrupt(path(), footer_offset, "the footer of a file that has not ended");
  if (footer_.block_count > kSegmentBlocksMax) {
    return corrupt(path(), footer_offset, fmt::format("the footer says {} blocks", footer_.block_count));
  }
  const std::uint64_t table_bytes = std::uint64_t{footer_.block_count} * sizeof(BlockEntry);
  if (sizeof frame + sizeof footer_ + table_bytes != footer_bytes ||
      std::memcmp(footer_.segment_id, header_.segment_id, sizeof footer_.segment_id) != 0) {
    return corrupt(path(), footer_offset, "the footer belongs to another file");
  }
  table_offset_ = footer_offset + sizeof frame + sizeof footer_;
  complete_bytes_ = footer_offset;
  return {};
}

Status ContainerReader::walk_blocks() {
  std::uint64_t offset = complete_bytes_ = kFirstBlockOffset;
  std::vector<std::uint8_t> extension;
  std::uint8_t head[sizeof(SkippableHeader) + sizeof(BlockHeader)];
  while (offset + sizeof head <= file_bytes_) {
    TAPLINE_TRY(pread(offset, head));
    const auto frame = load_le<SkippableHeader>(head);
    // Behind a block, and never two in succession: a hostile file is not walked in steps of 8 bytes.
    const bool behind_block = block_count() > 0 && offset == complete_bytes_;
    const std::uint64_t padding = behind_block ? padding_frame_bytes(frame, file_bytes_ - offset) : 0;
    if (padding > 0) {
      offset += padding;
      continue;
    }
    const auto header = load_le<BlockHeader>(head + sizeof frame);
    if (!lengths_sane(header.extension_bytes, header.stored_bytes, header.raw_bytes)) break;
    const std::uint64_t end = offset + total_bytes(header.extension_bytes, header.stored_bytes);
    if (end > file_bytes_) break;
    extension.resize(header.extension_bytes);
    if (!extension.empty()) TAPLINE_TRY(pread(offset + sizeof head, extension));
    if (!header_valid(frame, header, extension, segment_tag(), offset, block_count())) break;
    if (block_count() == kSegmentBlocksMax)
      return corrupt(path(), offset, "more blocks than a file may have");
    open_entries_.push_back(make_entry(header));
    add_totals(footer_, header);
    footer_.block_count += 1;
    synced_blocks_ = std::max(synced_blocks_, header.synced_blocks);
    complete_bytes_ = offset = end;
  }
  return {};
}

Result<std::uint64_t> ContainerReader::written_end(std::uint64_t from) const {
  constexpr std::uint64_t kPieceBytes = 64 * 1024;
  std::vector<std::uint8_t> piece;
  std::uint64_t end = file_bytes_;
  while (end > from) {
    piece.resize(std::min(kPieceBytes, end - from));
    if (const Status read = pread(end - piece.size(), piece); !read) {
      const Result<std::uint64_t> now_bytes = file_.size_bytes();
      if (!now_bytes || *now_bytes >= end) return read.error();
      end = *now_bytes;  // whoever finishes the file cuts it
      continue;
    }
    const auto last = std::find_if(piece.rbegin(), piece.rend(), [](std::uint8_t byte) { return byte != 0; });
    if (last != piece.rend()) return end - static_cast<std::uint64_t>(last - piece.rbegin());
    end -= piece.size();
  }
  return from;
}

bool ContainerReader::is_not_there_yet(const BlockEntry& entry, std::uint32_t number,
                                       DecodedBlock& scratch) const {
  const bool may_be_under_way = !finished() && header_.kind == kKindPackets && number >= synced_blocks_;
  if (!may_be_under_way) return false;
  const Status read = check_block(entry, number, scratch);
  return !read && read.error().code == ErrorCode::kCorrupt;
}

std::uint64_t ContainerReader::segment_tag() const {
  return load_le<std::uint64_t>(header_.segment_id);
}

Result<BlockEntry> ContainerReader::entry(std::uint32_t number) const {
  if (number >= block_count()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: block {} of {} was asked for", path(), number, block_count())};
  }
  if (!finished()) return open_entries_[number];
  BlockEntry entry{};
  TAPLINE_TRY(pread(table_offset_ + std::uint64_t{number} * sizeof entry, bytes_of(entry)));
  return entry;
}

Result<std::vector<BlockEntry>> ContainerReader::load_entries() const {
  if (!finished()) return open_entries_;
  // block_count is bounded by kSegmentBlocksMax and the file: read_footer() has checked both.
  std::vector<BlockEntry> entries(block_count());
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(entries.data()),
                                      entries.size() * sizeof(BlockEntry));
  TAPLINE_TRY(pread(table_offset_, bytes));
  if (XXH3_64bits(bytes.data(), bytes.size()) != footer_.table_checksum) {
    return corrupt(path(), table_offset_, "block table checksum mismatch");
  }
  return entries;
}

void ContainerReader::expect_single_blocks() const {
  file_.expect_single_reads();
}

void ContainerReader::expect_block(const BlockEntry& entry) const {
  const std::uint64_t bytes = total_bytes(entry.extension_bytes, entry.stored_bytes);
  if (entry.file_offset > file_bytes_ || bytes > file_bytes_ - entry.file_offset) return;
  static_cast<void>(::posix_fadvise(file_.descriptor(), static_cast<off_t>(entry.file_offset),
                                    static_cast<off_t>(bytes), POSIX_FADV_WILLNEED));
}

Status ContainerReader::check_place(const BlockEntry& entry, std::uint32_t number) const {
  if (!lengths_sane(entry.extension_bytes, entry.stored_bytes, entry.raw_bytes) ||
      entry.file_offset > file_bytes_ ||
      total_bytes(entry.extension_bytes, entry.stored_bytes) > file_bytes_ - entry.file_offset) {
    return corrupt(path(), entry.file_offset, fmt::format("block {} points outside the file", number));
  }
  return {};
}

Status ContainerReader::confirm_entry(const BlockEntry& entry, std::uint32_t number) const {
  TAPLINE_TRY(check_place(entry, number));
  std::vector<std::uint8_t> head(total_bytes(entry.extension_bytes, 0));
  TAPLINE_TRY(pread(entry.file_offset, head));
  BlockHeader header{};
  return check_head(entry, number, head, header);
}

Status ContainerReader::check_block(const BlockEntry& entry, std::uint32_t number,
                                    DecodedBlock& block) const {
  TAPLINE_TRY(check_place(entry, number));
  block.stored.resize(total_bytes(entry.extension_bytes, entry.stored_bytes));
  TAPLINE_TRY(pread(entry.file_offset, block.stored));
  return check_whole(entry, number, block.stored, block);
}

/// `head`: skippable frame, header and extension, of which the entry gives the length.
Status ContainerReader::check_head(const BlockEntry& entry, std::uint32_t number, Bytes head,
                                   BlockHeader& header) const {
  const auto frame = load_le<SkippableHeader>(head.data());
  header = load_le<BlockHeader>(head.data() + sizeof frame);
  const Bytes extension = head.subspan(sizeof frame + sizeof header);
  if (!header_valid(frame, header, extension, segment_tag(), entry.file_offset, number) ||
      !same_entry(entry, make_entry(header))) {
    return corrupt(path(), entry.file_offset,
                   fmt::format("header of block {} does not match its checksum or place", number));
  }
  return {};
}

Status ContainerReader::check_whole(const BlockEntry& entry, std::uint32_t number, Bytes whole,
                                    DecodedBlock& block) const {
  const Bytes head = whole.first(whole.size() - entry.stored_bytes);
  TAPLINE_TRY(check_head(entry, number, head, block.header));
  block.extension = head.last(entry.extension_bytes);
  const Bytes stored = whole.last(entry.stored_bytes);
  if (XXH3_64bits(stored.data(), stored.size()) != block.header.stored_checksum) {
    return corrupt(path(), entry.file_offset,
                   fmt::format("content of block {} does not match its checksum", number));
  }
  return {};
}

Status ContainerReader::read_block(const BlockEntry& entry, std::uint32_t number, DecodedBlock& block) {
  if (!decoder_) decoder_.emplace();
  return read_block(entry, number, *decoder_, block);
}

Status ContainerReader::read_block(const BlockEntry& entry, std::uint32_t number, BlockDecoder& decoder,
                                   DecodedBlock& block) const {
  TAPLINE_TRY(check_block(entry, number, block));
  return decode_checked(entry, number, Bytes(block.stored).last(entry.stored_bytes), decoder, block);
}

Status ContainerReader::decode_block(const BlockEntry& entry, std::uint32_t number, Bytes whole,
                                     BlockDecoder& decoder, DecodedBlock& block) const {
  TAPLINE_CHECK(whole.size() == total_bytes(entry.extension_bytes, entry.stored_bytes));
  TAPLINE_TRY(check_whole(entry, number, whole, block));
  return decode_checked(entry, number, whole.last(entry.stored_bytes), decoder, block);
}

Status ContainerReader::decode_checked(const BlockEntry& entry, std::uint32_t number, Bytes stored,
                                       BlockDecoder& decoder, DecodedBlock& block) const {
  if (block.header.codec == kCodecSealed) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: block {} is encrypted; this program has no key support", path(), number)};
  }
  block.content.resize(block.header.raw_bytes);
  if (Status decoded = decoder.decode(stored, block.content); !decoded) {
    return corrupt(path(), entry.file_offset, fmt::format("block {}: {}", number, decoded.error().context));
  }
  return {};
}

}  // namespace tapline::storage
