#include "storage/block_codec.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "tests/storage/packet_blocks.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

/// Half noise, half repetition, so that zstd makes raw, compressed and run-length blocks.
ByteBuffer make_content(std::size_t bytes) {
  std::mt19937 random(static_cast<unsigned>(bytes));
  ByteBuffer content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    content[i] = static_cast<std::uint8_t>(i / 4096 % 2 == 0 ? random() : i / 65536);
  }
  return content;
}

/// Oracle: libzstd alone, told nothing but the frame.
void check_with_libzstd(const ByteBuffer& stored, const ByteBuffer& content) {
  CHECK(ZSTD_getFrameContentSize(stored.data(), stored.size()) == content.size());
  ByteBuffer decoded(content.size() + 1);
  const std::size_t bytes = ZSTD_decompress(decoded.data(), decoded.size(), stored.data(), stored.size());
  REQUIRE_FALSE(ZSTD_isError(bytes));
  decoded.resize(bytes);
  CHECK(decoded == content);
}

void check_round_trip(const EncodedBlock& block, const ByteBuffer& content) {
  const ByteBuffer stored = join(block);
  CHECK(block.raw_bytes == content.size());
  CHECK(block.stored_bytes == stored.size());
  CHECK(block.stored_bytes <= kBlockStoredBytesMax);
  CHECK(block.checksum == XXH3_64bits(stored.data(), stored.size()));
  check_with_libzstd(stored, content);
  ByteBuffer decoded(content.size());
  BlockDecoder decoder;
  const Status status = decoder.decode(stored, decoded);
  CHECK(status.ok());
  CHECK(decoded == content);
}

ErrorCode decode_error(const ByteBuffer& stored, std::size_t content_bytes) {
  BlockDecoder decoder;
  ByteBuffer content(content_bytes);
  const Status status = decoder.decode(stored, content);
  REQUIRE_FALSE(status.ok());
  return status.error().code;
}

}  // namespace

TEST_CASE("blocks of every size class survive, raw and compressed") {
  // 255, 256, 65791 and 65792 are the edges of zstd's content size fields; 128 KiB is that of its raw blocks.
  const std::uint32_t bytes = GENERATE(0u, 1u, 255u, 256u, 65791u, 65792u, 131071u, 131072u, 131073u, 262144u,
                                       262160u, 1000003u, kBlockRawBytesMax);
  CAPTURE(bytes);
  BlockEncoder encoder(bytes, 1);  // no larger than this block: its buffers must suffice
  const ByteBuffer content = make_content(bytes);
  check_round_trip(encoder.wrap_raw(content), content);
  Result<EncodedBlock> compressed = encoder.compress(content);
  REQUIRE(compressed.ok());
  check_round_trip(*compressed, content);
}

TEST_CASE("an encoder's next block does not depend on the one before") {
  BlockEncoder used(1 << 20, 1);
  BlockEncoder fresh(1 << 20, 1);
  const ByteBuffer large = make_content(300000);
  const ByteBuffer small = make_content(5000);
  REQUIRE(used.compress(large).ok());
  used.wrap_raw(large);
  CHECK(join(*used.compress(small)) == join(*fresh.compress(small)));
  CHECK(join(used.wrap_raw(small)) == join(fresh.wrap_raw(small)));
}

TEST_CASE("content larger than the encoder was made for is refused") {
  BlockEncoder encoder(1000, 1);
  std::mt19937 random(1);
  ByteBuffer noise(100000);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  CHECK_FALSE(encoder.compress(noise).ok());
}

TEST_CASE("every flipped bit of a stored block is found by the decoder or leaves the content unchanged") {
  BlockEncoder encoder(4096, 1);
  const ByteBuffer content = make_content(600);
  const bool raw = GENERATE(true, false);
  const ByteBuffer stored = raw ? join(encoder.wrap_raw(content)) : join(*encoder.compress(content));
  BlockDecoder decoder;
  for (std::size_t bit = 0; bit < stored.size() * 8; ++bit) {
    ByteBuffer damaged = stored;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    ByteBuffer decoded(content.size());
    // A frame header may lose its checksum flag and stay valid; the container's own checksum finds that.
    if (decoder.decode(damaged, decoded).ok()) CHECK(decoded == content);
  }
}

TEST_CASE("a stored block must be exactly one frame of the stated size") {
  BlockEncoder encoder(4096, 1);
  const ByteBuffer content = make_content(600);
  const ByteBuffer stored = join(*encoder.compress(content));
  CHECK(decode_error(stored, content.size() - 1) == ErrorCode::kCorrupt);
  CHECK(decode_error(stored, content.size() + 1) == ErrorCode::kCorrupt);
  for (std::size_t bytes = 0; bytes < stored.size(); ++bytes) {
    CHECK(decode_error(ByteBuffer(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(bytes)),
                       content.size()) == ErrorCode::kCorrupt);
  }
  ByteBuffer followed = stored;
  followed.push_back(0);
  CHECK(decode_error(followed, content.size()) == ErrorCode::kCorrupt);
  ByteBuffer twice = stored;
  put_bytes(twice, stored);
  CHECK(decode_error(twice, 2 * content.size()) == ErrorCode::kCorrupt);
}
