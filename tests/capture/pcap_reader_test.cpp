// The variants of the classic format, field by field.

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

const ContractFrame kFrame{.bytes = {1, 2, 3, 4, 5, 6}, .wire_bytes = 60};

ByteBuffer one_record(const PcapStyle& style, RawTime time, const ContractFrame& frame = kFrame) {
  ByteBuffer image = pcap_header(style);
  put_pcap_record(image, style, time, frame);
  return image;
}

TimeNs time_of(const PcapStyle& style, RawTime time) {
  const ByteBuffer image = one_record(style, time);
  return only_frame(*open_image(image)).time_ns;
}

}  // namespace

TEST_CASE("odd times keep their instant") {
  const PcapStyle micro;
  const PcapStyle nano{.magic = 0xa1b2'3c4d};
  CHECK(time_of(micro, {0, 0}) == 0);
  CHECK(time_of(micro, {1, 999'999}) == 1'999'999'000);
  CHECK(time_of(nano, {1, 999'999'999}) == 1'999'999'999);
  CHECK(time_of(micro, {UINT32_MAX, 0}) == 4'294'967'295 * kNsPerSecond);
  // A fraction beyond a second, as one capture in the wild has it.
  CHECK(time_of(micro, {1'714'546'080, 1'653'292}) == 1'714'546'081'653'292'000);
  // Negative fractions; 32 bits of nanoseconds would overflow in the second.
  CHECK(time_of(micro, {100, static_cast<std::uint32_t>(-1'404'616)}) == 98'595'384'000);
  CHECK(time_of(micro, {0, 0x8000'0000}) == -2'147'483'648'000);
  CHECK(time_of(nano, {0, static_cast<std::uint32_t>(-1)}) == -1);
}

TEST_CASE("the link type is the low half of its field") {
  for (const std::uint32_t network : {113U, 0x3000'0071U, 0xf400'0071U}) {
    const ByteBuffer image = one_record({.network = network}, {1, 0});
    CHECK(only_frame(*open_image(image)).link_type == kLinkLinuxSll);
  }
  const ByteBuffer image = one_record({.big_endian = true, .network = 276}, {1, 0});
  CHECK(only_frame(*open_image(image)).link_type == kLinkLinuxSll2);
}

TEST_CASE("old versions exchange captured and wire length") {
  struct Row {
    std::uint16_t major, minor;
    bool exchanged;
  };
  for (const bool big_endian : {false, true}) {
    for (const Row row : {Row{2, 0, true}, Row{2, 2, true}, Row{2, 3, true}, Row{2, 3, false},
                          Row{2, 4, false}, Row{543, 0, true}}) {
      const PcapStyle style{.big_endian = big_endian,
                            .version_major = row.major,
                            .version_minor = row.minor,
                            .lengths_exchanged = row.exchanged};
      const ByteBuffer image = one_record(style, {1, 0});
      const std::unique_ptr<FrameSource> source = open_image(image);
      const Frame frame = only_frame(*source);
      CHECK(frame.captured_bytes == 6);
      CHECK(frame.wire_bytes == 60);
    }
  }
}

TEST_CASE("a wire length below the captured one is kept") {
  const ByteBuffer image = one_record({}, {1, 0}, {.bytes = {1, 2, 3}, .wire_bytes = 1});
  const std::unique_ptr<FrameSource> source = open_image(image);
  const Frame frame = only_frame(*source);
  CHECK(frame.captured_bytes == 3);
  CHECK(frame.wire_bytes == 1);
}

TEST_CASE("unknown versions are not guessed at") {
  for (const auto& [major, minor] : {std::pair{1, 4}, std::pair{2, 5}, std::pair{3, 0}, std::pair{543, 1}}) {
    const Error error = error_of(pcap_header({.version_major = static_cast<std::uint16_t>(major),
                                              .version_minor = static_cast<std::uint16_t>(minor)}));
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK(error.context == fmt::format("image: offset 4: pcap version {}.{} is not known", major, minor));
  }
}

TEST_CASE("a record longer than any frame is damage, at its offset") {
  for (const bool big_endian : {false, true}) {
    const PcapStyle style{.big_endian = big_endian};
    const std::vector<ContractFrame> whole = random_frames(5, 100, 50);
    ByteBuffer image = pcap_image(whole, style);
    const std::size_t offset = image.size();
    put_pcap_record(image, style, {1, 0},
                    {.bytes = std::vector<std::uint8_t>(kFrameBytesMax + 1), .wire_bytes = 1});
    FrameSourceContract([&] { return open_image(image); }, whole)
        .check_failure(
            {ErrorCode::kCorrupt,
             fmt::format("image: offset {}: a record claims 262145 captured bytes, the maximum is 262144; "
                         "100 frames before it are whole",
                         offset)});
  }
}

TEST_CASE("the snap length of the file header does not cut frames") {
  ByteBuffer image = one_record({}, {1, 0});
  image[16] = 2;  // snap length 2
  image[17] = image[18] = 0;
  CHECK(only_frame(*open_image(image)).captured_bytes == 6);
}
