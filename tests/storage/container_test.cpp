#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>

#include "tests/storage/sample_container.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

/// A published sample and its bytes.
struct Published {
  TemporaryFolder folder;
  std::vector<SampleBlock> blocks = make_sample_blocks();
  std::string path = folder / "sample.sessions";
  ByteBuffer bytes;

  Published() {
    ContainerWriter writer = write_sample(folder / "sample.open", blocks);
    REQUIRE(writer.publish(path).ok());
    bytes = *read_file(path);
  }
};

void check_block(const BlockHeader& header, const SampleBlock& block, std::uint32_t number) {
  CHECK(header.sequence == number);
  CHECK(header.codec == (block.raw ? kCodecRaw : kCodecZstd));
  CHECK(header.lane == block.info.lane);
  CHECK(header.frames == block.info.frames);
  CHECK(header.cut_frames == block.info.cut_frames);
  CHECK(header.first_ns == block.info.first_ns);
  CHECK(header.last_ns == block.info.last_ns);
  CHECK(header.order_first_ns == block.info.order_first_ns);
  CHECK(header.order_last_ns == block.info.order_last_ns);
  CHECK(header.order_first_count == block.info.order_first_count);
  CHECK(header.wire_bytes == block.info.wire_bytes);
  CHECK(header.captured_bytes == block.info.captured_bytes);
  CHECK(header.key_id == 0);
}

void check_blocks(ContainerReader& reader, const std::vector<SampleBlock>& blocks) {
  REQUIRE(reader.block_count() == blocks.size());
  DecodedBlock block;
  for (std::uint32_t number = 0; number < blocks.size(); ++number) {
    const Result<BlockEntry> entry = reader.entry(number);
    REQUIRE(entry.ok());
    REQUIRE(reader.read_block(*entry, number, block).ok());
    CHECK(block.content == blocks[number].content);
    CHECK(ByteBuffer(block.extension.begin(), block.extension.end()) == blocks[number].extension);
    check_block(block.header, blocks[number], number);
  }
}

ErrorCode open_error(const std::string& path) {
  const Result<ContainerReader> reader = ContainerReader::open(path);
  REQUIRE_FALSE(reader.ok());
  INFO(reader.error().context);
  CHECK(reader.error().context.find(path) != std::string::npos);
  return reader.error().code;
}

/// Rewrites the segment header of a file, with its checksum made right.
template <class Change>
void change_header(const std::string& path, ByteBuffer bytes, Change change) {
  SegmentHeader header{};
  const std::size_t at = kLeadFrameBytes + sizeof(SkippableHeader);
  std::memcpy(&header, bytes.data() + at, sizeof header);
  change(header);
  header.checksum = checksum_before(header, header.checksum);
  std::memcpy(bytes.data() + at, &header, sizeof header);
  write_bytes(path, bytes);
}

}  // namespace

TEST_CASE("a published container gives back identity, blocks and totals") {
  const Published sample;
  Result<ContainerReader> reader = ContainerReader::open(sample.path);
  REQUIRE(reader.ok());
  CHECK(reader->finished());
  check_blocks(*reader, sample.blocks);

  const ContainerIdentity identity = make_sample_identity();
  const SegmentHeader& header = reader->header();
  CHECK(header.kind == identity.kind);
  CHECK(header.sensor_id == identity.sensor_id);
  CHECK(std::ranges::equal(header.segment_id, identity.segment_id));
  CHECK(std::ranges::equal(header.source_id, identity.source_id));
  CHECK(std::ranges::equal(header.previous_segment_id, identity.previous_segment_id));
  CHECK(std::ranges::equal(header.previous_root, identity.previous_root));
  CHECK(header.previous_state == kPreviousCrashed);
  CHECK(header.link_type == 1);
  CHECK(header.snap_length == 262144);
  CHECK(header.port == 3);
  CHECK(header.worker == 4);
  CHECK(header.start_ns == -5);
  CHECK(header.compatible == 0);
  CHECK(header.incompatible == 0);

  const FooterHeader& footer = reader->footer();
  CHECK(footer.end_state == kEndClosed);
  CHECK(footer.frames == 1 + 2 + 3 + 4);
  CHECK(footer.cut_frames == 4);
  CHECK(footer.wire_bytes == 2000);
  CHECK(footer.captured_bytes == 1600);
  CHECK(footer.raw_bytes == 40 + 70 + 100 + 130);
  CHECK(footer.first_ns == 970);
  CHECK(footer.last_ns == 2030);
  CHECK(footer.order_first_ns == 1000);
  CHECK(footer.order_last_ns == 2003);
}

