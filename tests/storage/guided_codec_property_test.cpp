// Flow-guided blocks of made-up conversations: what libzstd and BlockDecoder read is what was put in.

#include <zstd.h>

#include <catch2/catch.hpp>

#include "storage/block_codec.hpp"
#include "tests/storage/packet_blocks.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

struct Sums {
  std::size_t raw_bytes = 0;
  std::size_t stored_bytes = 0;
  std::size_t hints = 0;
};

/// Oracles: libzstd, told nothing but the frame, and BlockDecoder, which checks zstd's checksum, too.
Sums check_blocks(const BlockKeeper& keeper, BlockEncoder& encoder) {
  Sums sums;
  BlockDecoder decoder;
  for (const PacketBlock* block : keeper.sent) {
    const ByteBuffer content(block->content().begin(), block->content().end());
    Result<EncodedBlock> encoded = encoder.compress_guided(content, block->hints());
    REQUIRE(encoded.ok());
    CHECK(encoded->codec == kCodecGuided);
    const ByteBuffer stored = join(*encoded);
    CHECK(stored.size() <= BlockEncoder::stored_bytes_max(content.size()));
    CHECK(ZSTD_getFrameContentSize(stored.data(), stored.size()) == content.size());
    ByteBuffer decoded(content.size());
    REQUIRE(ZSTD_decompress(decoded.data(), decoded.size(), stored.data(), stored.size()) == content.size());
    CHECK(decoded == content);
    std::ranges::fill(decoded, std::uint8_t{0});
    CHECK(decoder.decode(stored, decoded).ok());
    CHECK(decoded == content);
    sums.raw_bytes += content.size();
    sums.stored_bytes += stored.size();
    for (const HeaderHint hint : block->hints()) sums.hints += hint.back_bytes != 0 ? 1 : 0;
  }
  return sums;
}

}  // namespace

TEST_CASE("flow-guided blocks of any size are ordinary zstd frames, and come back as they were") {
  const auto seed = GENERATE(range(1u, 25u));
  CAPTURE(seed);
  Traffic choice(seed);
  LanePackerConfig config;
  config.block_bytes = static_cast<std::uint32_t>(2048u << choice.number(11));  // to 2 MiB
  config.lane_bits_max = static_cast<unsigned>(choice.number(3));
  BlockKeeper keeper(config.block_bytes);
  const bool mixed = seed % 4 == 0;
  fill_blocks(mixed ? choice.take(3000) : make_conversations(seed, 3000), config, keeper);
  BlockEncoder encoder(std::max(config.block_bytes, kBlockBufferBytesMin), 1);
  const Sums sums = check_blocks(keeper, encoder);
  CAPTURE(config.block_bytes, sums.raw_bytes, sums.stored_bytes, sums.hints);
  CHECK(sums.hints > 100);
  if (config.block_bytes >= 32 * 1024) CHECK(sums.stored_bytes < sums.raw_bytes);
}

TEST_CASE("headers of a flow cost a fraction of themselves") {
  std::vector<TestFrame> frames;
  for (TimeNs i = 0; i < 3000; ++i) {
    TestFrame frame;
    frame.bytes = make_udp_frame(0x0a000001, 0x0a000002, static_cast<std::uint16_t>(i % 3), 53, 0);
    frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
    frame.time_ns = i * 12'345;
    frame.opaque = true;
    frames.push_back(std::move(frame));
  }
  number_frames(frames);
  BlockKeeper keeper(256 * 1024);
  fill_blocks(frames, {}, keeper);
  BlockEncoder encoder(kBlockBufferBytesMin, 1);
  const Sums sums = check_blocks(keeper, encoder);
  CHECK(sums.raw_bytes == 3000 * 58);
  CHECK(sums.stored_bytes < sums.raw_bytes / 4);
}

TEST_CASE("frames behind the last hint of a block are literal") {
  BlockKeeper keeper(64 * 1024);  // 1,024 hints, 3,000 records of 20 bytes
  std::vector<TestFrame> frames(3000);
  for (TestFrame& frame : frames) {
    frame.bytes.assign(4, 1);
    frame.wire_bytes = 4;
  }
  number_frames(frames);
  fill_blocks(frames, {}, keeper);
  REQUIRE(keeper.sent.size() == 1);
  CHECK(keeper.sent[0]->info().frames == 3000);
  CHECK(keeper.sent[0]->hints().size() == 1024);
  BlockEncoder encoder(kBlockBufferBytesMin, 1);
  check_blocks(keeper, encoder);
}

TEST_CASE("hints of another block do no harm") {
  BlockKeeper keeper(32 * 1024);
  fill_blocks(make_conversations(77, 2000), {}, keeper);
  REQUIRE(keeper.sent.size() > 3);
  BlockEncoder encoder(kBlockBufferBytesMin, 1);
  BlockDecoder decoder;
  for (std::size_t i = 1; i < keeper.sent.size(); ++i) {
    const Bytes content = keeper.sent[i]->content();
    Result<EncodedBlock> encoded = encoder.compress_guided(content, keeper.sent[i - 1]->hints());
    REQUIRE(encoded.ok());
    ByteBuffer decoded(content.size());
    CHECK(decoder.decode(join(*encoded), decoded).ok());
    CHECK(std::ranges::equal(decoded, content));
  }
}
