#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/recovery.hpp"
#include "tests/storage/frame_segment_writer.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

TestFrame make_frame(TimeNs time_ns, std::size_t payload_bytes = 20, std::uint16_t port = 1000) {
  TestFrame frame;
  frame.bytes = make_udp_frame(0x0a000001, 0x0a000002, port, 53, payload_bytes);
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = time_ns;
  return frame;
}

/// Stores, reads back and compares; returns the number of blocks.
std::uint32_t check_stored(std::vector<TestFrame> frames, const FrameSegmentConfig& config = {}) {
  number_frames(frames);
  const TemporaryFolder folder;
  write_segments(folder.path(), frames, config);
  const std::vector<StoredFrame> stored = read_directory(folder.path());
  REQUIRE(stored.size() == frames.size());
  std::set<std::pair<std::string, std::uint32_t>> blocks;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    CAPTURE(i);
    REQUIRE(same_frame(stored[i], frames[i]));
  }
  std::uint32_t block_count = 0;
  for (const std::string& path : list_files(folder.path(), kPacketSuffix)) {
    block_count += ContainerReader::open(path)->block_count();
  }
  return block_count;
}

}  // namespace

TEST_CASE("all frames come back, in the order of arrival, with their times and lengths") {
  const auto seed = GENERATE(range(1u, 9u));
  CAPTURE(seed);
  Traffic traffic(seed);
  FrameSegmentConfig config;
  config.block_bytes = static_cast<std::uint32_t>(4096 << traffic.number(6));
  config.lane_bits_max = static_cast<unsigned>(traffic.number(5));
  config.compress = traffic.number(2) == 0;
  config.segment_bytes_max = 200'000 + traffic.number(5'000'000);
  check_stored(traffic.take(4000), config);
}

TEST_CASE("frames with equal times keep their order") {
  std::vector<TestFrame> frames;
  for (std::uint16_t i = 0; i < 500; ++i)
    frames.push_back(make_frame(7, i, static_cast<std::uint16_t>(i % 7)));
  check_stored(frames);
}

