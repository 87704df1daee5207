// An index from the input behind its checksums: those of header, sections, directories and chunks are made
// right first. Then everything is read, and a few keys are looked up; both must agree.
//
// Input: 1 byte (seed of the look-ups), then the index file.

#include "capture/base/check.hpp"
#include "storage/index_reader.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/right_checksums.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kBlocksMax = 1 << 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile memory;
  if (size < 1 + sizeof(IndexHeader)) return 0;
  ByteBuffer file(data + 1, data + size);
  const IndexHeader header = fix_index_checksums(file);
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
