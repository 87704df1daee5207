#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "storage/container_layout.hpp"
#include "storage/index_builder.hpp"
#include "storage/index_reader.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr SegmentId kId{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr std::uint8_t kIdBytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// The naive model: every posting in a set.
struct Model {
  std::uint32_t block_count = 1;
  std::map<IndexKeyKind, std::map<std::uint64_t, std::set<std::uint32_t>>> postings;
  IndexBuilder builder;

  void post(IndexKeyKind kind, std::uint64_t value, std::uint32_t block) {
    postings[kind][value].insert(block);
    builder.post({kind, value}, block);
  }

  std::vector<std::uint32_t> look_up(const IndexKeyRange& range) const {
    std::set<std::uint32_t> blocks;
    const auto kind = postings.find(range.kind);
    if (kind == postings.end()) return {};
    for (const auto& [value, found] : kind->second) {
      if (value >= range.low && value <= range.high) blocks.insert(found.begin(), found.end());
    }
    return {blocks.begin(), blocks.end()};
  }
};

unsigned bits_of(IndexKeyKind kind) {
  switch (kind) {
    case IndexKeyKind::kFlow:
      return 40;
    case IndexKeyKind::kIpv4:
      return 32;
    case IndexKeyKind::kIpv6:
      return 64;
    case IndexKeyKind::kProtoPort:
      return 24;
    case IndexKeyKind::kMplsLabel:
      return 20;
    case IndexKeyKind::kIpProto:
      return 8;
    default:
      return 12;
  }
}

constexpr IndexKeyKind kKinds[] = {
    IndexKeyKind::kFlow, IndexKeyKind::kIpv4,      IndexKeyKind::kIpv6,    IndexKeyKind::kProtoPort,
    IndexKeyKind::kVlan, IndexKeyKind::kMplsLabel, IndexKeyKind::kIpProto, IndexKeyKind::kEthertype};

Model make_model(std::uint64_t seed, std::uint32_t block_count, int postings_a_block) {
  std::mt19937_64 random(seed);
  Model model;
  model.block_count = block_count;
  std::vector<std::uint64_t> pool(200);  // values that come again
  for (std::uint64_t& value : pool) value = random();
  for (std::uint32_t block = 0; block < block_count; ++block) {
    for (int i = 0; i < postings_a_block; ++i) {
      const IndexKeyKind kind = kKinds[random() % std::size(kKinds)];
      const std::uint64_t value = random() % 3 == 0 ? random() : pool[random() % pool.size()];
      model.post(kind, value >> (64 - bits_of(kind)), block);
    }
  }
  return model;
}

std::string write_index(const TemporaryFolder& folder, Model& model) {
  const std::string path = folder / "a.idx";
  REQUIRE(publish_file(path, model.builder.finish(kId, model.block_count)).ok());
  return path;
}

IndexReader open_index(const std::string& path, std::uint32_t block_count) {
  Result<IndexReader> reader = IndexReader::open(path, kIdBytes, block_count);
  if (!reader) FAIL(reader.error().context);
  return std::move(*reader);
}

std::vector<std::uint32_t> look_up(IndexReader& reader, std::uint32_t block_count,
                                   const IndexKeyRange& range) {
  BlockSet blocks(block_count, false);
  const Status status = reader.look_up(range, blocks);
  if (!status) FAIL(status.error().context);
  return blocks.numbers();
}

/// Everything that can be asked of an index, as one value; an error as soon as one step fails.
Result<std::vector<std::uint64_t>> read_everything(const std::string& path, std::uint32_t block_count) {
  Result<IndexReader> reader = IndexReader::open(path, kIdBytes, block_count);
  if (!reader) return reader.error();
  std::vector<std::uint64_t> seen;
  TAPLINE_TRY(reader->for_each_posting([&](IndexKeyKind kind, std::uint64_t value, std::uint32_t block) {
    seen.insert(seen.end(), {static_cast<std::uint64_t>(kind), value, block});
  }));
  return seen;
}

}  // namespace

