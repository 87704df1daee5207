// Steps of an open segment's index: they save reading and never lose a frame, whatever they cover and however
// they are damaged.

#include <catch2/catch.hpp>
#include <filesystem>

#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/frame_keys.hpp"
#include "storage/index_builder.hpp"
#include "storage/recovery.hpp"
#include "tests/query/store_answer.hpp"
#include "tests/storage/traffic.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
namespace fs = std::filesystem;

namespace {

storage::FrameSegmentConfig one_segment(const storage::Store& store) {
  storage::FrameSegmentConfig config;
  config.directory = config.index_directory = store.packets_directory();
  config.block_bytes = 8 * 1024;
  config.lane_bits_max = 1;
  return config;
}

/// A store whose only segment is open and has some blocks.
class OpenSegment {
 public:
  OpenSegment() : writer_(one_segment(*store_)), pipeline_(writer_) {
    storage::Traffic traffic(77);
    must(pipeline_.append_all(traffic.take(4000)));
    const storage::ContainerReader reader = must(storage::ContainerReader::open(path()));
    std::ranges::copy(reader.header().segment_id, id_.begin());
    block_count_ = reader.block_count();
    REQUIRE(block_count_ >= 20);
  }

  const storage::Store& operator*() const { return *store_; }
  std::string path() const { return scan(*store_).segments.at(0).path; }
  std::uint32_t block_count() const { return block_count_; }
  const storage::SegmentId& id() const { return id_; }
  void publish() { must(writer_.finish()); }

  /// As the writer would make it.
  std::string add_step(std::uint32_t first, std::uint32_t end) {
    storage::IndexBuilder builder;
    for (std::uint32_t block = first; block < end; ++block) post(block, builder);
    const ByteBuffer index = builder.finish(id_, end);
    std::string path = store_.packets() + "/" + storage::step_name(id_, first, end);
    must(publish_file(path, index));
    return path;
  }

 private:
  void post(std::uint32_t number, storage::IndexBuilder& builder) {
    storage::ContainerReader reader = must(storage::ContainerReader::open(path()));
    storage::DecodedBlock block;
    must(reader.read_block(must(reader.entry(number)), number, block));
    std::vector<Frame> frames;
    must(storage::parse_frames(block, reader.header(), frames));
    for (const Frame& frame : frames) {
      PacketMeta meta;
      decode(frame, meta);
      const storage::FrameKeys keys =
          storage::collect_frame_keys(frame, meta, storage::frame_fingerprint(frame, meta));
      for (const storage::IndexKey index_key : keys.keys()) builder.post(index_key, number);
    }
  }

  TestStore store_;
  storage::FrameSegmentWriter writer_;
  storage::TestPipeline pipeline_;
  storage::SegmentId id_{};
  std::uint32_t block_count_ = 0;
};

const std::string kFilter = "host 10.0.0.7";

}  // namespace

TEST_CASE("names of steps") {
  storage::SegmentId id{};
  id[0] = 0xab;
  const std::string name = storage::step_name(id, 12, 300);
  CHECK(name == "open-ab000000000000000000000000000000.12-300.idx");
  const auto step = storage::parse_step_name(name);
  REQUIRE(step.has_value());
  CHECK(step->open_digits == "ab000000000000000000000000000000");
  CHECK(step->first_block == 12);
  CHECK(step->end_block == 300);
  for (const char* bad :
       {"open-ab000000000000000000000000000000.12-12.idx", "open-ab000000000000000000000000000000.13-12.idx",
        "open-ab000000000000000000000000000000.-1-12.idx",
        "open-ab000000000000000000000000000000.1-2.idx.tmp",
        "open-ab000000000000000000000000000000.1-99999999999.idx",
        "open-AB000000000000000000000000000000.1-2.idx", "open-ab0000000000000000000000000000.1-2.idx",
        "open-ab000000000000000000000000000000.12.idx", ""}) {
    CAPTURE(bad);
    CHECK_FALSE(storage::parse_step_name(bad).has_value());
  }
}

TEST_CASE("without steps all blocks of an open segment are read") {
  const OpenSegment segment;
  const Answer answer = extract(*segment, ask(kFilter));
  CHECK(answer.totals.blocks_in_steps == 0);
  CHECK(answer.totals.blocks_unindexed == segment.block_count());
  CHECK(answer.totals.blocks_hit == segment.block_count());
  CHECK(answer.warnings.empty());
  CHECK_FALSE(answer.frames.empty());
}

