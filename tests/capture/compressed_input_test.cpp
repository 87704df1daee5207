// gzip and zstd: what was good before the damage comes out, then the error.

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

struct Outcome {
  std::uint64_t frames = 0;
  Error error;
  bool failed = false;
};

Outcome read_all(Bytes image) {
  Outcome outcome;
  Result<std::unique_ptr<FrameSource>> source = try_open(image);
  if (!source) return {0, source.error(), true};
  std::array<Frame, kBurstFramesMax> frames;
  for (;;) {
    const Result<PollResult> polled = (*source)->poll(frames);
    outcome.frames = (*source)->counters().polled_frames;
    if (!polled) return {outcome.frames, polled.error(), true};
    if (polled->end) return outcome;
  }
}

}  // namespace

TEST_CASE("compression is found by content") {
  CHECK(sniff_compression(gzip({})) == Compression::kGzip);
  CHECK(sniff_compression(zstd({})) == Compression::kZstd);
  CHECK(sniff_compression(zstd({}, 1, true)) == Compression::kZstd);
  CHECK(sniff_compression(pcap_header({})) == Compression::kNone);
  CHECK(sniff_compression(Bytes{}) == Compression::kNone);
}

TEST_CASE("padding with zeroes after gzip data is no damage, anything else is") {
  const std::vector<ContractFrame> frames = random_frames(1, 50, 100);
  ByteBuffer image = gzip(pcap_image(frames, {}));
  const std::size_t end = image.size();
  image.resize(end + 1'000'000);
  CHECK_FALSE(read_all(image).failed);
  CHECK(read_all(image).frames == 50);
  image.resize(end + 10);
  put_bytes(image, gzip({}));
  CHECK(read_all(image).frames == 50);
  image.resize(end + 10);
  image.push_back(0x1f);
  const Outcome cut = read_all(image);
  CHECK(cut.failed);
  CHECK(cut.frames == 50);
  CHECK(cut.error.context ==
        fmt::format("image: offset {}: bytes after the gzip data are not gzip; 50 frames before "
                    "it are whole",
                    end + 10));
}

TEST_CASE("a wrong checksum is told after the frames") {
  const std::vector<ContractFrame> frames = random_frames(2, 300, 1'000);
  ByteBuffer gz = gzip(pcap_image(frames, {}));
  gz[gz.size() - 8] ^= 1;
  const Outcome gzip_outcome = read_all(gz);
  CHECK(gzip_outcome.frames == 300);
  CHECK_THAT(gzip_outcome.error.context, Catch::Contains("gzip: incorrect data check; 300 frames"));

  ByteBuffer zst = zstd(pcap_image(frames, {}));
  zst.back() ^= 1;
  const Outcome zstd_outcome = read_all(zst);
  CHECK(zstd_outcome.frames == 300);
  CHECK_THAT(zstd_outcome.error.context, Catch::Contains("zstd: ") && Catch::Contains("; 300 frames"));
}

TEST_CASE("damage in a later block of zstd does not cost the blocks before it") {
  // 4 MiB of which a half cannot be compressed: 128 KiB blocks, each of about 64 KiB.
  const std::vector<ContractFrame> frames = random_frames(3, 4'000, 2'000);
  const ByteBuffer plain = pcap_image(frames, {});
  ByteBuffer image = zstd(plain);
  const std::size_t at = image.size() * 3 / 4;
  for (std::size_t i = 0; i < 64; ++i) image[at + i] ^= 0xa5;
  const Outcome outcome = read_all(image);
  CHECK(outcome.failed);
  // Blocks are 128 KiB: at most two of them around the damage may be missing.
  const auto frames_in_block = static_cast<std::uint64_t>((128 << 10) / 900);
  CHECK(outcome.frames > frames.size() * 3 / 4 - 2 * frames_in_block);
  CHECK(outcome.frames < frames.size());
}

TEST_CASE("bytes after zstd data that are not zstd are damage") {
  const std::vector<ContractFrame> frames = random_frames(4, 50, 100);
  ByteBuffer image = zstd(pcap_image(frames, {}));
  put_bytes(image, std::array<std::uint8_t, 5>{'t', 'r', 'a', 's', 'h'});
  const Outcome outcome = read_all(image);
  CHECK(outcome.frames == 50);
  CHECK(outcome.error.code == ErrorCode::kCorrupt);
}

TEST_CASE("a zstd window beyond the limit is refused before it is allocated") {
  // A frame header (RFC 8878, 3.1.1): no single segment, window descriptor 27 << 3: 2^37 bytes.
  const std::array<std::uint8_t, 9> image = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 27 << 3, 0x01, 0x00, 0x00};
  const Outcome outcome = read_all(image);
  CHECK(outcome.failed);
  CHECK(outcome.error.code == ErrorCode::kUnsupported);
}

TEST_CASE("input that brings no output is read up to a limit in one call") {
  const std::vector<ContractFrame> frames = random_frames(5, 50, 100);
  const auto image_with = [&frames](std::size_t idle_bytes, bool gzipped) {
    if (gzipped) {  // padding
      ByteBuffer image = gzip(pcap_image(frames, {}));
      image.resize(image.size() + idle_bytes);
      return zstd(image);
    }
    ByteBuffer image = zstd(pcap_image(frames, {}));
    for (std::size_t bytes = 0; bytes < idle_bytes; bytes += 1 << 20) {
      const std::size_t end = image.size();
      image.resize(end + (1 << 20));  // a skippable frame (RFC 8878, 3.1.2)
      store_le(image.data() + end, std::uint32_t{0x184d'2a50});
      store_le(image.data() + end + 4, std::uint32_t{(1 << 20) - 8});
    }
    return gzip(image);
  };
  for (const bool gzipped : {true, false}) {
    CAPTURE(gzipped);
    CHECK_FALSE(read_all(image_with(kOutputlessBytesMax - (1 << 20), gzipped)).failed);
    const Outcome outcome = read_all(image_with(kOutputlessBytesMax + (2 << 20), gzipped));
    CHECK(outcome.frames == 50);
    CHECK(outcome.failed);
    CHECK(outcome.error.code == ErrorCode::kLimit);
    CHECK_THAT(outcome.error.context, Catch::Contains("16.0 MiB of compressed data without content"));
  }
}

TEST_CASE("a third layer of compression is refused") {
  const ByteBuffer image = gzip(zstd(gzip(pcap_header({}))));
  CHECK_FALSE(read_all(zstd(gzip(pcap_header({})))).failed);
  const Outcome outcome = read_all(image);
  CHECK(outcome.error.code == ErrorCode::kUnsupported);
  CHECK_THAT(outcome.error.context, Catch::Contains("is compressed more than 2 times"));
}