TEST_CASE("every key and any range lead to exactly the blocks they were posted for") {
  const auto seed = GENERATE(range(1u, 5u));
  CAPTURE(seed);
  const std::uint32_t block_count = seed * seed * 40;
  Model model = make_model(seed, block_count, 60);
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), block_count);
  for (const auto& [kind, values] : model.postings) {
    for (const auto& [value, blocks] : values) {
      const std::vector<std::uint32_t> expected(blocks.begin(), blocks.end());
      REQUIRE(look_up(reader, block_count, {kind, value, value}) == expected);
    }
  }
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    const IndexKeyKind kind = kKinds[random() % std::size(kKinds)];
    std::uint64_t low = random() >> (64 - bits_of(kind));
    std::uint64_t high = random() >> (64 - bits_of(kind));
    if (low > high) std::swap(low, high);
    if (i % 3 == 0) high = low + (random() >> 40);
    REQUIRE(look_up(reader, block_count, {kind, low, high}) == model.look_up({kind, low, high}));
  }
}

TEST_CASE("keys that are asked in ascending order read each chunk once") {
  Model model = make_model(3, 200, 200);
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), 200);
  for (const auto& [kind, values] : model.postings) {
    REQUIRE(values.size() > 50);
    for (const auto& [value, blocks] : values) {
      REQUIRE(look_up(reader, 200, {kind, value, value}).size() == blocks.size());
    }
  }
  constexpr std::uint64_t kBehindSections = 640;  // read with the header, and again as what they are
  CHECK(reader.bytes_read() <= reader.file_bytes() + kBehindSections);
}

TEST_CASE("each posting is stored once, in ascending order") {
  Model model = make_model(11, 50, 100);
  for (std::uint32_t block = 0; block < 50; ++block) {
    for (int i = 0; i < 5; ++i) model.builder.post({IndexKeyKind::kTunnelId, 0xfffffff0u}, block);
    model.postings[IndexKeyKind::kTunnelId][0xfffffff0u].insert(block);
  }
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), 50);
  std::vector<std::tuple<IndexKeyKind, std::uint64_t, std::uint32_t>> seen;
  REQUIRE(reader
              .for_each_posting([&](IndexKeyKind kind, std::uint64_t value, std::uint32_t block) {
                seen.emplace_back(kind, value, block);
              })
              .ok());
  CHECK(std::ranges::is_sorted(seen));
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
  std::size_t postings = 0;
  for (const auto& [kind, values] : model.postings) {
    for (const auto& [value, blocks] : values) postings += blocks.size();
  }
  CHECK(seen.size() == postings);
}

TEST_CASE("a list longer than a chunk is found whole, and so are its neighbours") {
  constexpr std::uint32_t kBlocks = 40'000;
  Model model;
  model.block_count = kBlocks;
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    if (block == 5) model.post(IndexKeyKind::kIpv4, 99, block);
    if (block % 7 != 3) model.post(IndexKeyKind::kIpv4, 100, block);
    if (block == 6) model.post(IndexKeyKind::kIpv4, 101, block);
  }
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), kBlocks);
  CHECK(reader.sections()[0].chunk_count > 3);
  CHECK(reader.sections()[0].keys == 3);
  for (std::uint64_t low = 98; low < 103; ++low) {
    for (std::uint64_t high = low; high < 103; ++high) {
      const IndexKeyRange range{IndexKeyKind::kIpv4, low, high};
      CHECK(look_up(reader, kBlocks, range) == model.look_up(range));
    }
  }
}

