// A whole container from the input, finished or open, behind its checksums: every checksum that stands where
// one belongs is made right first, so that lengths, offsets and numbers reach the code that uses them.
// Everything that can be read is read.
//
// Input: 1 byte (even: finished, odd: open), then the file.

#include "capture/base/check.hpp"
#include "storage/block_frames.hpp"
#include "storage/container_layout.hpp"
#include "storage/container_reader.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::size_t kHeaderOffset = kLeadFrameBytes + sizeof(SkippableHeader);

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
std::uint64_t fix_block(ByteBuffer& file, std::uint64_t at) {
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

void fix_footer(ByteBuffer& file, std::uint64_t at) {
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

void fix_checksums(ByteBuffer& file) {
  SegmentHeader header{};
  if (!load(file, kHeaderOffset, header)) return;
  header.checksum = checksum_before(header, header.checksum);
  store(file, kHeaderOffset, header);
  std::uint64_t at = kHeaderOffset + sizeof header;
  for (std::uint64_t end = fix_block(file, at); end > at; end = fix_block(file, at)) at = end;
  fix_footer(file, at);
}

void read_everything(const std::string& path) {
  Result<ContainerReader> reader = ContainerReader::open(path);
  if (!reader) return;
  const Result<std::vector<BlockEntry>> entries = reader->load_entries();
  if (entries) TAPLINE_CHECK(entries->size() == reader->block_count());
  DecodedBlock block;
  std::vector<Frame> frames;
  for (std::uint32_t number = 0; number < reader->block_count(); ++number) {
    const Result<BlockEntry> entry = reader->entry(number);
    if (!entry || !reader->read_block(*entry, number, block)) continue;
    // A length may lie, but what is held stays within the file and the format's limits.
    TAPLINE_CHECK(block.stored.size() <= reader->file_bytes());
    TAPLINE_CHECK(block.content.size() <= kBlockRawBytesMax);
    static_cast<void>(parse_frames(block, reader->header(), frames).ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile memory;
  static const NamedLink open_name(memory, "fuzz.open");
  if (size == 0) return 0;
  ByteBuffer file(data + 1, data + size);
  fix_checksums(file);
  memory.fill(file);
  read_everything(data[0] % 2 == 0 ? memory.path() : open_name.path());
  return 0;
}