TEST_CASE("steps say where to look in the blocks that they cover; the others are read") {
  OpenSegment segment;
  const Answer expected = extract(*segment, ask(kFilter));
  const std::uint32_t end = segment.block_count();
  const std::vector<std::pair<std::uint32_t, std::uint32_t>> layouts[] = {
      {{0, end}}, {{0, 5}, {5, 12}}, {{3, 9}}, {{0, 1}, {end - 1, end}}, {{0, 5}, {5, 12}, {12, end}}};
  for (const auto& layout : layouts) {
    std::uint32_t covered = 0;
    std::vector<std::string> paths;
    for (const auto& [first, last] : layout) {
      paths.push_back(segment.add_step(first, last));
      covered += last - first;
    }
    CAPTURE(covered);
    const Answer answer = extract(*segment, ask(kFilter));
    CHECK(answer.frames == expected.frames);
    CHECK(answer.warnings.empty());
    CHECK(answer.totals.blocks_in_steps == covered);
    CHECK(answer.totals.blocks_unindexed == end - covered);
    CHECK(answer.totals.blocks_hit < end);
    for (const std::string& path : paths) fs::remove(path);
  }
}

TEST_CASE("a step covers its own blocks only, whatever else it names") {
  OpenSegment segment;
  const Answer expected = extract(*segment, ask(kFilter));
  segment.add_step(0, 12);
  fs::rename((*segment).packets_directory() + "/" + storage::step_name(segment.id(), 0, 12),
             (*segment).packets_directory() + "/" + storage::step_name(segment.id(), 6, 12));
  const Answer answer = extract(*segment, ask(kFilter));
  CHECK(answer.frames == expected.frames);
  CHECK(answer.totals.blocks_in_steps == 6);
}

TEST_CASE("steps that overlap, end behind the segment or belong to another one are not used") {
  OpenSegment segment;
  const Answer expected = extract(*segment, ask(kFilter));
  const std::string good = segment.add_step(0, 10);
  const std::string directory = (*segment).packets_directory() + "/";
  fs::copy_file(good, directory + storage::step_name(segment.id(), 5, 10));
  fs::copy_file(good, directory + storage::step_name(segment.id(), 12, segment.block_count() + 1));
  const Answer overlapping = extract(*segment, ask(kFilter));
  CHECK(overlapping.frames == expected.frames);
  CHECK(overlapping.totals.blocks_in_steps == 10);
  CHECK(overlapping.warnings.empty());
  OpenSegment other;
  fs::rename(other.add_step(10, 15), directory + storage::step_name(segment.id(), 10, 15));
  const Answer foreign = extract(*segment, ask(kFilter));
  CHECK(foreign.frames == expected.frames);
  CHECK(foreign.totals.blocks_in_steps == 10);
  CHECK(foreign.warnings.size() == 1);
}

TEST_CASE("a damaged step is a warning and a missing one nothing; both cost reading only") {
  OpenSegment segment;
  const Answer expected = extract(*segment, ask(kFilter));
  const std::string path = segment.add_step(2, 14);
  const auto bytes = fs::file_size(path);
  for (std::uintmax_t offset = 0; offset < bytes; offset += 61) {
    CAPTURE(offset);
    flip_byte(path, offset);
    const Answer answer = extract(*segment, ask(kFilter));
    CHECK(answer.frames == expected.frames);
    CHECK(answer.warnings.size() <= 1);
    CHECK(answer.totals.blocks_in_steps == (answer.warnings.empty() ? 12 : 0));
    flip_byte(path, offset);
  }
  const storage::Catalog listed = scan(*segment);
  REQUIRE(listed.segments.at(0).steps.size() == 1);
  fs::remove(path);
  const Plan plan = must(make_plan(listed, parse_filter(kFilter).index_query(), {}));
  CHECK(plan.warnings.empty());
  CHECK(plan.totals.blocks_unindexed == segment.block_count());
}

TEST_CASE("steps of a segment that was published do not matter, and recovery removes all steps") {
  OpenSegment segment;
  const std::string step = segment.add_step(0, 10);
  const std::string half =
      (*segment).packets_directory() + "/" + storage::open_name({}, storage::kPacketSuffix);
  must(publish_file(half, {}));
  SECTION("published") {
    segment.publish();
    const storage::Catalog catalog = scan(*segment);
    CHECK(catalog.strays == std::vector<std::string>{half, step});
    CHECK(extract(*segment, ask(kFilter)).totals.blocks_unindexed == 0);
    CHECK(must(storage::recover_store(*segment)).empty());
  }
  SECTION("recovered") {
    CHECK(scan(*segment).strays == std::vector<std::string>{half});
    CHECK(must(storage::recover_store(*segment)).size() == 1);
  }
  CHECK_FALSE(fs::exists(step));
  CHECK_FALSE(fs::exists(half));
  CHECK(scan(*segment).segments.size() == 1);
}
