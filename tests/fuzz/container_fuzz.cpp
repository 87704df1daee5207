// A whole container from the input, finished or open, behind its checksums: every checksum that stands where
// one belongs is made right first, so that lengths, offsets and numbers reach the code that uses them.
// Everything that can be read is read.
//
// Input: 1 byte (even: finished, odd: open), then the file.

#include "capture/base/check.hpp"
#include "storage/block_frames.hpp"
#include "storage/container_reader.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/right_checksums.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

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
  fix_container_checksums(file);
  memory.fill(file);
  read_everything(data[0] % 2 == 0 ? memory.path() : open_name.path());
  return 0;
}