TEST_CASE("sparse lists with the greatest block numbers stay within a chunk's limit") {
  Model model;
  model.block_count = kSegmentBlocksMax;
  for (std::uint32_t block = 0; block < kSegmentBlocksMax; block += 16383) {
    model.post(IndexKeyKind::kIpv6, ~std::uint64_t{0}, block);
    model.post(IndexKeyKind::kFlow, (std::uint64_t{1} << 40) - 1, block);
  }
  model.post(IndexKeyKind::kIpv6, 0, kSegmentBlocksMax - 1);
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), model.block_count);
  for (const auto kind : {IndexKeyKind::kIpv6, IndexKeyKind::kFlow}) {
    const IndexKeyRange all{kind, 0, ~std::uint64_t{0}};
    CHECK(look_up(reader, model.block_count, all) == model.look_up(all));
  }
}

TEST_CASE("an index without postings answers with nothing") {
  Model model;
  const TemporaryFolder folder;
  IndexReader reader = open_index(write_index(folder, model), 1);
  CHECK(reader.sections().empty());
  CHECK(look_up(reader, 1, {IndexKeyKind::kFlow, 0, ~std::uint64_t{0}}).empty());
  CHECK(reader.file_bytes() == sizeof(IndexHeader));
}

TEST_CASE("a builder is empty after finish and its bytes depend on the postings alone") {
  IndexBuilder builder;
  builder.post({IndexKeyKind::kVlan, 5}, 0);
  builder.post({IndexKeyKind::kIpv6, 6}, 0);
  const ByteBuffer first = builder.finish(kId, 1);
  CHECK(builder.postings() == 0);
  builder.post({IndexKeyKind::kIpv6, 6}, 0);
  builder.post({IndexKeyKind::kVlan, 5}, 0);
  builder.post({IndexKeyKind::kVlan, 5}, 0);
  CHECK(builder.finish(kId, 1) == first);
}

TEST_CASE("sorting ahead changes nothing but when it is done") {
  const auto seed = GENERATE(range(1u, 7u));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  IndexBuilder builder;
  IndexBuilder ahead;
  constexpr std::uint32_t kBlocks = 400;
  const std::uint32_t sorted_at = seed == 1 ? 0 : static_cast<std::uint32_t>(random() % kBlocks);
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    if (block == sorted_at) ahead.sort_ahead();
    for (int i = 0; i < 50; ++i) {
      const IndexKeyKind kind = kKinds[random() % std::size(kKinds)];
      const IndexKey key{kind, random() % 256 << (bits_of(kind) - 8)};
      builder.post(key, block);
      ahead.post(key, block);
    }
  }
  CHECK(ahead.postings() == builder.postings());
  CHECK(ahead.finish(kId, kBlocks) == builder.finish(kId, kBlocks));
  CHECK(ahead.finish(kId, kBlocks) == builder.finish(kId, kBlocks));  // nothing stayed behind
}

TEST_CASE("a builder is full at its limit") {
  IndexBuilder builder;
  for (std::size_t i = 0; i + 1 < IndexBuilder::kPostingsMax; ++i) builder.post({IndexKeyKind::kVlan, 1}, 0);
  CHECK_FALSE(builder.full());
  builder.post({IndexKeyKind::kVlan, 1}, 0);
  CHECK(builder.full());
}

TEST_CASE("a look-up of one key reads little of a large index") {
  Model model = make_model(12, 2000, 100);
  const TemporaryFolder folder;
  const std::string path = write_index(folder, model);
  IndexReader reader = open_index(path, 2000);
  const std::uint64_t value = model.postings[IndexKeyKind::kFlow].rbegin()->first;
  look_up(reader, 2000, {IndexKeyKind::kFlow, value, value});
  CHECK(reader.bytes_read() < reader.file_bytes() / 10);
}

