// Every format variant keeps the contract of FrameSource, from memory, in pieces and compressed.

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "capture/files/file_source.hpp"
#include "tests/capture/capture_image.hpp"
#include "tests/capture/memory_source.hpp"

using namespace tapline;

namespace {

/// More than four windows of frames, and one of the longest frames that there may be.
std::vector<ContractFrame> many_frames() {
  std::vector<ContractFrame> frames = random_frames(1, 1'500, 3'000);
  frames[700].bytes.assign(kFrameBytesMax, 0x5a);
  frames[700].wire_bytes = kFrameBytesMax;
  return frames;
}

struct Case {
  std::string name;
  ByteBuffer image;
  std::vector<ContractFrame> frames;
};

std::vector<Case> pcap_cases() {
  std::vector<Case> cases;
  for (const std::uint32_t magic : {0xa1b2'c3d4U, 0xa1b2'3c4dU, 0xa1b2'cd34U}) {
    for (const bool big_endian : {false, true}) {
      const PcapStyle style{.big_endian = big_endian, .magic = magic};
      cases.push_back({fmt::format("pcap {:08x} big endian {}", magic, big_endian), {}, many_frames()});
      if (magic == 0xa1b2'3c4d) {
        for (ContractFrame& frame : cases.back().frames) frame.time_ns += 7;
      }
      cases.back().image = pcap_image(cases.back().frames, style);
    }
  }
  return cases;
}

/// Two sections of different byte order; interfaces that differ in link type and resolution; all packet
/// blocks.
Case pcapng_case() {
  Case made{"pcapng", {}, many_frames()};
  PcapngImage image;
  image.section(false);
  image.interface(kLinkEthernet);
  image.interface(kLinkRaw, 0, 9);
  image.block(5, std::array<std::uint8_t, 12>{});  // interface statistics
  for (std::size_t i = 0; i < made.frames.size(); ++i) {
    ContractFrame& frame = made.frames[i];
    if (i == made.frames.size() / 2) {
      image.section(true, 2);
      image.interface(kLinkLinuxSll, 0, 6);
      image.block(0x0bad, std::array<std::uint8_t, 3>{1, 2, 3});
      image.interface(kLinkRaw, 0, 9);
    }
    frame.port = i % 2;
    frame.link_type = frame.port == 1 ? kLinkRaw : i < made.frames.size() / 2 ? kLinkEthernet : kLinkLinuxSll;
    const auto unit_ns = static_cast<TimeNs>(frame.port == 1 ? 1 : 1'000);
    const auto count = static_cast<std::uint64_t>(frame.time_ns / unit_ns);
    if (i % 10 == 3) {
      image.obsolete(frame.port, count, frame);
    } else if (i % 10 == 4) {
      frame.time_ns = 0;
      frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
      image.simple(frame);
    } else {
      image.enhanced(frame.port, count, frame);
    }
  }
  made.image = image.bytes;
  return made;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = pcap_cases();
  cases.push_back(pcapng_case());
  const Case plain = cases.front();
  const Case pcapng = cases.back();
  cases.push_back({"gzip", gzip(plain.image), plain.frames});
  cases.push_back({"gzip, 3 members", gzip(pcapng.image, 3), pcapng.frames});
  cases.push_back({"zstd", zstd(plain.image), plain.frames});
  cases.push_back({"zstd, 5 frames and skippable ones", zstd(pcapng.image, 5, true), pcapng.frames});
  cases.push_back({"gzip in zstd", zstd(gzip(plain.image, 2), 2), plain.frames});
  cases.push_back({"no frames", pcap_header({}), {}});
  cases.push_back({"no frames, gzip", gzip(pcap_header({})), {}});
  PcapngImage empty;
  empty.section(false);
  cases.push_back({"no frames, pcapng", empty.bytes, {}});
  cases.push_back({"one frame", {}, random_frames(3, 1, 100)});
  cases.back().image = pcap_image(cases.back().frames, {});
  return cases;
}

}  // namespace

TEST_CASE("every format keeps the contract") {
  for (const Case& made : all_cases()) {
    INFO(made.name);
    FrameSourceContract([&] { return open_image(made.image); }, made.frames).check();
  }
}

TEST_CASE("frames arrive whole however small the pieces of the input are") {
  for (const Case& made : all_cases()) {
    INFO(made.name);
    for (const std::size_t piece_bytes : {std::size_t{97}, std::size_t{4'096}}) {
      FrameSourceContract([&] { return open_trickling(made.image, piece_bytes); }, made.frames).check();
    }
  }
}

TEST_CASE("standard input keeps the contract") {
  const int saved = ::dup(STDIN_FILENO);
  for (const Case& made : all_cases()) {
    INFO(made.name);
    std::vector<std::thread> writers;
    const OpenSource open = [&] {
      std::array<int, 2> ends{};
      REQUIRE(::pipe(ends.data()) == 0);
      REQUIRE(::dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
      ::close(ends[0]);
      writers.emplace_back([&made, out = ends[1]] {
        File pipe = File::adopt(out, "pipe");
        static_cast<void>(pipe.write_all(made.image));
      });
      Result<std::unique_ptr<FrameSource>> source = open_capture_file("-");
      if (!source) FAIL(source.error().context);
      CHECK((*source)->progress().total_bytes == 0);
      return *std::move(source);
    };
    FrameSourceContract(open, made.frames).check();
    for (std::thread& writer : writers) writer.join();
  }
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}
