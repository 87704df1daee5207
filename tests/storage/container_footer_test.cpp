// What a footer says of its file, and what it may not say.

#include <algorithm>

#include "tests/storage/sample_container.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

TEST_CASE("a footer with more blocks than a file may have is refused before its table is asked for") {
  const std::uint32_t blocks = kSegmentBlocksMax + GENERATE(0u, 1u);
  CAPTURE(blocks);
  const TemporaryFolder folder;
  const std::string path = folder / "sparse.sessions";
  { const ContainerWriter writer = write_sample(path, {}); }
  FooterHeader footer{};
  footer.magic = kFooterMagic;
  footer.header_bytes = sizeof footer;
  footer.version = kFormatVersion;
  footer.block_count = blocks;
  footer.end_state = kEndClosed;
  std::ranges::copy(make_sample_identity().segment_id, footer.segment_id);
  footer.checksum = checksum_before(footer, footer.checksum);
  const std::uint64_t table_bytes = std::uint64_t{blocks} * sizeof(BlockEntry);
  const SkippableHeader frame{kSkippableMagic, static_cast<std::uint32_t>(sizeof footer + table_bytes)};
  ByteBuffer head;
  put(head, frame);
  put(head, footer);
  ByteBuffer tail;  // a seek table of one entry
  put(tail, SkippableHeader{kSeekTableFrameMagic, 8 + kSeekTableTailBytes});
  put(tail, static_cast<std::uint32_t>(sizeof frame + frame.content_bytes));
  put(tail, std::uint32_t{0});
  put(tail, std::uint32_t{1});
  put(tail, std::uint8_t{0});
  put(tail, kSeekTableMagic);
  Result<File> file = File::open_existing(path);
  REQUIRE(file.ok());
  REQUIRE(file->seek(kFirstBlockOffset).ok());
  REQUIRE(file->write_all(head).ok());
  REQUIRE(file->truncate(kFirstBlockOffset + head.size() + table_bytes).ok());  // sparse: 0.9 GB of nothing
  REQUIRE(file->seek(kFirstBlockOffset + head.size() + table_bytes).ok());
  REQUIRE(file->write_all(tail).ok());
  const Result<ContainerReader> reader = ContainerReader::open(path);
  REQUIRE(reader.ok() == (blocks == kSegmentBlocksMax));
  if (!reader) {
    CHECK(reader.error().code == ErrorCode::kCorrupt);
    CHECK_THAT(reader.error().context, Catch::Contains("16777217 blocks"));
  }
}

TEST_CASE("the times of a file begin with its first block that has rows") {
  const TemporaryFolder folder;
  std::vector<SampleBlock> blocks = make_sample_blocks();
  blocks.resize(3);
  SampleBlock& empty = blocks.front();
  empty.info.frames = 0;
  empty.info.first_ns = empty.info.last_ns = empty.info.order_first_ns = empty.info.order_last_ns = 5;
  { const ContainerWriter writer = write_sample(folder / "a.sessions.open", blocks); }
  const FooterHeader totals = ContainerReader::open(folder / "a.sessions.open")->footer();
  CHECK(totals.block_count == 3);
  CHECK(totals.first_ns == blocks[2].info.first_ns);
  CHECK(totals.last_ns == blocks[2].info.last_ns);
  CHECK(totals.order_first_ns == blocks[1].info.order_first_ns);
  CHECK(totals.order_last_ns == blocks[2].info.order_last_ns);
  { const ContainerWriter writer = write_sample(folder / "b.sessions.open", {empty}); }
  CHECK(ContainerReader::open(folder / "b.sessions.open")->footer().last_ns == 5);
}
