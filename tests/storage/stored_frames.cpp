#include "tests/storage/stored_frames.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/block_frames.hpp"
#include "storage/container_reader.hpp"

namespace tapline::storage {

std::vector<StoredFrame> read_segment(const std::string& path) {
  Result<ContainerReader> reader = ContainerReader::open(path);
  INFO(path);
  if (!reader) FAIL(reader.error().context);
  std::vector<StoredFrame> stored;
  DecodedBlock block;
  std::vector<Frame> frames;
  for (std::uint32_t number = 0; number < reader->block_count(); ++number) {
    const Result<BlockEntry> entry = reader->entry(number);
    REQUIRE(entry.ok());
    const Status read = reader->read_block(*entry, number, block);
    if (!read) FAIL(read.error().context);
    const Status parsed = parse_frames(block, reader->header(), frames);
    if (!parsed) FAIL(parsed.error().context);
    for (const Frame& frame : frames) {
      stored.push_back({ByteBuffer(frame.data, frame.data + frame.captured_bytes), frame.time_ns,
                        frame.wire_bytes, frame.order, number, entry->lane});
    }
  }
  return stored;
}

std::vector<std::string> list_files(const std::string& directory, std::string_view suffix) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().ends_with(suffix)) paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string only_file(const std::string& directory, std::string_view suffix) {
  const std::vector<std::string> paths = list_files(directory, suffix);
  REQUIRE(paths.size() == 1);
  return paths.front();
}

std::vector<StoredFrame> read_directory(const std::string& directory) {
  std::vector<StoredFrame> stored;
  for (const std::string& path : list_files(directory, kPacketSuffix)) {
    for (StoredFrame& frame : read_segment(path)) stored.push_back(std::move(frame));
  }
  std::ranges::sort(stored, {}, &StoredFrame::order);
  return stored;
}

void write_segments(const std::string& directory, const std::vector<TestFrame>& frames,
                    FrameSegmentConfig config) {
  config.directory = directory;
  config.index_directory = directory;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  const Status appended = pipeline.append_all(frames);
  if (!appended) FAIL(appended.error().context);
  const Status finished = writer.finish();
  if (!finished) FAIL(finished.error().context);
}

bool same_frame(const StoredFrame& stored, const TestFrame& frame) {
  return stored.bytes == frame.bytes && stored.time_ns == frame.time_ns &&
         stored.wire_bytes == frame.wire_bytes && stored.order == frame.order;
}

}  // namespace tapline::storage
