#pragma once
// Makes the checksums of files right, wherever one belongs, so that what a fuzzer has changed is met by the
// code behind them. Lengths and offsets are believed as far as they stay within the file.

#include <algorithm>
#include <cstring>

#include "capture/base/byte_writer.hpp"
#include "storage/container_layout.hpp"

namespace tapline::right_checksums {

using namespace storage;

inline constexpr std::size_t kHeaderOffset = kLeadFrameBytes + sizeof(SkippableHeader);

template <class T>
bool load(const ByteBuffer& file, std::uint64_t at, T& value) {
  if (at > file.size() || sizeof(T) > file.size() - at) return false;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return true;
}

template <class T>
void store(ByteBuffer& file, std::uint64_t at, const T& value) {
  std::memcpy(file.data() + at, &value, sizeof(T));
}

/// Makes the checksums of the block at `at` right; returns where it ends, 0 where it is none.
inline std::uint64_t fix_block(ByteBuffer& file, std::uint64_t at) {
  BlockHeader header{};
  const std::uint64_t header_at = at + sizeof(SkippableHeader);
  if (!load(file, header_at, header) || header.magic != kBlockMagic) return 0;
  const std::uint64_t extension_at = header_at + sizeof header;
  const std::uint64_t stored_at = extension_at + header.extension_bytes;
  const std::uint64_t end = stored_at + header.stored_bytes;
  if (end > file.size()) return 0;
  header.stored_checksum = XXH3_64bits(file.data() + stored_at, header.stored_bytes);
  header.checksum = block_header_checksum(header, Bytes(file).subspan(extension_at, header.extension_bytes));
  store(file, header_at, header);
  return end;
}

inline void fix_footer(ByteBuffer& file, std::uint64_t at) {
  FooterHeader footer{};
  const std::uint64_t footer_at = at + sizeof(SkippableHeader);
  if (!load(file, footer_at, footer)) return;
  const std::uint64_t table_at = footer_at + sizeof footer;
  const std::uint64_t table_bytes = std::uint64_t{footer.block_count} * sizeof(BlockEntry);
  if (table_bytes <= file.size() - table_at) {
    footer.table_checksum = XXH3_64bits(file.data() + table_at, table_bytes);
  }
  footer.checksum = checksum_before(footer, footer.checksum);
  store(file, footer_at, footer);
}

inline void fix_container_checksums(ByteBuffer& file) {
  SegmentHeader header{};
  if (!load(file, kHeaderOffset, header)) return;
  header.checksum = checksum_before(header, header.checksum);
  store(file, kHeaderOffset, header);
  std::uint64_t at = kHeaderOffset + sizeof header;
  for (std::uint64_t end = fix_block(file, at); end > at; end = fix_block(file, at)) at = end;
  fix_footer(file, at);
}

inline std::uint64_t hash(const ByteBuffer& file, std::uint64_t at, std::uint64_t bytes) {
  return XXH3_64bits(file.data() + at, bytes);
}

inline bool within(const ByteBuffer& file, std::uint64_t at, std::uint64_t bytes) {
  return at <= file.size() && bytes <= file.size() - at;
}

inline void fix_section(ByteBuffer& file, IndexSection& section) {
  const std::uint64_t bytes = std::uint64_t{section.chunk_count} * sizeof(IndexChunk);
  if (!within(file, section.directory_offset, bytes)) return;
  for (std::uint64_t i = 0; i < section.chunk_count; ++i) {
    const std::uint64_t at = section.directory_offset + i * sizeof(IndexChunk);
    auto chunk = load_le<IndexChunk>(file.data() + at);
    if (!within(file, chunk.file_offset, chunk.chunk_bytes)) continue;
    chunk.checksum = static_cast<std::uint32_t>(hash(file, chunk.file_offset, chunk.chunk_bytes));
    store_le(file.data() + at, chunk);
  }
  section.directory_checksum = hash(file, section.directory_offset, bytes);
}

/// Returns the header as it then stands.
inline IndexHeader fix_index_checksums(ByteBuffer& file) {
  auto header = load_le<IndexHeader>(file.data());
  const std::uint64_t sections_bytes = std::uint64_t{header.section_count} * sizeof(IndexSection);
  header.file_bytes = file.size();
  if (within(file, sizeof header, sections_bytes)) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(header.section_count, 64); ++i) {
      const std::uint64_t at = sizeof header + i * sizeof(IndexSection);
      auto section = load_le<IndexSection>(file.data() + at);
      fix_section(file, section);
      store_le(file.data() + at, section);
    }
    header.sections_checksum = hash(file, sizeof header, sections_bytes);
  }
  header.checksum = checksum_before(header, header.checksum);
  store_le(file.data(), header);
  return header;
}

}  // namespace tapline::right_checksums

namespace tapline {
using right_checksums::fix_container_checksums;
using right_checksums::fix_index_checksums;
}  // namespace tapline
