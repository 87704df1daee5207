#include "tests/storage/index_check.hpp"

#include <catch2/catch.hpp>

#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "tests/storage/stored_frames.hpp"

namespace tapline::storage {
namespace {

struct ExpectedPosting {
  IndexKey key;
  std::uint32_t block;
};

/// Full scan: every key of every frame, and the block it lies in.
std::vector<ExpectedPosting> scan_keys(const std::string& segment_path) {
  std::vector<ExpectedPosting> expected;
  for (const StoredFrame& frame : read_segment(segment_path)) {
    const FrameKeys keys = keys_of(frame.bytes);
    for (const IndexKey key : keys.keys()) expected.push_back({key, frame.block});
  }
  return expected;
}

}  // namespace

FrameKeys keys_of(const ByteBuffer& bytes) {
  TestFrame frame;
  frame.bytes = bytes;
  frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  const Frame view = frame.view();
  PacketMeta meta;
  decode(view, meta);
  return collect_frame_keys(view, meta, frame_fingerprint(view, meta));
}

void check_no_false_negative(const std::string& segment_path) {
  const Result<ContainerReader> segment = ContainerReader::open(segment_path);
  Result<IndexReader> index =
      IndexReader::open(index_path_of(segment_path), segment->header().segment_id, segment->block_count());
  REQUIRE(index.ok());
  for (const ExpectedPosting& posting : scan_keys(segment_path)) {
    BlockSet blocks(segment->block_count(), false);
    REQUIRE(index->look_up({posting.key.kind, posting.key.value, posting.key.value}, blocks).ok());
    CAPTURE(static_cast<int>(posting.key.kind), posting.key.value, posting.block);
    REQUIRE(blocks.contains(posting.block));
  }
}

}  // namespace tapline::storage
