// A segment while it is being written, as live sources make them: index in steps, rotation without a frame,
// sync, and a disk that fails.

#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

#include "capture/packet/decode.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "storage/ring.hpp"
#include "tests/storage/index_check.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

using Posting = std::tuple<IndexKeyKind, std::uint64_t, std::uint32_t>;

/// Grants everything and knows what is still reserved.
class CountingSpace : public SegmentSpace {
 public:
  Result<std::string> reserve(const SegmentId& id, std::uint64_t) override {
    reserved.insert(id);
    return std::string();
  }
  void publish(const SegmentId& id, const std::string&, std::uint64_t) override { reserved.erase(id); }
  void give_up(const SegmentId& id, const Error&) override { reserved.erase(id); }
  std::set<SegmentId> reserved;
};

FrameSegmentConfig stepping(const std::string& directory) {
  FrameSegmentConfig config;
  config.directory = config.index_directory = directory;
  config.block_bytes = 4096;
  config.compress = false;
  config.index_step_bytes = 30'000;
  return config;
}

std::vector<std::string> step_files(const std::string& directory) {
  std::vector<std::string> steps;
  for (const std::string& path : list_files(directory, kIndexSuffix)) {
    if (path.find("/open-") != std::string::npos) steps.push_back(path);
  }
  return steps;
}

/// FIRST and END of `open-<id>.FIRST-END.idx`.
std::pair<std::uint32_t, std::uint32_t> step_range(const std::string& path) {
  unsigned first = 0;
  unsigned end = 0;
  const std::string tail = path.substr(path.find('.', path.rfind('/')));
  REQUIRE(std::sscanf(tail.c_str(), ".%u-%u.idx", &first, &end) == 2);
  return {first, end};
}

std::set<Posting> postings(const std::string& index_path, const SegmentId& id, std::uint32_t block_count) {
  std::uint8_t segment_id[16];
  std::ranges::copy(id, segment_id);
  Result<IndexReader> reader = IndexReader::open(index_path, segment_id, block_count);
  REQUIRE(reader.ok());
  std::set<Posting> all;
  REQUIRE(reader
              ->for_each_posting([&](IndexKeyKind kind, std::uint64_t value, std::uint32_t block) {
                all.insert({kind, value, block});
              })
              .ok());
  return all;
}

SegmentId segment_id_of(const std::string& path) {
  const Result<ContainerReader> reader = ContainerReader::open(path);
  REQUIRE(reader.ok());
  SegmentId id;
  std::ranges::copy(reader->header().segment_id, id.begin());
  return id;
}

void append_one(FrameSegmentWriter& writer, TestPipeline& pipeline, TimeNs order_ns) {
  TestFrame frame;
  frame.bytes = make_udp_frame(1, 2, 3, 4, 100);
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = order_ns;
  frame.order = {order_ns, 0};
  REQUIRE(pipeline.append(frame).ok());
  writer.lanes().seal_all();
}

}  // namespace

TEST_CASE("an open segment's index comes in steps, which say what the whole index says of their blocks") {
  Traffic traffic(21);
  const TemporaryFolder folder;
  FrameSegmentWriter writer(stepping(folder.path()));
  TestPipeline pipeline(writer);
  REQUIRE(pipeline.append_all(traffic.take(3000)).ok());
  const SegmentId id = segment_id_of(only_file(folder.path(), kOpenSuffix));
  const std::vector<std::string> steps = step_files(folder.path());
  REQUIRE(steps.size() > 3);
  std::vector<std::pair<std::uint32_t, std::set<Posting>>> of_steps;  // by first block
  for (const std::string& path : steps) {
    const auto [first, end] = step_range(path);
    CHECK(fs::path(path).filename().string() == step_name(id, first, end));
    const std::set<Posting> all = postings(path, id, end);
    for (const Posting& posting : all) {
      REQUIRE(std::get<2>(posting) >= first);
      REQUIRE(std::get<2>(posting) < end);
    }
    of_steps.push_back({first, all});
  }
  std::set<std::uint32_t> firsts;
  std::set<std::uint32_t> ends;
  for (const std::string& path : steps) {
    firsts.insert(step_range(path).first);
    ends.insert(step_range(path).second);
  }
  const std::uint32_t indexed = *ends.rbegin();
  firsts.insert(indexed);
  ends.insert(0);
  CHECK(firsts == ends);  // without gaps, from block 0 on

  REQUIRE(writer.finish().ok());
  CHECK(step_files(folder.path()).empty());
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  check_no_false_negative(segment);
  std::set<Posting> expected =
      postings(only_file(folder.path(), kIndexSuffix), id, ContainerReader::open(segment)->block_count());
  std::erase_if(expected, [&](const Posting& posting) { return std::get<2>(posting) >= indexed; });
  std::set<Posting> actual;
  for (const auto& [first, all] : of_steps) actual.insert(all.begin(), all.end());
  CHECK(actual == expected);
}