TEST_CASE("the root in the footer covers every block header and extension") {
  const Published sample;
  Result<ContainerReader> reader = ContainerReader::open(sample.path);
  REQUIRE(reader.ok());
  ByteBuffer covered;
  DecodedBlock block;
  for (std::uint32_t number = 0; number < reader->block_count(); ++number) {
    REQUIRE(reader->check_block(*reader->entry(number), number, block).ok());
    put(covered, block.header);
    put_bytes(covered, block.extension);
  }
  XXH128_canonical_t root;
  XXH128_canonicalFromHash(&root, XXH3_128bits(covered.data(), covered.size()));
  CHECK(reader->footer().root_algorithm == kRootXxh3Headers);
  CHECK(std::memcmp(reader->footer().root, root.digest, 16) == 0);
  CHECK(std::all_of(reader->footer().root + 16, reader->footer().root + 32, [](auto b) { return b == 0; }));
}

TEST_CASE("an open container shows its complete blocks") {
  const TemporaryFolder folder;
  const std::vector<SampleBlock> blocks = make_sample_blocks();
  const ContainerWriter writer = write_sample(folder / "a.open", blocks);
  Result<ContainerReader> reader = ContainerReader::open(folder / "a.open");
  REQUIRE(reader.ok());
  CHECK_FALSE(reader->finished());
  CHECK(reader->complete_bytes() == writer.file_bytes());
  CHECK(reader->footer().frames == writer.totals().frames);
  check_blocks(*reader, blocks);
}

TEST_CASE("a container without blocks can be published and read") {
  const TemporaryFolder folder;
  ContainerWriter writer = write_sample(folder / "a.open", {});
  REQUIRE(writer.publish(folder / "a.sessions").ok());
  CHECK(read_contents(folder / "a.sessions")->empty());
  CHECK_FALSE(std::filesystem::exists(folder / "a.open"));
}

TEST_CASE("the whole file is a sequence of zstd frames whose content is lead and blocks") {
  const Published sample;
  ByteBuffer expected(records_lead().begin(), records_lead().end());
  for (const SampleBlock& block : sample.blocks) put_bytes(expected, block.content);
  ByteBuffer decoded(expected.size() + 1);
  const std::size_t bytes =
      ZSTD_decompress(decoded.data(), decoded.size(), sample.bytes.data(), sample.bytes.size());
  REQUIRE_FALSE(ZSTD_isError(bytes));
  decoded.resize(bytes);
  CHECK(decoded == expected);
}

TEST_CASE("the seek table lists every frame before it") {
  // contrib/seekable_format/zstd_seekable_compression_format.md, version 0.1.0
  const Published sample;
  const ByteBuffer& bytes = sample.bytes;
  const std::size_t end = bytes.size();
  REQUIRE(load_le<std::uint32_t>(&bytes[end - 4]) == 0x8F92EAB1);
  CHECK(bytes[end - 5] == 0);  // no checksums
  const auto frames = load_le<std::uint32_t>(&bytes[end - 9]);
  const std::size_t table = end - 9 - 8 * std::size_t{frames};
  CHECK(load_le<std::uint32_t>(&bytes[table - 8]) == 0x184D2A5E);
  CHECK(load_le<std::uint32_t>(&bytes[table - 4]) == end - table);
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < frames; ++i) {
    const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(&bytes[at], end - at);
    const auto content = ZSTD_getFrameContentSize(&bytes[at], end - at);
    CHECK(load_le<std::uint32_t>(&bytes[table + 8 * i]) == frame_bytes);
    CHECK(load_le<std::uint32_t>(&bytes[table + 8 * i + 4]) == content);
    at += frame_bytes;
  }
  CHECK(at == table - 8);
}

