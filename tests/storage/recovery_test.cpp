#include "storage/recovery.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <set>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "storage/segment_index.hpp"
#include "tests/storage/crashed_segment.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

ByteBuffer newer_format(ByteBuffer bytes) {
  SegmentHeader header{};
  const std::size_t at = kLeadFrameBytes + sizeof(SkippableHeader);
  std::memcpy(&header, &bytes[at], sizeof header);
  header.incompatible = 1;
  header.checksum = checksum_before(header, header.checksum);
  std::memcpy(&bytes[at], &header, sizeof header);
  return bytes;
}

/// What recovery makes of it, elsewhere.
RecoveredFile must_recover_copy(const CrashedSegment& crashed) {
  const TemporaryFolder folder;
  write_bytes(folder / kOpenFile, crashed.bytes);
  return recover(folder / kOpenFile);
}

void check_cut(const CrashedSegment& crashed, std::size_t size) {
  CAPTURE(size);
  const TemporaryFolder folder;
  write_bytes(folder / kOpenFile, Bytes(crashed.bytes).first(size));
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK_FALSE(fs::exists(folder / kOpenFile));
  const std::uint32_t blocks = size < crashed.ends[0] ? 0 : crashed.complete_blocks(size);
  if (blocks == 0) {
    CHECK(recovered.final_path.empty());
    CHECK(fs::is_empty(folder.path()));
    return;
  }
  std::size_t torn = size;  // zeroes at the end do not count: a length may be ahead of what was written
  while (torn > crashed.ends[blocks] && crashed.bytes[torn - 1] == 0) --torn;
  CHECK(recovered.torn_bytes == torn - crashed.ends[blocks]);
  check_recovered(crashed, recovered, blocks);
}

}  // namespace

TEST_CASE("a segment cut at any byte of its last block keeps the blocks before") {
  const CrashedSegment crashed;
  const std::size_t last = crashed.ends[crashed.ends.size() - 2];
  for (std::size_t size = last; size <= crashed.bytes.size(); ++size) check_cut(crashed, size);
}

TEST_CASE("a segment of full blocks cut at 1,000 random places keeps the blocks before") {
  const CrashedSegment crashed(20000, 256 * 1024);
  REQUIRE(crashed.bytes.size() > 1000 * 1000);
  std::mt19937_64 random(11);
  for (int cut = 0; cut < 1000; ++cut) check_cut(crashed, random() % crashed.bytes.size());
}

TEST_CASE("a segment cut around any block's end keeps exactly the complete ones") {
  const CrashedSegment crashed;
  for (const std::size_t end : crashed.ends) {
    check_cut(crashed, end - 1);
    check_cut(crashed, end);
    if (end < crashed.bytes.size()) check_cut(crashed, end + 1);
  }
}

TEST_CASE("a file shorter than its header, or without a block, is removed") {
  const CrashedSegment crashed;
  for (std::size_t size = 0; size < crashed.ends[0]; size += 7) check_cut(crashed, size);
}

TEST_CASE("a block that has its length but not its bytes ends the segment, as after a power cut") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  std::fill(bytes.end() - 300, bytes.end(), std::uint8_t{0});
  write_bytes(folder / kOpenFile, bytes);
  const auto blocks = static_cast<std::uint32_t>(crashed.ends.size() - 2);
  check_recovered(crashed, recover(folder / kOpenFile), blocks);
}

TEST_CASE("zeroes behind the last block, however many, are cut and not counted") {
  const CrashedSegment crashed;
  const std::size_t garbage = GENERATE(0u, 1u, 5000u);
  const std::size_t zeroes = GENERATE(1u, 4096u, 70'000u, 1'000'000u);
  CAPTURE(garbage, zeroes);
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes.resize(bytes.size() + garbage, 0xee);
  bytes.resize(bytes.size() + zeroes);
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK(recovered.torn_bytes == garbage);
  check_recovered(crashed, recovered, static_cast<std::uint32_t>(crashed.ends.size() - 1));
}

TEST_CASE("garbage behind the last block is cut") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes.resize(bytes.size() + 5000, 0xee);
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile recovered = recover(folder / kOpenFile);
  CHECK(recovered.torn_bytes == 5000);
  check_recovered(crashed, recovered, static_cast<std::uint32_t>(crashed.ends.size() - 1));
}

TEST_CASE("recovery that was itself interrupted can be repeated with the same result") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  write_bytes(folder / kOpenFile, crashed.bytes);
  const RecoveredFile first = recover(folder / kOpenFile);
  const std::string index_path = index_path_of(first.final_path);
  const ByteBuffer index = *read_file(index_path);
  const ByteBuffer finished = *read_file(first.final_path);
  const auto blocks = static_cast<std::uint32_t>(crashed.ends.size() - 1);
  // Killed after the index, within the footer, or before the rename:
  for (const std::size_t size : {crashed.bytes.size(), crashed.bytes.size() + 8, crashed.bytes.size() + 100,
                                 finished.size() - 1, finished.size()}) {
    fs::remove(first.final_path);
    write_bytes(folder / kOpenFile, Bytes(finished).first(size));
    const RecoveredFile again = recover(folder / kOpenFile);
    CHECK(again.final_path == first.final_path);
    CHECK(again.torn_bytes == first.torn_bytes);
    CHECK(*read_file(index_path) == index);
    check_recovered(crashed, again, blocks);
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
  }
}