TEST_CASE("steps of a segment go when it is full, and the next one's begin at block 0") {
  Traffic traffic(22);
  const TemporaryFolder folder;
  FrameSegmentConfig config = stepping(folder.path());
  config.segment_bytes_max = 300'000;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  for (int i = 0; i < 40; ++i) {
    REQUIRE(pipeline.append_all(traffic.take(200)).ok());
    const std::vector<std::string> open = list_files(folder.path(), kOpenSuffix);
    const std::string id = open.empty() ? "none" : format_segment_id(segment_id_of(open[0]));
    for (const std::string& step : step_files(folder.path())) CHECK(step.find(id) != std::string::npos);
  }
  REQUIRE(writer.finish().ok());
  const std::vector<std::string> segments = list_files(folder.path(), kPacketSuffix);
  CHECK(segments.size() > 2);
  for (const std::string& path : segments) {
    CHECK(fs::file_size(path) +
              fs::file_size(path.substr(0, path.size() - kPacketSuffix.size()) + std::string(kIndexSuffix)) <=
          300'000);
  }
  CHECK(step_files(folder.path()).empty());
}

TEST_CASE("a step that cannot be written costs no block: what was stored is stored") {
  Traffic traffic(23);
  const TemporaryFolder folder;
  FrameSegmentConfig config = stepping(folder.path());
  config.index_directory = folder / "missing";
  CountingSpace space;
  FrameSegmentWriter writer(config, space);
  TestPipeline pipeline(writer);
  const std::vector<TestFrame> frames = traffic.take(3000);
  std::uint64_t accepted_frames = 0;
  // The writer's own words about each block: refused ones are the caller's to book as dropped.
  PacketBlock block(4096);
  SegmentWriter alone(config, space);
  std::uint32_t generation = 0;
  bool refused = false;
  for (const TestFrame& frame : frames) {
    if (block.generation() == 0) block.begin(++generation, 0, kLinkEthernet, false);
    if (!block.fits(frame.view())) {
      const bool written = alone.write(block).ok();
      CHECK_FALSE((written && refused));  // an error is final
      refused |= !written;
      accepted_frames += written ? block.info().frames : 0;
      block.begin(++generation, 0, kLinkEthernet, false);
    }
    block.append(frame.view());
  }
  CHECK(refused);
  CHECK(read_segment(only_file(folder.path(), kOpenSuffix)).size() == accepted_frames);
  CHECK(space.reserved.empty());
}

TEST_CASE("a segment is published when its time has come, without another frame") {
  const TemporaryFolder folder;
  FrameSegmentConfig config = stepping(folder.path());
  config.segment_duration_ns_max = 10 * kNsPerSecond;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  SegmentWriter& segments = writer.segments();
  CHECK(segments.rotate_if_old(100 * kNsPerSecond).ok());  // nothing is open
  append_one(writer, pipeline, 1000 * kNsPerSecond);
  CHECK(segments.rotate_if_old(1009 * kNsPerSecond).ok());
  CHECK(segments.rotate_if_old(0).ok());  // a clock that was turned back is no reason
  CHECK(segments.rotate_if_old(std::numeric_limits<TimeNs>::min()).ok());
  CHECK(segments.counters().segments_published == 0);
  CHECK(segments.rotate_if_old(1010 * kNsPerSecond).ok());
  CHECK(segments.counters().segments_published == 1);
  CHECK(list_files(folder.path(), kOpenSuffix).empty());
  append_one(writer, pipeline, 1010 * kNsPerSecond);
  REQUIRE(writer.finish().ok());
  CHECK(segments.counters().segments_published == 2);
}

TEST_CASE("a reservation ends with its segment, and with a segment that could not be opened") {
  const TemporaryFolder folder;
  const FrameSegmentConfig config = stepping(folder / "packets");
  CountingSpace space;
  SECTION("no folder") {
    FrameSegmentWriter writer(config, space);
    TestPipeline pipeline(writer);
    append_one(writer, pipeline, 1);
    CHECK_FALSE(writer.finish().ok());
  }
  SECTION("the folder goes while a segment is open") {
    fs::create_directory(config.directory);
    FrameSegmentWriter writer(config, space);
    TestPipeline pipeline(writer);
    append_one(writer, pipeline, 1);
    CHECK(space.reserved.size() == 1);
    fs::remove_all(config.directory);
    CHECK_FALSE(writer.finish().ok());
  }
  SECTION("all is well") {
    fs::create_directory(config.directory);
    FrameSegmentWriter writer(config, space);
    TestPipeline pipeline(writer);
    append_one(writer, pipeline, 1);
    CHECK(writer.finish().ok());
  }
  CHECK(space.reserved.empty());
}

TEST_CASE("a disk that takes no byte more is left without files of segments that never began") {
  const TemporaryFolder folder;
  const FrameSegmentConfig config = stepping(folder.path());
  CountingSpace space;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  int errors = 0;
  for (int i = 0; i < 3; ++i) {
    FrameSegmentWriter writer(config, space);
    TestPipeline pipeline(writer);
    append_one(writer, pipeline, 1);
    errors += writer.finish().ok() ? 0 : 1;
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(errors == 3);
  CHECK(fs::is_empty(folder.path()));
  CHECK(space.reserved.empty());
}