TEST_CASE("a finished file cut anywhere is refused") {
  const Published sample;
  for (std::size_t bytes = 0; bytes < sample.bytes.size(); ++bytes) {
    CAPTURE(bytes);
    write_bytes(sample.folder / "cut", Bytes(sample.bytes).first(bytes));
    const auto contents = read_contents(sample.folder / "cut");
    REQUIRE_FALSE(contents.ok());
    CHECK(contents.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("every changed byte of a finished file is an error or leaves the data unchanged") {
  const Published sample;
  const auto expected = read_contents(sample.path);
  std::vector<std::size_t> unnoticed;
  for (std::size_t at = 0; at < sample.bytes.size(); ++at) {
    ByteBuffer damaged = sample.bytes;
    damaged[at] ^= 0x5a;
    write_bytes(sample.folder / "damaged", damaged);
    const auto contents = read_contents(sample.folder / "damaged");
    if (!contents) continue;
    CAPTURE(at);
    CHECK(*contents == *expected);
    unnoticed.push_back(at);
  }
  // Only what this reader does not need: the leading frame, and the seek table but for its last entry
  // (footer), count and magic.
  const std::size_t seek_table = sample.bytes.size() - 9 - 8 * (2 + 2 * sample.blocks.size() + 1) - 8;
  for (const std::size_t at : unnoticed) {
    CAPTURE(at);
    CHECK((at < kLeadFrameBytes || at >= seek_table));
  }
}

TEST_CASE("an open file cut anywhere keeps exactly the complete blocks before the cut") {
  const TemporaryFolder folder;
  const std::vector<SampleBlock> blocks = make_sample_blocks();
  const ContainerWriter writer = write_sample(folder / "a.open", blocks);
  const ByteBuffer bytes = *read_file(folder / "a.open");
  Result<ContainerReader> whole = ContainerReader::open(folder / "a.open");
  std::vector<std::size_t> ends;  // of blocks
  for (std::uint32_t i = 1; i < blocks.size(); ++i) ends.push_back(whole->entry(i)->file_offset);
  ends.push_back(bytes.size());
  const std::size_t header_end = kLeadFrameBytes + sizeof(SkippableHeader) + sizeof(SegmentHeader);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    write_bytes(folder / "cut.open", Bytes(bytes).first(size));
    const auto contents = read_contents(folder / "cut.open");
    CHECK(contents.ok() == (size >= header_end));
    if (!contents) continue;
    const auto complete = std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; });
    REQUIRE(contents->size() == static_cast<std::size_t>(complete));
    for (std::size_t i = 0; i < contents->size(); ++i) CHECK((*contents)[i] == blocks[i].content);
  }
}

TEST_CASE("every changed byte of an open file is an error or hides blocks from there on, never changes one") {
  const TemporaryFolder folder;
  const std::vector<SampleBlock> blocks = make_sample_blocks();
  const ContainerWriter writer = write_sample(folder / "a.open", blocks);
  const ByteBuffer bytes = *read_file(folder / "a.open");
  Result<ContainerReader> whole = ContainerReader::open(folder / "a.open");
  for (std::size_t at = kLeadFrameBytes; at < bytes.size(); ++at) {
    ByteBuffer damaged = bytes;
    damaged[at] ^= 0x5a;
    write_bytes(folder / "damaged.open", damaged);
    Result<ContainerReader> reader = ContainerReader::open(folder / "damaged.open");
    if (!reader) continue;
    CAPTURE(at);
    DecodedBlock block;
    std::uint32_t good = 0;
    for (; good < reader->block_count(); ++good) {
      if (!reader->read_block(*reader->entry(good), good, block)) break;
      CHECK(block.content == blocks[good].content);
    }
    REQUIRE(good < blocks.size());                 // the damage was noticed,
    CHECK(whole->entry(good)->file_offset <= at);  // in the block it lies in
  }
}

TEST_CASE("a block that was moved, repeated or taken from another file is refused") {
  const Published sample;
  Result<ContainerReader> reader = ContainerReader::open(sample.path);
  DecodedBlock block;
  CHECK_FALSE(reader->read_block(*reader->entry(0), 1, block).ok());
  BlockEntry moved = *reader->entry(1);
  moved.file_offset = reader->entry(2)->file_offset;
  CHECK_FALSE(reader->read_block(moved, 1, block).ok());
  CHECK_FALSE(reader->entry(4).ok());

  ByteBuffer other = sample.bytes;
  change_header(sample.folder / "other", other, [](SegmentHeader& header) { header.segment_id[0] ^= 1; });
  CHECK(open_error(sample.folder / "other") == ErrorCode::kCorrupt);  // the footer names another id
}