TEST_CASE("a recovery that is repeated remembers what the first one had cut") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  ByteBuffer bytes = crashed.bytes;
  bytes.resize(bytes.size() + 5000, 0xee);
  write_bytes(folder / kOpenFile, bytes);
  const RecoveredFile first = recover(folder / kOpenFile);
  REQUIRE(first.torn_bytes == 5000);
  fs::rename(first.final_path, folder / kOpenFile);  // killed before the name was on disk
  CHECK(recover(folder / kOpenFile).torn_bytes == 5000);
}

TEST_CASE("a block that is whole but cannot be parsed is kept, and the index says so") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  write_bytes(folder / "source.pcap.zst.open", crashed.bytes);
  const auto bad = static_cast<std::uint32_t>(GENERATE(0, 2));
  {
    ContainerReader reader = *ContainerReader::open(folder / "source.pcap.zst.open");
    ContainerIdentity identity = make_sample_identity();
    identity.kind = kKindPackets;
    ContainerWriter writer =
        *ContainerWriter::create(real_disk(), folder / kOpenFile, identity, records_lead());
    BlockEncoder encoder(kBlockRawBytesMax, 1);
    DecodedBlock block;
    for (std::uint32_t number = 0; number < reader.block_count(); ++number) {
      REQUIRE(reader.read_block(*reader.entry(number), number, block).ok());
      const Bytes content = Bytes(block.content).first(block.content.size() - (number == bad ? 3 : 0));
      BlockInfo info;
      info.frames = block.header.frames;
      info.first_ns = block.header.first_ns;
      info.last_ns = block.header.last_ns;
      info.order_first_ns = block.header.order_first_ns;
      info.order_first_count = block.header.order_first_count;
      info.order_last_ns = block.header.order_last_ns;
      REQUIRE(writer.append(info, encoder.wrap_raw(content), block.extension).ok());
    }
    REQUIRE(writer.flush().ok());
  }
  fs::remove(folder / "source.pcap.zst.open");
  const RecoveredFile recovered = recover(folder / kOpenFile);
  const auto blocks = static_cast<std::uint32_t>(crashed.ends.size() - 1);
  CHECK(recovered.blocks_kept == blocks);
  CHECK(recovered.blocks_unreadable == 1);
  CHECK_THAT(recovered.problem, Catch::Contains("pcap record"));
  ContainerReader reader = *ContainerReader::open(recovered.final_path);
  Result<IndexReader> index =
      IndexReader::open(index_path_of(recovered.final_path), reader.header().segment_id, blocks);
  REQUIRE(index.ok());
  std::vector<std::set<IndexKeyKind>> kinds(blocks);
  REQUIRE(index->for_each_posting(
      [&](IndexKeyKind kind, std::uint64_t, std::uint32_t block) { kinds[block].insert(kind); }));
  for (std::uint32_t block = 0; block < blocks; ++block) {
    CAPTURE(block);
    if (block == bad) {
      CHECK(kinds[block] == std::set{IndexKeyKind::kUnreadable});
    } else {
      CHECK(kinds[block].contains(IndexKeyKind::kIpProto));
      CHECK_FALSE(kinds[block].contains(IndexKeyKind::kUnreadable));
    }
  }
}

TEST_CASE("an index of one block with very many frames names each key once") {
  const TemporaryFolder folder;
  std::vector<TestFrame> frames;  // more keys than are collected before repetitions are dropped
  for (int i = 0; i < 40'000; ++i) {
    TestFrame frame;
    frame.bytes = make_udp_frame(0x0a000001 + static_cast<std::uint32_t>(i % 50), 0x0a0000ff, 4000, 53, 0);
    frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
    frame.time_ns = kNsPerSecond + i;
    frames.push_back(std::move(frame));
  }
  number_frames(frames);
  FrameSegmentConfig config;
  config.block_bytes = 8u << 20;
  write_segments(folder.path(), frames, config);
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  REQUIRE(rebuild_index(segment, folder / "rebuilt.idx").ok());
  CHECK(*read_file(folder / "rebuilt.idx") == *read_file(index_path_of(segment)));
}

TEST_CASE("a segment of a newer format is left alone") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  const ByteBuffer bytes = newer_format(crashed.bytes);
  write_bytes(folder / kOpenFile, bytes);
  const Result<RecoveredFile> recovered = recover_file(real_disk(), folder / kOpenFile, kPacketSuffix);
  REQUIRE_FALSE(recovered.ok());
  CHECK(recovered.error().code == ErrorCode::kUnsupported);
  CHECK(*read_file(folder / kOpenFile) == bytes);
}