TEST_CASE("a hash is found by a piece of the directory as by all of it") {
  constexpr std::uint32_t kBlocks = 300;
  Model model;
  std::mt19937_64 random(21);
  for (int i = 0; i < 60'000; ++i)
    model.post(IndexKeyKind::kUid, random() >> 24, static_cast<std::uint32_t>(random() % kBlocks));
  model.block_count = kBlocks;
  const TemporaryFolder folder;
  const std::string path = write_index(folder, model);
  const auto& values = model.postings[IndexKeyKind::kUid];
  auto value = values.begin();
  int by_all = 0;  // those with which a chunk begins
  for (int i = 0; i < 500; ++i, std::advance(value, 100)) {
    IndexReader reader = open_index(path, kBlocks);
    const std::uint64_t opened_bytes = reader.bytes_read();
    BlockSet blocks(kBlocks, false);
    REQUIRE(reader.look_up_spread({IndexKeyKind::kUid, value->first}, blocks).ok());
    REQUIRE(blocks.numbers() == std::vector<std::uint32_t>(value->second.begin(), value->second.end()));
    if (reader.bytes_read() - opened_bytes > 768 + 4'200) ++by_all;
  }
  CHECK(by_all < 10);
  for (const std::uint64_t absent :
       {std::uint64_t{0}, (std::uint64_t{1} << 40) - 1, std::uint64_t{1} << 41}) {
    IndexReader reader = open_index(path, kBlocks);
    BlockSet blocks(kBlocks, false);
    REQUIRE(reader.look_up_spread({IndexKeyKind::kUid, absent}, blocks).ok());
    CHECK(blocks.count() == (values.contains(absent) ? 1 : 0));
  }
}

TEST_CASE("every changed byte of an index is an error, never another answer") {
  Model model = make_model(13, 30, 30);
  for (std::uint32_t block = 0; block < 30; ++block) model.post(IndexKeyKind::kIpProto, 6, block);
  const TemporaryFolder folder;
  const std::string path = write_index(folder, model);
  const ByteBuffer bytes = *read_file(path);
  const auto expected = read_everything(path, 30);
  REQUIRE(expected.ok());
  const std::string damaged_path = folder / "damaged.idx";
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    ByteBuffer damaged = bytes;
    damaged[at] ^= static_cast<std::uint8_t>(1 + at % 255);
    REQUIRE(File::create(damaged_path)->write_all(damaged).ok());
    const auto answer = read_everything(damaged_path, 30);
    CAPTURE(at);
    REQUIRE_FALSE(answer.ok());
    CHECK((answer.error().code == ErrorCode::kCorrupt || answer.error().code == ErrorCode::kUnsupported));
  }
}

TEST_CASE("an index that was cut or continued is refused when opened") {
  Model model = make_model(14, 5, 20);
  const TemporaryFolder folder;
  const ByteBuffer bytes = *read_file(write_index(folder, model));
  for (std::size_t size = 0; size <= bytes.size() + 1; ++size) {
    if (size == bytes.size()) continue;
    ByteBuffer changed = bytes;
    changed.resize(size);
    REQUIRE(File::create(folder / "cut.idx")->write_all(changed).ok());
    const Result<IndexReader> reader = IndexReader::open(folder / "cut.idx", kIdBytes, 5);
    REQUIRE_FALSE(reader.ok());
    CHECK(reader.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("an index of another segment, another length or a newer version is refused") {
  Model model = make_model(15, 5, 20);
  const TemporaryFolder folder;
  const std::string path = write_index(folder, model);
  std::uint8_t other[16] = {};
  CHECK(IndexReader::open(path, other, 5).error().code == ErrorCode::kCorrupt);
  CHECK(IndexReader::open(path, kIdBytes, 6).error().code == ErrorCode::kCorrupt);
  CHECK(IndexReader::open(folder / "none", kIdBytes, 5).error().code == ErrorCode::kNotFound);

  ByteBuffer bytes = *read_file(path);
  IndexHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  ++header.version;
  header.checksum = checksum_before(header, header.checksum);
  std::memcpy(bytes.data(), &header, sizeof header);
  REQUIRE(File::create(path)->write_all(bytes).ok());
  CHECK(IndexReader::open(path, kIdBytes, 5).error().code == ErrorCode::kUnsupported);
}
