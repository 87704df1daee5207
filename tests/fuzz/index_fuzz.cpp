// An index from the input behind its checksums: those of header, sections, directories and chunks are made
// right first. Then everything is read, and a few keys are looked up; both must agree.
//
// Input: 1 byte (seed of the look-ups), then the index file.

#include <algorithm>

#include "capture/base/byte_writer.hpp"
#include "capture/base/check.hpp"
#include "storage/container_layout.hpp"
#include "storage/index_reader.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kBlocksMax = 1 << 16;

std::uint64_t hash(const ByteBuffer& file, std::uint64_t at, std::uint64_t bytes) {
  return XXH3_64bits(file.data() + at, bytes);
}

bool within(const ByteBuffer& file, std::uint64_t at, std::uint64_t bytes) {
  return at <= file.size() && bytes <= file.size() - at;
}

void fix_section(ByteBuffer& file, IndexSection& section) {
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
IndexHeader fix_checksums(ByteBuffer& file) {
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile memory;
  if (size < 1 + sizeof(IndexHeader)) return 0;
  ByteBuffer file(data + 1, data + size);
  const IndexHeader header = fix_checksums(file);
  if (header.block_count > kBlocksMax) return 0;
  memory.fill(file);
  Result<IndexReader> reader = IndexReader::open(memory.path(), header.segment_id, header.block_count);
  if (!reader) return 0;
  const Status whole = reader->for_each_posting(
      [&](IndexKeyKind, std::uint64_t, std::uint32_t block) { TAPLINE_CHECK(block < header.block_count); });
  for (std::uint8_t kind = 0; kind < kIndexKeyKindCount; ++kind) {
    const auto key_kind = static_cast<IndexKeyKind>(kind);
    BlockSet all(header.block_count, false);
    BlockSet one(header.block_count, false);
    const Status found_all = reader->look_up({key_kind, 0, ~std::uint64_t{0}}, all);
    const Status found_one = reader->look_up({key_kind, data[0], data[0]}, one);
    if (whole) TAPLINE_CHECK(found_all.ok() && found_one.ok());
    if (!found_all || !found_one) continue;
    one.unite(all);
    TAPLINE_CHECK(one.count() == all.count());  // one key's blocks are among all keys' blocks
  }
  return 0;
}
