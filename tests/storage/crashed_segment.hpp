#pragma once
// An open segment as a killed writer leaves it, for tests of what recovery makes of it.

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "storage/recovery.hpp"
#include "tests/storage/sample_container.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

namespace tapline::storage {

inline const std::string kOpenFile = "open-00000000000000000000000000000000.pcap.zst.open";

/// An open segment as a killed writer leaves it: some complete blocks, nothing behind them but padding if
/// each was synced.
struct CrashedSegment {
  TemporaryFolder folder;
  ByteBuffer bytes;
  std::vector<std::size_t> starts;  // of each block
  std::vector<std::size_t> ends;    // of the segment header and of each block
  std::vector<StoredFrame> frames;

  using AfterBlock = FrameSegmentConfig::AfterBlock;
  explicit CrashedSegment(std::size_t frame_count = 400, std::uint32_t block_bytes = 8192,
                          AfterBlock after_block = AfterBlock::kFlush) {
    FrameSegmentConfig config;
    config.directory = config.index_directory = folder.path();
    config.block_bytes = block_bytes;
    config.after_block = after_block;
    FrameSegmentWriter writer(config);
    TestPipeline pipeline(writer);
    Traffic traffic(30);
    REQUIRE(pipeline.append_all(traffic.take(frame_count)).ok());
    const std::string path = only_file(folder.path(), kOpenSuffix);
    bytes = *read_file(path);
    frames = read_segment(path);
    const Result<ContainerReader> reader = ContainerReader::open(path);
    ends.push_back(kFirstBlockOffset);
    for (std::uint32_t i = 0; i < reader->block_count(); ++i) {
      const BlockEntry block = *reader->entry(i);
      starts.push_back(block.file_offset);
      ends.push_back(block.file_offset + total_bytes(block.extension_bytes, block.stored_bytes));
    }
    REQUIRE(ends.back() == reader->complete_bytes());
    REQUIRE(ends.size() > 4);
    if (after_block != AfterBlock::kSync) bytes.resize(ends.back());  // less what fills the sector
    std::filesystem::remove(path);
  }

  std::uint32_t complete_blocks(std::size_t size) const {
    return static_cast<std::uint32_t>(
               std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; })) -
           1;
  }
};

inline RecoveredFile recover(const std::string& path, std::string_view suffix = kPacketSuffix) {
  Result<RecoveredFile> recovered = recover_file(real_disk(), path, suffix);
  if (!recovered) FAIL(recovered.error().context);
  return *recovered;
}

/// The recovered segment holds exactly the frames of the first `blocks` blocks, and is whole.
inline void check_recovered(const CrashedSegment& crashed, const RecoveredFile& recovered,
                            std::uint32_t blocks) {
  CHECK(recovered.blocks_kept == blocks);
  const std::vector<StoredFrame> stored = read_segment(recovered.final_path);
  REQUIRE(stored.size() == recovered.frames_kept);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    REQUIRE(stored[i].bytes == crashed.frames[i].bytes);
    REQUIRE(stored[i].time_ns == crashed.frames[i].time_ns);
    REQUIRE(stored[i].order == crashed.frames[i].order);
  }
  CHECK((stored.size() == crashed.frames.size() || crashed.frames[stored.size()].block == blocks));
  const Result<ContainerReader> reader = ContainerReader::open(recovered.final_path);
  CHECK(reader->footer().end_state == kEndRecovered);
  CHECK(reader->footer().torn_bytes == recovered.torn_bytes);
  CHECK(reader->footer().block_count == blocks);
  Result<IndexReader> index =
      IndexReader::open(index_path_of(recovered.final_path), reader->header().segment_id, blocks);
  REQUIRE(index.ok());
  CHECK(index->for_each_posting([](IndexKeyKind, std::uint64_t, std::uint32_t) {}).ok());
}

}  // namespace tapline::storage