TEST_CASE("times that run backwards are kept, and so is the order of arrival") {
  std::vector<TestFrame> frames;
  for (std::int64_t i = 0; i < 300; ++i) frames.push_back(make_frame(1'000'000'000 - i * 1'000'003));
  check_stored(frames);
}

TEST_CASE("times before 1970 and after 2106 survive the pcap record's 32 bits of seconds") {
  const TimeNs base = GENERATE(-3 * kNsPerSecond, -5'000'000'000 * kNsPerSecond, 4'294'967'290 * kNsPerSecond,
                               9'000'000'000 * kNsPerSecond, INT64_MIN, INT64_MAX - 40 * kNsPerSecond);
  std::vector<TestFrame> frames;
  for (TimeNs i = 0; i < 30; ++i) frames.push_back(make_frame(base + i * 999'999'999));
  check_stored(frames);
}

TEST_CASE("jumps over decades within a segment begin a new block, not a wrong time") {
  FrameSegmentConfig config;
  config.segment_duration_ns_max = INT64_MAX;
  constexpr TimeNs kDecadesNs = ((TimeNs{1} << 30) - 1) * kNsPerSecond;  // 34 years
  const std::vector<std::vector<TimeNs>> clocks = {
      {0, 2 * kDecadesNs, 0, 2 * kDecadesNs},           // 68 years there and back
      {3 * kDecadesNs, 2 * kDecadesNs, kDecadesNs, 0},  // each step alone would fit
      {0, -kDecadesNs, kDecadesNs, -2 * kDecadesNs, 5},
      {INT64_MIN, INT64_MAX, INT64_MIN, 0, INT64_MAX},
  };
  for (const std::vector<TimeNs>& times : clocks) {
    std::vector<TestFrame> frames;
    for (const TimeNs time_ns : times) frames.push_back(make_frame(time_ns));
    CHECK(check_stored(frames, config) > 1);
  }
}

TEST_CASE("random clocks never change a time") {
  Traffic traffic(77);
  std::vector<TestFrame> frames;
  for (int i = 0; i < 500; ++i) {
    frames.push_back(make_frame(static_cast<TimeNs>(traffic.random()()) >> traffic.number(40)));
  }
  FrameSegmentConfig config;
  config.segment_duration_ns_max = INT64_MAX;
  check_stored(frames, config);
}

TEST_CASE("frames of no bytes and of the greatest length are stored whole, in any block size") {
  const std::uint32_t block_bytes = GENERATE(1u, 4096u, 262144u, 1u << 20);
  std::vector<TestFrame> frames;
  for (TimeNs i = 0; i < 12; ++i) {
    TestFrame frame = make_frame(i, 100);
    frame.bytes.resize(i % 3 == 0 ? 0 : i % 3 == 1 ? kFrameBytesMax : 60, 0x7e);
    frame.wire_bytes = i % 3 == 1 ? 300'000 : static_cast<std::uint32_t>(frame.bytes.size());
    frames.push_back(frame);
  }
  FrameSegmentConfig config;
  config.block_bytes = block_bytes;
  check_stored(frames, config);
}

TEST_CASE("cut frames are counted, and the wire length is kept even where it is too small") {
  const TemporaryFolder folder;
  std::vector<TestFrame> frames{make_frame(1), make_frame(2), make_frame(3)};
  frames[1].bytes.resize(30);
  frames[1].cut = true;
  frames[2].wire_bytes = 4;  // less than captured: some sources say so
  number_frames(frames);
  write_segments(folder.path(), frames);
  const Result<ContainerReader> reader = ContainerReader::open(only_file(folder.path(), kPacketSuffix));
  CHECK(reader->footer().frames == 3);
  CHECK(reader->footer().cut_frames == 1);
  CHECK(reader->footer().captured_bytes == frames[0].bytes.size() + 30 + frames[2].bytes.size());
  CHECK(reader->footer().wire_bytes == frames[0].wire_bytes + std::uint64_t{frames[1].wire_bytes} + 4);
  CHECK(same_frame(read_directory(folder.path())[2], frames[2]));
}

TEST_CASE("a segment and its index together stay within their byte limit") {
  Traffic traffic(3);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.segment_bytes_max = 100'000;
  config.block_bytes = 4096;
  config.compress = false;
  write_segments(folder.path(), traffic.take(5000), config);
  const std::vector<std::string> segments = list_files(folder.path(), kPacketSuffix);
  CHECK(segments.size() > 5);
  std::size_t small = 0;
  for (const std::string& path : segments) {
    const std::uint64_t bytes =
        std::filesystem::file_size(path) + std::filesystem::file_size(index_path_of(path));
    CHECK(bytes <= 100'000);
    small += bytes < 60'000 ? 1 : 0;
  }
  CHECK(small <= 1);  // the last; the others use what they may, so far as it can be told beforehand
}

TEST_CASE("a segment ends after its duration in order time") {
  std::vector<TestFrame> frames;
  for (TimeNs second = 0; second < 100; ++second) frames.push_back(make_frame(second * kNsPerSecond));
  frames[55].time_ns = 0;  // a frame from the past does not end a segment and does not prolong it
  number_frames(frames);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.segment_duration_ns_max = 10 * kNsPerSecond;
  write_segments(folder.path(), frames, config);
  CHECK(list_files(folder.path(), kPacketSuffix).size() == 10);
  CHECK(read_directory(folder.path()).size() == 100);
}

TEST_CASE("segments of a writer are chained by id and root") {
  Traffic traffic(4);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.segment_bytes_max = 100'000;
  config.sensor_id = 77;
  config.port = 2;
  config.worker = 3;
  write_segments(folder.path(), traffic.take(3000), config);
  std::vector<std::string> paths = list_files(folder.path(), kPacketSuffix);
  std::map<std::string, SegmentHeader> by_previous;
  std::map<std::string, FooterHeader> footers;
  for (const std::string& path : paths) {
    const Result<ContainerReader> reader = ContainerReader::open(path);
    const SegmentHeader& header = reader->header();
    CHECK(header.kind == kKindPackets);
    CHECK(header.sensor_id == 77);
    CHECK(header.port == 2);
    CHECK(header.worker == 3);
    CHECK(header.snap_length == kFrameBytesMax);
    by_previous[std::string(std::begin(header.previous_segment_id), std::end(header.previous_segment_id))] =
        header;
    footers[std::string(std::begin(header.segment_id), std::end(header.segment_id))] = reader->footer();
  }
  std::string id(16, '\0');
  std::size_t linked = 0;
  for (auto next = by_previous.find(id); next != by_previous.end(); next = by_previous.find(id), ++linked) {
    const SegmentHeader& header = next->second;
    CHECK(header.previous_state == (linked == 0 ? kPreviousNone : kPreviousClosed));
    if (linked > 0) CHECK(std::ranges::equal(header.previous_root, footers[id].root));
    id.assign(std::begin(header.segment_id), std::end(header.segment_id));
    REQUIRE(linked < paths.size());
  }
  CHECK(linked == paths.size());
}

TEST_CASE("a segment is published with its index, and nothing else stays behind") {
  Traffic traffic(5);
  const TemporaryFolder folder;
  write_segments(folder.path(), traffic.take(100));
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  const std::string index = only_file(folder.path(), kIndexSuffix);
  CHECK(segment.substr(0, segment.size() - kPacketSuffix.size()) ==
        index.substr(0, index.size() - kIndexSuffix.size()));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("the index is there before the segment has its final name") {
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.directory = folder.path();
  config.index_directory = folder / "missing";
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  REQUIRE(pipeline.append(make_frame(1)).ok());
  CHECK_FALSE(writer.finish().ok());
  CHECK(list_files(folder.path(), kPacketSuffix).empty());
  CHECK(read_segment(only_file(folder.path(), kOpenSuffix)).size() == 1);
}

TEST_CASE("few frames make few blocks: lanes unfold as the segment fills") {
  Traffic traffic(6);
  CHECK(check_stored(traffic.take(200)) <= 2);  // one lane of each class
  FrameSegmentConfig config;
  config.block_bytes = 4096;
  const TemporaryFolder folder;
  write_segments(folder.path(), traffic.take(5000), config);
  std::set<std::uint16_t> lanes;
  for (const StoredFrame& frame : read_directory(folder.path())) lanes.insert(frame.lane);
  CHECK(lanes.size() > 8);
}

TEST_CASE("frames of opaque flows go to opaque lanes, small ones, too") {
  std::vector<TestFrame> frames;
  for (TimeNs i = 0; i < 40; ++i) {
    frames.push_back(make_frame(i, i % 2 == 0 ? 500 : 10));
    frames.back().opaque = i % 4 < 2;
  }
  number_frames(frames);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.lane_bits_max = 2;
  write_segments(folder.path(), frames, config);
  std::size_t opaque = 0;
  for (const StoredFrame& frame : read_directory(folder.path())) opaque += frame.lane >= 4 ? 1 : 0;
  CHECK(opaque == 20);
}

TEST_CASE("a flow keeps its lane while its block lasts") {
  Traffic traffic(8);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.block_bytes = 64 * 1024;
  const std::vector<TestFrame> frames = traffic.take(3000);
  std::vector<TestFrame> mixed;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    mixed.push_back(frames[i]);
    mixed.push_back(make_frame(frames[i].time_ns, 50));  // one busy flow among many
  }
  number_frames(mixed);
  write_segments(folder.path(), mixed, config);
  const ByteBuffer busy = make_frame(0, 50).bytes;
  std::set<std::uint32_t> blocks;
  for (const StoredFrame& frame : read_directory(folder.path())) {
    if (frame.bytes == busy) blocks.insert(frame.block);
  }
  // 3,000 records of 108 bytes need 5 blocks of their own; sharing a lane that folds costs some more.
  CHECK(blocks.size() < 30);
}

TEST_CASE("nothing is written when there was nothing to store") {
  const TemporaryFolder folder;
  write_segments(folder.path(), {});
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a refused reservation stops the writer with its error, for good") {
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder.path();
  std::uint64_t asked_bytes = 0;
  FrameSegmentWriter writer(config, [&](std::uint64_t bytes) -> Status {
    asked_bytes = bytes;
    return Error{ErrorCode::kLimit, "no room"};
  });
  TestPipeline pipeline(writer);
  REQUIRE(pipeline.append(make_frame(1)).ok());  // space is asked for when a block is written
  writer.lanes().seal_all();
  CHECK(pipeline.append(make_frame(2)).error().context == "no room");
  CHECK(asked_bytes >= config.segment_bytes_max);
  CHECK(writer.segments().finish().error().context == "no room");
  CHECK(writer.finish().error().code == ErrorCode::kLimit);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("counters tell blocks, segments and bytes") {
  Traffic traffic(9);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder.path();
  config.block_bytes = 16384;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  REQUIRE(pipeline.append_all(traffic.take(3000)).ok());
  REQUIRE(writer.finish().ok());
  const std::string segment = only_file(folder.path(), kPacketSuffix);
  const Result<ContainerReader> reader = ContainerReader::open(segment);
  const SegmentWriterCounters& counters = writer.counters();
  CHECK(counters.segments_published == 1);
  const PacketEncoderCounters& encoding = counters.encoding;
  CHECK(encoding.blocks_compressed + encoding.blocks_guided == reader->block_count());
  CHECK(encoding.blocks_compressed > 0);
  CHECK(encoding.blocks_guided > 0);
  CHECK(encoding.blocks_raw == 0);
  CHECK(encoding.blocks_verified == reader->block_count());
  CHECK(counters.index_bytes == std::filesystem::file_size(only_file(folder.path(), kIndexSuffix)));
  CHECK(counters.stored_bytes > reader->footer().stored_bytes);
  CHECK(counters.stored_bytes < std::filesystem::file_size(segment));
}

TEST_CASE("a clear lane that does not compress goes without a search for a while and is tried again") {
  Traffic traffic(10);
  std::vector<TestFrame> frames;
  for (TimeNs i = 0; i < 400; ++i) {
    frames.push_back(make_frame(i, 9000));
    for (std::size_t at = 42; at < frames.back().bytes.size(); ++at) {
      frames.back().bytes[at] = static_cast<std::uint8_t>(traffic.random()());
    }
  }
  number_frames(frames);
  const TemporaryFolder folder;
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder.path();
  config.block_bytes = 32768;
  config.lane_bits_max = 0;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  REQUIRE(pipeline.append_all(frames).ok());
  REQUIRE(writer.finish().ok());
  const PacketEncoderCounters& encoding = writer.counters().encoding;
  CHECK(encoding.blocks_compressed > 5);
  CHECK(encoding.blocks_guided > 6 * encoding.blocks_compressed);
}
