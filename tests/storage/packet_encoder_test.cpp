// What is chosen by lane and effort, and what becomes of blocks that are encoded wrongly.

#include "storage/packet_encoder.hpp"

#include <catch2/catch.hpp>

#include "tests/storage/packet_blocks.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kBlockBytes = 32 * 1024;

enum class Fault { kFlippedBit, kOtherContent, kCutShort, kTooLong, kRefusal };

/// An encoder that goes wrong at one block.
class FaultyEncoder : public BlockEncoder {
 public:
  FaultyEncoder(Fault fault, std::size_t at_block)
      : BlockEncoder(kBlockBufferBytesMin, 1), fault_(fault), at_block_(at_block) {}

  Result<EncodedBlock> compress(Bytes content) override { return spoil(BlockEncoder::compress(content)); }
  Result<EncodedBlock> compress_guided(Bytes content, std::span<const HeaderHint> hints) override {
    if (fault_ == Fault::kOtherContent && blocks_ == at_block_) {
      ByteBuffer other(content.begin(), content.end());
      other.back() ^= 1;  // a frame that is right in itself
      return spoil(BlockEncoder::compress_guided(other, hints));
    }
    return spoil(BlockEncoder::compress_guided(content, hints));
  }

 private:
  Result<EncodedBlock> spoil(Result<EncodedBlock> encoded) {
    if (blocks_++ != at_block_) return encoded;
    spoiled_.clear();
    for (const Bytes piece : encoded->pieces) put_bytes(spoiled_, piece);
    switch (fault_) {
      case Fault::kFlippedBit:
        spoiled_[spoiled_.size() / 2] ^= 4;
        break;
      case Fault::kOtherContent:
        break;
      case Fault::kCutShort:
        spoiled_.pop_back();
        --encoded->stored_bytes;
        break;
      case Fault::kTooLong:
        spoiled_.resize(2 * kBlockBufferBytesMin);
        break;
      case Fault::kRefusal:
        return Error{ErrorCode::kIo, "no memory"};
    }
    piece_ = spoiled_;
    encoded->pieces = {&piece_, 1};
    return encoded;
  }

  Fault fault_;
  std::size_t at_block_;
  std::size_t blocks_ = 0;
  ByteBuffer spoiled_;
  Bytes piece_;
};

std::vector<TestFrame> opaque_frames(std::size_t count) {
  std::vector<TestFrame> frames = make_conversations(5, count);
  for (TestFrame& frame : frames) frame.opaque = true;
  return frames;
}

PacketEncoder make_encoder(std::uint32_t verify_interval = 64, bool compress = true) {
  return {{kBlockBufferBytesMin, 1, compress, verify_interval},
          std::make_unique<BlockEncoder>(kBlockBufferBytesMin, 1)};
}

}  // namespace

TEST_CASE("lane and effort choose the codec, and each effort is counted") {
  BlockKeeper keeper(kBlockBytes);
  fill_blocks(make_conversations(3, 2000), {}, keeper);
  PacketEncoder encoder = make_encoder();
  std::uint64_t blocks = 0;
  for (const PacketBlock* block : keeper.sent) {
    ++blocks;
    CHECK(encoder.encode(*block, WriteEffort::kRaw).codec == kCodecRaw);
    CHECK(encoder.encode(*block, WriteEffort::kGuided).codec == kCodecGuided);
    if (block->opaque()) CHECK(encoder.encode(*block, WriteEffort::kNormal).codec == kCodecGuided);
    if (block->opaque()) CHECK(encoder.encode(*block, WriteEffort::kLowerLevel).codec == kCodecGuided);
  }
  REQUIRE(blocks > 10);
  CHECK(encoder.counters().blocks_hurried == blocks);
  CHECK(encoder.counters().blocks_raw == blocks);
  CHECK(encoder.counters().blocks_lowered > blocks);
  CHECK(encoder.counters().blocks_misencoded == 0);
}

