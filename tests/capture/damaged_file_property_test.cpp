// Files cut at every byte, and files with random bytes changed: what is whole comes out, and every source
// ends.

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <random>

#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

struct Image {
  ByteBuffer bytes;
  std::vector<std::size_t> record_ends;  // of everything after which a file may end
  std::vector<std::size_t> frame_ends;
  std::size_t header_bytes = 0;
};

Image small_pcap(const PcapStyle& style, std::span<const ContractFrame> frames) {
  Image image;
  image.bytes = pcap_header(style);
  image.header_bytes = image.bytes.size();
  image.record_ends.push_back(image.bytes.size());
  for (const ContractFrame& frame : frames) {
    put_pcap_record(image.bytes, style, {1, 0}, frame);
    image.record_ends.push_back(image.bytes.size());
    image.frame_ends.push_back(image.bytes.size());
  }
  return image;
}

Image small_pcapng(bool big_endian, std::span<const ContractFrame> frames) {
  PcapngImage made;
  Image image;
  const auto end_record = [&] { image.record_ends.push_back(made.bytes.size()); };
  made.section(big_endian);
  image.header_bytes = 4;  // from its magic number on it is a pcapng file
  end_record();
  made.interface(kLinkEthernet, 0, 9, 5);
  end_record();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i % 3 == 1) {
      made.obsolete(0, i, frames[i]);
    } else {
      made.enhanced(0, i, frames[i]);
    }
    end_record();
    image.frame_ends.push_back(made.bytes.size());
    made.block(0x0bad, std::array<std::uint8_t, 2>{1, 2});
    end_record();
  }
  image.bytes = made.bytes;
  return image;
}

template <class Range>
std::size_t count_up_to(const Range& sorted, std::size_t limit) {
  return static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), limit) - sorted.begin());
}

struct Outcome {
  std::uint64_t frames = 0;
  std::optional<Error> error;
};

/// Polls to the end and touches every byte that is handed out, so that sanitizers see them.
Outcome read_all(Result<std::unique_ptr<FrameSource>> source) {
  if (!source) return {0, source.error()};
  std::array<Frame, 3> frames;
  std::uint64_t sum = 0;
  for (;;) {
    const Result<PollResult> polled = (*source)->poll(frames);
    const std::uint64_t count = (*source)->counters().polled_frames;
    if (!polled) return {count, polled.error()};
    for (const Frame& frame : std::span(frames).first(polled->frames)) {
      for (const std::uint8_t byte : Bytes(frame.data, frame.captured_bytes)) sum += byte;
    }
    if (polled->end) return {count + (sum == ~std::uint64_t{0}), std::nullopt};
  }
}

void check_every_cut(const Image& image) {
  for (std::size_t cut = 0; cut <= image.bytes.size(); ++cut) {
    const ByteBuffer part(image.bytes.begin(), image.bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    const Outcome outcome = read_all(try_open(part));
    const std::size_t frames = count_up_to(image.frame_ends, cut);
    if (outcome.frames != frames)
      FAIL("cut at " << cut << ": " << outcome.frames << " frames, not " << frames);
    const std::size_t records = count_up_to(image.record_ends, cut);
    const bool at_border = records > 0 && image.record_ends[records - 1] == cut;
    if (at_border != !outcome.error)
      FAIL("cut at " << cut << ": error where there is none, or none where one is");
    if (at_border || cut < image.header_bytes) continue;
    const std::size_t offset = records > 0 ? image.record_ends[records - 1] : 0;
    const std::string begin = fmt::format("image: offset {}: the file ends within", offset);
    const std::string end = fmt::format("; {} frames before it are whole", frames);
    CHECK(outcome.error->code == ErrorCode::kCorrupt);
    CHECK_THAT(outcome.error->context, Catch::StartsWith(begin) && Catch::EndsWith(end));
  }
}

}  // namespace

TEST_CASE("a file cut at any byte gives its whole frames, then the offset of the cut record") {
  const std::vector<ContractFrame> frames = random_frames(11, 12, 40);
  for (const std::uint32_t magic : {0xa1b2'c3d4U, 0xa1b2'3c4dU, 0xa1b2'cd34U}) {
    for (const bool big_endian : {false, true}) {
      check_every_cut(small_pcap({.big_endian = big_endian, .magic = magic}, frames));
    }
  }
  check_every_cut(small_pcap({.version_minor = 2}, frames));
  for (const bool big_endian : {false, true}) check_every_cut(small_pcapng(big_endian, frames));
}

TEST_CASE("a compressed file cut at any byte gives frames and an error, never more than were there") {
  const std::vector<ContractFrame> frames = random_frames(12, 40, 60);
  const ByteBuffer plain = pcap_image(frames, {});
  for (const ByteBuffer& image : {gzip(plain), gzip(plain, 4), zstd(plain), zstd(plain, 4, true)}) {
    std::size_t good_ends = 0;
    std::uint64_t most = 0;
    for (std::size_t cut = 0; cut <= image.size(); ++cut) {
      const ByteBuffer part(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(cut));
      const Outcome outcome = read_all(try_open(part));
      if (outcome.frames < most) FAIL("cut at " << cut << ": fewer frames than before");
      most = outcome.frames;
      good_ends += outcome.error ? 0 : 1;
    }
    CHECK(most == frames.size());
    // Whole members may happen to end with a record; a cut elsewhere is never taken for an end.
    CHECK(good_ends >= 1);
    CHECK(good_ends <= 7);
  }
}

TEST_CASE("files with random bytes changed are read to an end or an error") {
  constexpr std::uint64_t kSeed = 99;
  INFO("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::vector<ContractFrame> frames = random_frames(13, 20, 60);
  const std::vector<ByteBuffer> images = {
      small_pcap({}, frames).bytes,
      small_pcap({.big_endian = true, .magic = 0xa1b2'cd34}, frames).bytes,
      small_pcapng(false, frames).bytes,
      small_pcapng(true, frames).bytes,
      gzip(small_pcapng(false, frames).bytes, 2),
      zstd(small_pcap({}, frames).bytes, 3, true),
  };
  std::size_t survived = 0;
  for (int round = 0; round < 6'000; ++round) {
    ByteBuffer image = images[random() % images.size()];
    for (std::uint64_t changes = random() % 6 + 1; changes > 0; --changes) {
      image[random() % image.size()] =
          static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 3 - 1);
    }
    if (random() % 4 == 0) image.resize(random() % image.size());
    const Outcome outcome = read_all(try_open(image));
    survived += outcome.error ? 0 : 1;
  }
  CHECK(survived > 0);
  CHECK(survived < 6'000);
}
