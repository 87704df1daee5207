// What stands behind a damaged block or header of an open file: kept, set aside, and told.

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/stranded_blocks.hpp"
#include "tests/storage/crashed_segment.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

CrashedSegment synced_segment() {
  return CrashedSegment(400, 8192, CrashedSegment::AfterBlock::kSync);
}

}  // namespace

TEST_CASE("good blocks behind a damaged one are set aside, and the name tells their times") {
  const CrashedSegment crashed = synced_segment();
  const std::size_t bad = 2;
  const bool header = GENERATE(false, true);
  CAPTURE(header);
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes[header ? crashed.starts[bad] + 20 : crashed.ends[bad + 1] - 5] ^= 1;
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  check_recovered(crashed, recovered, bad);
  // A length that runs ahead is not copied.
  ByteBuffer aside(bytes.begin() + static_cast<std::ptrdiff_t>(crashed.ends[bad]), bytes.end());
  while (aside.back() == 0) aside.pop_back();
  CHECK(recovered.damaged_bytes == aside.size());
  CHECK_THAT(recovered.problem, Catch::Contains("block 2 is damaged"));
  const std::string path = only_file(folder.path(), kDamagedSuffix);
  CHECK(path == recovered.damaged_path);
  CHECK(*read_file(path) == aside);
  const std::optional<FinalName> name = parse_final_name(fs::path(path).filename().string(), kDamagedSuffix);
  REQUIRE(name);
  for (const StoredFrame& frame : crashed.frames) {
    if (frame.block < bad) continue;
    CHECK(frame.time_ns >= name->first_ns);
    CHECK(frame.time_ns <= name->last_ns);
  }
  // Interrupted before the tail was cut, it comes out the same.
  fs::remove(recovered.final_path);
  write_bytes(folder / kOpenFile, bytes);
  CHECK(recover(folder / kOpenFile).damaged_path == path);
  CHECK(list_files(folder.path(), kDamagedSuffix).size() == 1);
}

TEST_CASE("good blocks behind one that was never synced are a torn tail") {
  const CrashedSegment crashed;
  const std::size_t bad = 2;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(crashed.ends[bad]),
            bytes.begin() + static_cast<std::ptrdiff_t>(crashed.ends[bad + 1]), std::uint8_t{0});
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  check_recovered(crashed, recovered, bad);
  CHECK(recovered.damaged_path.empty());
  CHECK(recovered.problem.empty());
  CHECK(recovered.torn_bytes == bytes.size() - crashed.ends[bad]);
}

TEST_CASE("padding and the rest of a last sector are no torn bytes") {
  const CrashedSegment crashed = synced_segment();
  const auto blocks = static_cast<std::uint32_t>(crashed.starts.size());
  REQUIRE(crashed.starts[1] > crashed.ends[1]);
  const std::size_t zeroes = GENERATE(0, 5, 511);
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes.resize(bytes.size() + zeroes);
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  check_recovered(crashed, recovered, blocks);
  CHECK(recovered.torn_bytes == 0);
}

TEST_CASE("a file whose first block is damaged is set aside whole where good ones follow") {
  const CrashedSegment crashed = synced_segment();
  const bool header = GENERATE(false, true);
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes[crashed.starts[0] + (header ? 20 : 200)] ^= 1;
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK(recovered.final_path.empty());
  CHECK(recovered.blocks_kept == 0);
  CHECK(recovered.damaged_bytes == bytes.size());
  CHECK(*read_file(recovered.damaged_path) == bytes);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a tail of magic numbers and other files' blocks is a torn tail") {
  const CrashedSegment crashed;
  const CrashedSegment other;  // the same frames under another id
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  for (int i = 0; i < 500'000; ++i) put(bytes, kBlockMagic);
  bytes.insert(bytes.end(), other.bytes.begin(), other.bytes.end());
  bytes.insert(bytes.end(), crashed.bytes.begin(), crashed.bytes.end());  // of this id, at another place
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK(recovered.damaged_path.empty());
  check_recovered(crashed, recovered, static_cast<std::uint32_t>(crashed.ends.size() - 1));
}

TEST_CASE("blocks are found wherever in a file they stand") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  const std::string path = folder / "source.open";
  write_bytes(path, crashed.bytes);
  const std::uint64_t tag = id_tag([&] {
    SegmentId id;
    std::ranges::copy(ContainerReader::open(path)->header().segment_id, id.begin());
    return id;
  }());
  const File file = *File::open_read(path);
  for (std::size_t from = 0; from <= crashed.ends[2]; ++from) {
    const Result<StrandedBlocks> found = find_stranded_blocks(file, tag, from);
    REQUIRE(found.ok());
    const auto before = std::ranges::count_if(crashed.ends, [&](std::size_t end) { return end < from; });
    REQUIRE(found->good == crashed.ends.size() - 1 - static_cast<std::size_t>(before));
  }
}

TEST_CASE("a file whose segment header is damaged is set aside, whole") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes[kLeadFrameBytes + sizeof(SkippableHeader) + 60] ^= 1;
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK(recovered.final_path.empty());
  CHECK(recovered.blocks_kept == 0);
  CHECK_THAT(recovered.problem, Catch::Contains("segment header"));
  CHECK(recovered.damaged_path == folder / "open-00000000000000000000000000000000.pcap.zst.damaged");
  CHECK(*read_file(recovered.damaged_path) == bytes);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a file set aside for its segment header tells the times of its blocks") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  SegmentHeader header{};
  std::memcpy(&header, &bytes[kLeadFrameBytes + sizeof(SkippableHeader)], sizeof header);
  SegmentId id;
  std::ranges::copy(header.segment_id, id.begin());
  bytes[kLeadFrameBytes + sizeof(SkippableHeader) + 60] ^= 1;
  write_bytes(folder / open_name(id, kPacketSuffix), bytes);
  const RecoveredFile recovered = recover(folder / open_name(id, kPacketSuffix));
  const std::optional<FinalName> name =
      parse_final_name(fs::path(recovered.damaged_path).filename().string(), kDamagedSuffix);
  REQUIRE(name);
  CHECK(name->id_high == id_high(id));
  const auto [least, greatest] = std::ranges::minmax_element(crashed.frames, {}, &StoredFrame::time_ns);
  CHECK(name->first_ns == least->time_ns);
  CHECK(name->last_ns == greatest->time_ns);
}

TEST_CASE("a flipped bit in version or features is damage, and stops nobody from starting") {
  const std::size_t offset =
      GENERATE(offsetof(SegmentHeader, version), offsetof(SegmentHeader, incompatible));
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder / "store", "s");
  ByteBuffer bytes = crashed.bytes;
  bytes[kLeadFrameBytes + sizeof(SkippableHeader) + offset] ^= 0x40;
  write_bytes(store->packets_directory() + "/" + kOpenFile, bytes);
  const Result<std::vector<RecoveredFile>> recovered = recover_store(*store);
  REQUIRE(recovered.ok());
  REQUIRE(recovered->size() == 1);
  CHECK_FALSE(recovered->front().damaged_path.empty());
}
