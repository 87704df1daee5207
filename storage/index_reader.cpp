#include "storage/index_reader.hpp"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>

#include "capture/base/byte_reader.hpp"
#include "storage/container_layout.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kSectionsMax = 64;
/// Read at once: the header and the sections that an index usually has.
constexpr std::size_t kHeadBytes = sizeof(IndexHeader) + 16 * sizeof(IndexSection);

template <class T>
std::span<std::uint8_t> bytes_of(std::vector<T>& values) {
  return {reinterpret_cast<std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

std::uint64_t hash_of(Bytes bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

Error IndexReader::corrupt(std::uint64_t offset, std::string_view what) const {
  return {ErrorCode::kCorrupt,
          fmt::format("{}: offset {}: {}; rebuild it with `tapline reindex`", file_.path(), offset, what)};
}

Status IndexReader::pread(std::uint64_t offset, std::span<std::uint8_t> out) {
  bytes_read_ += out.size();
  return file_.pread_exact(offset, out);
}

Result<IndexReader> IndexReader::open(const std::string& path, const std::uint8_t (&segment_id)[16],
                                      std::uint32_t block_count) {
  Result<File> file = File::open_read(path);
  if (!file) return file.error();
  IndexReader reader;
  reader.file_ = std::move(*file);
  reader.file_.expect_single_reads();
  const Result<std::uint64_t> size = reader.file_.size_bytes();
  if (!size) return size.error();
  IndexHeader& header = reader.header_;
  std::uint8_t head[kHeadBytes];
  const std::size_t head_bytes = std::max(sizeof header, std::min<std::size_t>(*size, sizeof head));
  TAPLINE_TRY(reader.pread(0, {head, head_bytes}));
  header = load_le<IndexHeader>(head);
  if (header.magic != kIndexMagic || header.header_bytes != sizeof header ||
      header.checksum != checksum_before(header, header.checksum)) {
    return reader.corrupt(0, "not an index, or its header is damaged");
  }
  if (header.version > kFormatVersion) {
    return Error{ErrorCode::kUnsupported, fmt::format("{}: index version {}; this program reads {}", path,
                                                      header.version, kFormatVersion)};
  }
  if (std::memcmp(header.segment_id, segment_id, sizeof segment_id) != 0 ||
      header.block_count != block_count) {
    return reader.corrupt(0, "the index belongs to another segment");
  }
  if (header.section_count > kSectionsMax || header.file_bytes != *size) {
    return reader.corrupt(0, "the index has another size than its header says");
  }
  reader.sections_.resize(header.section_count);
  reader.directories_.resize(header.section_count);
  const std::span<std::uint8_t> sections = bytes_of(reader.sections_);
  if (sizeof header + sections.size() <= head_bytes) {
    std::copy_n(head + sizeof header, sections.size(), sections.data());
  } else {
    TAPLINE_TRY(reader.pread(sizeof header, sections));
  }
  if (hash_of(sections) != header.sections_checksum) {
    return reader.corrupt(sizeof header, "section table checksum mismatch");
  }
  return reader;
}

Status IndexReader::load_directory(std::size_t number) {
  const IndexSection& section = sections_[number];
  std::vector<IndexChunk>& directory = directories_[number];
  if (!directory.empty() || section.chunk_count == 0) return {};
  const std::uint64_t directory_bytes = std::uint64_t{section.chunk_count} * sizeof(IndexChunk);
  if (section.directory_offset > header_.file_bytes ||
      directory_bytes > header_.file_bytes - section.directory_offset) {
    return corrupt(section.directory_offset, "a section's directory lies outside the file");
  }
  std::vector<IndexChunk> loaded(section.chunk_count);
  TAPLINE_TRY(pread(section.directory_offset, bytes_of(loaded)));
  if (hash_of(bytes_of(loaded)) != section.directory_checksum) {
    return corrupt(section.directory_offset, "directory checksum mismatch");
  }
  directory = std::move(loaded);
  return {};
}

Result<std::optional<IndexChunk>> IndexReader::foretell_chunk(const IndexSection& section,
                                                              std::uint64_t value) {
  // Of n hashes as many are below a value as its share of all values says, but for 0.5 sqrt(n): less than a
  // chunk has (some 600) up to a million keys, 7 chunks at a hundred million.
  constexpr std::uint32_t kPieceChunks = 32;
  const std::uint64_t directory_bytes = std::uint64_t{section.chunk_count} * sizeof(IndexChunk);
  if (section.chunk_count <= kPieceChunks || value >> kHashKeyBits != 0 ||
      section.directory_offset > header_.file_bytes ||
      directory_bytes > header_.file_bytes - section.directory_offset) {
    return std::optional<IndexChunk>();
  }
  const auto middle =
      static_cast<std::uint32_t>((value >> (kHashKeyBits - 32)) * std::uint64_t{section.chunk_count} >> 32);
  const std::uint32_t first =
      std::min(middle - std::min(middle, kPieceChunks / 2), section.chunk_count - kPieceChunks);
  std::vector<IndexChunk> piece(kPieceChunks);
  TAPLINE_TRY(pread(section.directory_offset + std::uint64_t{first} * sizeof(IndexChunk), bytes_of(piece)));
  const auto next = std::ranges::upper_bound(piece, value, {}, &IndexChunk::first_key);
  const bool shown = next != piece.begin() && next != piece.end() && (next - 1)->first_key < value;
  return shown ? std::optional(*(next - 1)) : std::nullopt;
}

Status IndexReader::load_chunk(const IndexChunk& chunk) {
  if (std::memcmp(&chunk, &decoded_chunk_, sizeof chunk) == 0) return {};
  if (chunk.chunk_bytes > kIndexChunkBytesMax || chunk.file_offset > header_.file_bytes ||
      chunk.chunk_bytes > header_.file_bytes - chunk.file_offset) {
    return corrupt(chunk.file_offset, "a chunk lies outside the file");
  }
  chunk_.resize(chunk.chunk_bytes);
  TAPLINE_TRY(pread(chunk.file_offset, chunk_));
  if (static_cast<std::uint32_t>(hash_of(chunk_)) != chunk.checksum) {
    return corrupt(chunk.file_offset, "chunk checksum mismatch");
  }
  decoded_chunk_ = {};
  TAPLINE_TRY(decode_chunk(chunk));
  decoded_chunk_ = chunk;
  return {};
}

Status IndexReader::decode_chunk(const IndexChunk& chunk) {
  postings_.clear();
  ByteReader reader{chunk_};
  std::uint64_t value = chunk.first_key;
  while (reader.remaining() > 0) {
    value += reader.varint();
    const std::uint64_t head = reader.varint();
    std::uint64_t block = head >> 2;
    std::uint64_t more = head & 3;
    if (more == 3) more += reader.varint();
    if (!reader.ok() || more > reader.remaining())
      return corrupt(chunk.file_offset, "a chunk ends within an entry");
    for (;;) {
      if (block >= header_.block_count)
        return corrupt(chunk.file_offset, "a posting names a block that is not there");
      postings_.push_back({value, static_cast<std::uint32_t>(block)});
      if (more-- == 0) break;
      block += reader.varint() + 1;
      if (!reader.ok()) return corrupt(chunk.file_offset, "a chunk ends within a list of blocks");
    }
  }
  return {};
}

Status IndexReader::visit_section(std::size_t number, std::uint64_t low, std::uint64_t high,
                                  const Visitor& visit) {
  TAPLINE_TRY(load_directory(number));
  const auto kind = static_cast<IndexKeyKind>(sections_[number].kind);
  const std::vector<IndexChunk>& directory = directories_[number];
  // A value's list may go on in the next chunk, so begin at the last chunk that starts below it.
  auto chunk = std::ranges::lower_bound(directory, low, {}, &IndexChunk::first_key);
  if (chunk != directory.begin()) --chunk;
  for (; chunk != directory.end() && chunk->first_key <= high; ++chunk) {
    TAPLINE_TRY(load_chunk(*chunk));
    auto posting = std::ranges::lower_bound(postings_, low, {}, &Posting::value);
    for (; posting != postings_.end() && posting->value <= high; ++posting)
      visit(kind, posting->value, posting->block);
  }
  return {};
}

Status IndexReader::look_up(const IndexKeyRange& range, BlockSet& blocks) {
  TAPLINE_CHECK(blocks.block_count() == header_.block_count);
  for (std::size_t number = 0; number < sections_.size(); ++number) {
    if (sections_[number].kind != static_cast<std::uint32_t>(range.kind)) continue;
    TAPLINE_TRY(visit_section(number, range.low, range.high,
                              [&](IndexKeyKind, std::uint64_t, std::uint32_t block) { blocks.add(block); }));
  }
  return {};
}

Status IndexReader::look_up_spread(const IndexKey& key, BlockSet& blocks) {
  TAPLINE_CHECK(blocks.block_count() == header_.block_count);
  const auto section =
      std::ranges::find(sections_, static_cast<std::uint32_t>(key.kind), &IndexSection::kind);
  if (section == sections_.end()) return {};
  const Result<std::optional<IndexChunk>> chunk = foretell_chunk(*section, key.value);
  if (!chunk) return chunk.error();
  if (!*chunk) return look_up({key.kind, key.value, key.value}, blocks);
  TAPLINE_TRY(load_chunk(**chunk));
  auto posting = std::ranges::lower_bound(postings_, key.value, {}, &Posting::value);
  for (; posting != postings_.end() && posting->value == key.value; ++posting) blocks.add(posting->block);
  return {};
}

Status IndexReader::for_each_posting(const Visitor& visit) {
  for (std::size_t number = 0; number < sections_.size(); ++number) {
    TAPLINE_TRY(visit_section(number, 0, ~std::uint64_t{0}, visit));
  }
  return {};
}

}  // namespace tapline::storage