TEST_CASE("a lower effort stores clear blocks in more bytes, and the next normal one as before") {
  Traffic traffic(4);
  std::vector<TestFrame> frames = traffic.take(3000);
  for (TestFrame& frame : frames) frame.opaque = false;
  BlockKeeper keeper(64 * 1024);
  fill_blocks(frames, {}, keeper);
  const PacketBlock& block = *keeper.sent.front();
  PacketEncoder encoder = make_encoder();
  const std::uint32_t normal = encoder.encode(block, WriteEffort::kNormal).stored_bytes;
  const EncodedBlock lower = encoder.encode(block, WriteEffort::kLowerLevel);
  CHECK(lower.codec == kCodecZstd);
  CHECK(lower.stored_bytes > normal);
  const std::uint32_t guided = encoder.encode(block, WriteEffort::kGuided).stored_bytes;
  CHECK(guided > lower.stored_bytes);
  CHECK(encoder.encode(block, WriteEffort::kRaw).stored_bytes > guided);
  CHECK(encoder.encode(block, WriteEffort::kNormal).stored_bytes == normal);
}

TEST_CASE("a store that does not compress counts no effort") {
  BlockKeeper keeper(kBlockBytes);
  fill_blocks(make_conversations(3, 500), {}, keeper);
  PacketEncoder encoder = make_encoder(64, false);
  for (const WriteEffort effort : {WriteEffort::kNormal, WriteEffort::kLowerLevel, WriteEffort::kRaw})
    CHECK(encoder.encode(*keeper.sent.front(), effort).codec == kCodecRaw);
  CHECK(encoder.counters().blocks_lowered + encoder.counters().blocks_hurried == 0);
}

TEST_CASE("the first block of each lane is decoded again, and then one in so many") {
  BlockKeeper keeper(kBlockBytes);
  LanePackerConfig lanes;
  lanes.lane_bits_max = 0;
  fill_blocks(make_conversations(8, 3000), lanes, keeper);
  std::uint64_t blocks[2] = {};
  for (const PacketBlock* block : keeper.sent) ++blocks[block->info().lane];
  REQUIRE(blocks[0] > 15);
  REQUIRE(blocks[1] > 15);
  for (const std::uint32_t interval : {1u, 2u, 7u, 1000u}) {
    CAPTURE(interval);
    PacketEncoder encoder = make_encoder(interval);
    for (const PacketBlock* block : keeper.sent) encoder.encode(*block, WriteEffort::kNormal);
    CHECK(encoder.counters().blocks_verified ==
          (blocks[0] + interval - 1) / interval + (blocks[1] + interval - 1) / interval);
    CHECK(encoder.counters().blocks_misencoded == 0);
    CHECK_FALSE(encoder.take_error());
  }
}

TEST_CASE(
    "a block that was encoded wrongly is stored raw, counted and reported, and all others are looked at") {
  const Fault fault =
      GENERATE(Fault::kFlippedBit, Fault::kOtherContent, Fault::kCutShort, Fault::kTooLong, Fault::kRefusal);
  CAPTURE(static_cast<int>(fault));
  const std::vector<TestFrame> frames = opaque_frames(2000);
  SegmentWriterConfig config;
  const TemporaryFolder folder;
  config.directory = config.index_directory = folder.path();
  config.block_bytes = kBlockBytes;
  config.verify_interval = 4;  // the first of the lane, the fifth, ...
  TestSpace space;
  SegmentWriter writer(config, space, std::make_unique<FaultyEncoder>(fault, 4));
  BlockKeeper keeper(kBlockBytes);
  LanePackerConfig lanes;
  lanes.lane_bits_max = 0;
  lanes.block_bytes = kBlockBytes;
  fill_blocks(frames, lanes, keeper);
  REQUIRE(keeper.sent.size() > 10);
  std::size_t errors = 0;
  for (const PacketBlock* block : keeper.sent) {
    REQUIRE(writer.write(*block).ok());
    errors += writer.take_encoding_error() ? 1 : 0;
  }
  REQUIRE(writer.finish().ok());
  CHECK(errors == 1);
  const PacketEncoderCounters& counters = writer.counters().encoding;
  CHECK(counters.blocks_misencoded == 1);
  CHECK(counters.blocks_raw == 1);
  CHECK(counters.blocks_guided + counters.blocks_compressed == keeper.sent.size() - 1);
  const std::size_t looked_at_before = fault == Fault::kRefusal ? 1 : 2;
  CHECK(counters.blocks_verified == looked_at_before + keeper.sent.size() - 5);
  const std::vector<StoredFrame> stored = read_directory(folder.path());
  REQUIRE(stored.size() == frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) CHECK(stored[i].bytes == frames[i].bytes);
}