TEST_CASE("a file of a newer format does not keep the others from being recovered") {
  const CrashedSegment crashed;
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder / "store", "s");
  const std::string other = "/open-11111111111111111111111111111111.pcap.zst.open";
  write_bytes(store->packets_directory() + "/" + kOpenFile, newer_format(crashed.bytes));
  write_bytes(store->packets_directory() + other, crashed.bytes);
  const Result<std::vector<RecoveredFile>> recovered = recover_store(*store);
  REQUIRE(recovered.ok());
  REQUIRE(recovered->size() == 2);
  CHECK_THAT(recovered->front().problem, Catch::Contains("newer"));
  CHECK(fs::exists(store->packets_directory() + "/" + kOpenFile));
  CHECK_FALSE(recovered->back().final_path.empty());
}

TEST_CASE("files of records are recovered without an index") {
  const TemporaryFolder folder;
  const std::string open_path = folder / "open-00000000000000000000000000000000.sessions.open";
  { const ContainerWriter writer = write_sample(open_path, make_sample_blocks()); }
  const RecoveredFile recovered = recover(open_path, kSessionSuffix);
  CHECK(recovered.blocks_kept == 4);
  CHECK(recovered.final_path.ends_with("_p3_w4_0102030405060708.sessions"));
  CHECK(read_contents(recovered.final_path)->size() == 4);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a rebuilt index has the bytes of the writer's") {
  const auto seed = GENERATE(range(1u, 6u));
  CAPTURE(seed);
  Traffic traffic(seed);
  FrameSegmentConfig config;
  config.block_bytes = static_cast<std::uint32_t>(2048 << traffic.number(7));
  config.compress = false;
  const TemporaryFolder folder;
  write_segments(folder.path(), traffic.take(3000), config);
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  REQUIRE(rebuild_index(segment, folder / "rebuilt.idx").ok());
  CHECK(*read_file(folder / "rebuilt.idx") == *read_file(index_path_of(segment)));
}

TEST_CASE("an index is not built from a segment whose block table is damaged") {
  Traffic traffic(40);
  const TemporaryFolder folder;
  write_segments(folder.path(), traffic.take(300));
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  ByteBuffer bytes = *read_file(segment);
  bytes[ContainerReader::open(segment)->complete_bytes() + sizeof(SkippableHeader) + sizeof(FooterHeader)] ^=
      1;
  write_bytes(segment, bytes);
  const Result<std::vector<Error>> rebuilt = rebuild_index(segment, folder / "rebuilt.idx");
  REQUIRE_FALSE(rebuilt.ok());
  CHECK(rebuilt.error().code == ErrorCode::kCorrupt);
  CHECK_FALSE(fs::exists(folder / "rebuilt.idx"));
}

TEST_CASE("litter of a killed writer is removed, and what belongs to something is not") {
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder / "store", "s");
  const std::string packets = store->packets_directory() + "/";
  Traffic traffic(43);
  write_segments(store->packets_directory(), traffic.take(100));
  const CrashedSegment crashed;
  write_bytes(packets + kOpenFile, crashed.bytes);
  // The index of the open segment was published, longer than what a power cut has left; and as it will be.
  const FinalName longer{1000, 2000, 0, 0, 0};
  const std::string litter[] = {packets + final_name(longer, kIndexSuffix),
                                packets + final_name(longer, kIndexSuffix) + ".tmp",
                                packets + "open-00000000000000000000000000000000.0-2.idx.tmp",
                                store->sessions_directory() + "/" + final_name(longer, kIndexSuffix)};
  for (const std::string& path : litter) write_bytes(path, crashed.bytes);
  const RecoveredFile expected = must_recover_copy(crashed);
  write_bytes(packets + fs::path(index_path_of(expected.final_path)).filename().string(), crashed.bytes);
  REQUIRE(recover_store(*store).ok());
  for (const std::string& path : litter) CHECK_FALSE(fs::exists(path));
  CHECK(list_files(store->packets_directory(), kPacketSuffix).size() == 2);
  CHECK(list_files(store->packets_directory(), kIndexSuffix).size() == 2);
  CHECK(fs::is_empty(store->sessions_directory()));
}

TEST_CASE("all open files of a store are recovered, finished ones untouched") {
  const TemporaryFolder folder;
  const Result<Store> store = Store::open_or_create(folder / "store", "s");
  REQUIRE(store.ok());
  Traffic traffic(41);
  write_segments(store->packets_directory(), traffic.take(100));
  const CrashedSegment crashed;
  write_bytes(store->packets_directory() + "/" + kOpenFile, crashed.bytes);
  const std::string records = "/open-00000000000000000000000000000000";
  {
    const ContainerWriter writer =
        write_sample(store->sessions_directory() + records + ".sessions.open", make_sample_blocks());
  }
  { const ContainerWriter writer = write_sample(store->ledger_directory() + records + ".ledger.open", {}); }
  const Result<std::vector<RecoveredFile>> recovered = recover_store(*store);
  REQUIRE(recovered.ok());
  REQUIRE(recovered->size() == 3);
  CHECK(list_files(store->packets_directory(), kPacketSuffix).size() == 2);
  CHECK(list_files(store->packets_directory(), kIndexSuffix).size() == 2);
  CHECK(list_files(store->sessions_directory(), kSessionSuffix).size() == 1);
  CHECK(fs::is_empty(store->ledger_directory()));
  CHECK(recover_store(*store)->empty());
}
