// pcapng: blocks, interfaces, sections, and what is damage.

#include "capture/files/pcapng_reader.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

const ContractFrame kFrame{.bytes = {1, 2, 3, 4, 5}, .wire_bytes = 60};

/// A section with one interface; the offset of what comes next is the size of `bytes`.
PcapngImage begun(bool big_endian = false) {
  PcapngImage image;
  image.section(big_endian);
  image.interface(kLinkEthernet);
  return image;
}

void check_damage(const PcapngImage& image, std::size_t offset, const std::string& what,
                  ErrorCode code = ErrorCode::kCorrupt) {
  const Error error = error_of(image.bytes);
  CHECK(error.code == code);
  CHECK_THAT(error.context, Catch::StartsWith(fmt::format("image: offset {}: {}", offset, what)));
}

}  // namespace

TEST_CASE("interfaces have their own resolution, offset and link type") {
  for (const bool big_endian : {false, true}) {
    PcapngImage image;
    image.section(big_endian);
    image.interface(kLinkEthernet, 0, 9);
    image.interface(kLinkRaw, 0, 0x80 + 10);
    image.interface(kLinkNull, 0, 3, -1'000);
    image.interface(kLinkLoop, 0, 12, 1'700'000'000);
    std::vector<ContractFrame> frames(4, kFrame);
    image.enhanced(0, 1'767'225'600'123'456'789, frames[0]);
    image.enhanced(1, (5U << 10) + 512, frames[1]);
    image.enhanced(2, 999, frames[2]);
    image.enhanced(3, 1'999, frames[3]);
    const std::array<TimeNs, 4> times = {1'767'225'600'123'456'789, 5'500'000'000, -999'001'000'000,
                                         1'700'000'000'000'000'001};
    const std::array<std::uint16_t, 4> links = {kLinkEthernet, kLinkRaw, kLinkNull, kLinkLoop};
    for (std::uint16_t i = 0; i < 4; ++i) {
      frames[i].time_ns = times[i];
      frames[i].link_type = links[i];
      frames[i].port = i;
    }
    FrameSourceContract([&] { return open_image(image.bytes); }, frames).check();
  }
}

TEST_CASE("a section forgets the interfaces of the one before") {
  PcapngImage image = begun();
  image.enhanced(0, 1, kFrame);
  image.section(true);
  const std::size_t offset = image.bytes.size();
  image.enhanced(0, 2, kFrame);
  ContractFrame whole = kFrame;
  whole.time_ns = 1'000;
  FrameSourceContract([&] { return open_image(image.bytes); }, std::span(&whole, 1))
      .check_failure(
          {ErrorCode::kCorrupt,
           fmt::format("image: offset {}: a frame is from interface 0, but only 0 are described; 1 frames "
                       "before it are whole",
                       offset)});
}

TEST_CASE("a simple packet block is cut at the snap length of interface 0") {
  PcapngImage image;
  image.section(false);
  image.interface(kLinkRaw, 4);
  image.simple({.bytes = {1, 2, 3, 4}, .wire_bytes = 1'000});
  const std::unique_ptr<FrameSource> source = open_image(image.bytes);
  const Frame frame = only_frame(*source);
  CHECK(frame.captured_bytes == 4);
  CHECK(frame.wire_bytes == 1'000);
  CHECK(frame.time_ns == 0);
  CHECK(frame.link_type == kLinkRaw);
}

TEST_CASE("the port is the interface number modulo 65,536") {
  PcapngImage image;
  image.section(false);
  for (std::size_t i = 0; i < kPcapngInterfacesMax; ++i) image.interface(kLinkRaw);
  image.enhanced(65'535, 1, kFrame);
  const std::unique_ptr<FrameSource> source = open_image(image.bytes);
  CHECK(only_frame(*source).port == 65'535);
  const std::size_t offset = image.bytes.size();
  image.interface(kLinkRaw);
  check_damage(image, offset, "a section has more than 65536 interfaces", ErrorCode::kLimit);
}

TEST_CASE("a length without its padding is understood") {
  PcapngImage image = begun();
  const std::size_t at = image.bytes.size();
  image.block(0x0bad, std::array<std::uint8_t, 5>{});  // 20 bytes, of which 3 are padding
  image.bytes[at + 4] = 17;
  image.bytes[image.bytes.size() - 4] = 17;
  image.enhanced(0, 1, kFrame);
  CHECK(only_frame(*open_image(image.bytes)).captured_bytes == 5);
}

TEST_CASE("a block of 16 MiB is skipped, a longer one is damage") {
  PcapngImage image = begun();
  image.block(0x0bad, ByteBuffer(kRecordBytesMax - 12));
  image.enhanced(0, 7, kFrame);
  ContractFrame whole = kFrame;
  whole.time_ns = 7'000;
  FrameSourceContract([&] { return open_image(image.bytes); }, std::span(&whole, 1)).check();
  const std::size_t offset = image.bytes.size();
  image.block(0x0bad, ByteBuffer(kRecordBytesMax - 8));
  check_damage(image, offset, "a block claims 16777220 bytes, the limits are 12 and 16777216");
}

TEST_CASE("damaged blocks are named by their offset") {
  PcapngImage image = begun();
  const std::size_t at = image.bytes.size();
  SECTION("too short for any block") {
    image.enhanced(0, 1, kFrame);
    image.bytes[at + 4] = 8;
    check_damage(image, at, "a block claims 8 bytes, the limits are 12 and 16777216");
  }
  SECTION("the lengths differ") {
    image.enhanced(0, 1, kFrame);
    image.bytes[image.bytes.size() - 4] ^= 1;
    check_damage(image, at, "a block claims");
  }
  SECTION("too short for its type") {
    image.block(6, std::array<std::uint8_t, 16>{});
    check_damage(image, at, "a block of type 6 has 28 bytes, it needs 32");
  }
  SECTION("an interface block too short") {
    image.block(1, std::array<std::uint8_t, 4>{});
    check_damage(image, at, "a block of type 1 has 16 bytes, it needs 20");
  }
  SECTION("more captured bytes than the block has") {
    image.enhanced(0, 1, {.bytes = std::vector<std::uint8_t>(8), .wire_bytes = 8});
    image.bytes[at + 20] = 21;  // the options are 12 bytes: 8 + 12 would still lie inside the block
    check_damage(image, at, "a frame claims 21 captured bytes, its block has 20 and the maximum is 262144");
  }
  SECTION("more captured bytes than a frame may have") {
    image.enhanced(0, 1, {.bytes = std::vector<std::uint8_t>(kFrameBytesMax + 1), .wire_bytes = 1});
    check_damage(image, at, "a frame claims 262145 captured bytes");
  }
  SECTION("an unknown interface, in either packet block") {
    image.enhanced(1, 1, kFrame);
    check_damage(image, at, "a frame is from interface 1, but only 1 are described");
  }
  SECTION("an unknown interface, obsolete block") {
    image.obsolete(7, 1, kFrame);
    check_damage(image, at, "a frame is from interface 7, but only 1 are described");
  }
  SECTION("a byte-order magic that is none") {
    image.section(false);
    image.bytes[at + 8] = 0;
    check_damage(image, at, "the section header's byte-order magic is 0x1a2b3c00");
  }
  SECTION("a version of the future") {
    image.section(false, 3);
    check_damage(image, at, "pcapng version 1.3 is not known", ErrorCode::kUnsupported);
  }
  SECTION("a section header too short") {
    ByteBuffer body;
    image.put32(body, 0x1a2b'3c4d);
    image.block(0x0a0d'0d0a, body);
    check_damage(image, at, "a block of type 168627466 has 16 bytes, it needs 28");
  }
}

TEST_CASE("a simple packet block needs an interface") {
  PcapngImage image;
  image.section(false);
  const std::size_t at = image.bytes.size();
  image.simple(kFrame);
  check_damage(image, at, "a simple packet block without an interface");
}

TEST_CASE("options that change times must be whole") {
  const auto with_options = [](std::span<const std::uint16_t> words) {
    PcapngImage image = begun();
    ByteBuffer body(8);
    for (const std::uint16_t word : words) image.put16(body, word);
    image.block(1, body);
    return image;
  };
  const std::size_t at = begun().bytes.size();
  check_damage(with_options(std::array<std::uint16_t, 4>{9, 2, 0, 0}), at,
               "option 9 of an interface has 2 bytes");
  check_damage(with_options(std::array<std::uint16_t, 4>{14, 4, 0, 0}), at,
               "option 14 of an interface has 4 bytes");
  check_damage(with_options(std::array<std::uint16_t, 4>{2, 5, 0, 0}), at,
               "option 2 of an interface has 5 bytes");
  check_damage(with_options(std::array<std::uint16_t, 2>{9, 1}), at, "option 9 of an interface has 1 bytes");
  // What follows the end of options is not looked at, and a list may lack its end.
  for (const auto& words :
       {std::vector<std::uint16_t>{0, 0, 9, 2}, std::vector<std::uint16_t>{2, 4, 0x4142, 0x4344}}) {
    PcapngImage image = with_options(words);
    image.enhanced(1, 5, kFrame);
    CHECK(only_frame(*open_image(image.bytes)).time_ns == 5'000);
  }
}

TEST_CASE("a long run of blocks without frames does not hold a poll up") {
  PcapngImage image = begun();
  const ByteBuffer body(1 << 20);
  for (int i = 0; i < 40; ++i) image.block(0x0bad, body);
  image.enhanced(0, 1, kFrame);
  const std::unique_ptr<FrameSource> source = open_image(image.bytes);
  std::array<Frame, 4> frames;
  int polls = 0;
  for (std::uint32_t found = 0; found == 0; ++polls) {
    const Result<PollResult> polled = source->poll(frames);
    REQUIRE(polled.ok());
    REQUIRE((polled->frames > 0 || !polled->end));
    found = polled->frames;
  }
  CHECK(polls == 3);
}