TEST_CASE("lengths in an entry are bounded before anything is read or allocated") {
  const Published sample;
  Result<ContainerReader> reader = ContainerReader::open(sample.path);
  DecodedBlock block;
  const BlockEntry good = *reader->entry(1);
  for (const std::uint32_t length : {0x7fffffffu, 0xffffffffu, kBlockStoredBytesMax, 100000u}) {
    BlockEntry entry = good;
    entry.stored_bytes = length;
    CHECK_FALSE(reader->read_block(entry, 1, block).ok());
    entry = good;
    entry.extension_bytes = length;
    CHECK_FALSE(reader->read_block(entry, 1, block).ok());
    entry = good;
    entry.raw_bytes = length;
    CHECK_FALSE(reader->read_block(entry, 1, block).ok());
  }
  BlockEntry entry = good;
  entry.file_offset = ~std::uint64_t{0};
  CHECK_FALSE(reader->read_block(entry, 1, block).ok());
  CHECK(block.stored.capacity() < 65536);
}

TEST_CASE("unknown compatible bits are ignored, incompatible ones and newer versions refused") {
  const Published sample;
  const std::string path = sample.folder / "changed";
  change_header(path, sample.bytes, [](SegmentHeader& header) { header.compatible = 0x80000001; });
  CHECK(read_contents(path).ok());
  change_header(path, sample.bytes, [](SegmentHeader& header) { header.incompatible = 4; });
  CHECK(open_error(path) == ErrorCode::kUnsupported);
  change_header(path, sample.bytes, [](SegmentHeader& header) { ++header.version; });
  CHECK(open_error(path) == ErrorCode::kUnsupported);
  change_header(path, sample.bytes, [](SegmentHeader& header) { header.header_bytes = 200; });
  CHECK(open_error(path) == ErrorCode::kCorrupt);
}

TEST_CASE("a footer that says the file has not ended is refused") {
  // Found by container_fuzz: the reader then took the file for an open one without blocks, of which it had a
  // number.
  const Published sample;
  ByteBuffer bytes = sample.bytes;
  const std::uint64_t magic = kFooterMagic;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&magic);
  const auto at = std::search(bytes.begin(), bytes.end(), begin, begin + sizeof magic);
  FooterHeader footer{};
  std::memcpy(&footer, &*at, sizeof footer);
  footer.end_state = 0;
  footer.checksum = checksum_before(footer, footer.checksum);
  std::memcpy(&*at, &footer, sizeof footer);
  write_bytes(sample.folder / "endless", bytes);
  CHECK(open_error(sample.folder / "endless") == ErrorCode::kCorrupt);
}

TEST_CASE("an encrypted block is unsupported, not corrupt") {
  const TemporaryFolder folder;
  ContainerWriter writer = write_sample(folder / "a.open", {});
  BlockEncoder encoder(100, 1);
  EncodedBlock sealed = encoder.wrap_raw(records_lead());
  sealed.codec = kCodecSealed;
  REQUIRE(writer.append({}, sealed, {}).ok());
  const auto contents = read_contents(folder / "a.open");
  REQUIRE_FALSE(contents.ok());
  CHECK(contents.error().code == ErrorCode::kUnsupported);
}

TEST_CASE("an open file with a block being written shows the blocks before it and later all") {
  const TemporaryFolder folder;
  const std::vector<SampleBlock> blocks = make_sample_blocks();
  ContainerWriter writer = write_sample(folder / "a.open", {blocks[0]});
  CHECK(read_contents(folder / "a.open")->size() == 1);
  BlockEncoder encoder(1000, 1);
  REQUIRE(writer.append(blocks[1].info, encoder.wrap_raw(blocks[1].content), blocks[1].extension).ok());
  CHECK(read_contents(folder / "a.open")->size() == 2);
}

TEST_CASE("a published file is complete before it has its name, and the old name is gone") {
  const TemporaryFolder folder;
  ContainerWriter writer = write_sample(folder / "a.open", make_sample_blocks());
  const Status failed = writer.publish(folder / "no/such/folder");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::kIo);
  CHECK(read_contents(folder / "a.open")->size() == 4);  // still `.open`, with all its blocks
}

TEST_CASE("no such file is told apart from a damaged one") {
  const TemporaryFolder folder;
  CHECK(open_error(folder / "missing") == ErrorCode::kNotFound);
  write_bytes(folder / "empty", {});
  CHECK(open_error(folder / "empty") == ErrorCode::kCorrupt);
  write_bytes(folder / "zeroes", ByteBuffer(5000));
  CHECK(open_error(folder / "zeroes") == ErrorCode::kCorrupt);
}

TEST_CASE("segment ids are random and print as 32 digits") {
  const SegmentId a = make_segment_id();
  CHECK(a != make_segment_id());
  CHECK(format_segment_id(make_sample_identity().segment_id) == "0102030405060708090a0b0c0d0e0f10");
}
