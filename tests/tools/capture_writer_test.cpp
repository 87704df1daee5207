// What CaptureWriter writes, our own reader reads back with the same bytes and times.

#include "tools/capture_writer.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "capture/files/file_source.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::tools;
using namespace tapline::test;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;

Frame view(const OwnedFrame& from) {
  Frame frame;
  frame.data = from.bytes.data();
  frame.captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
  frame.wire_bytes = from.wire_bytes;
  frame.time_ns = from.time_ns;
  frame.link_type = from.link_type;
  return frame;
}

CaptureWriter write_all(const std::string& path, CaptureFormat format,
                        const std::vector<OwnedFrame>& frames) {
  CaptureWriter writer = must(CaptureWriter::open(path, format));
  for (const OwnedFrame& frame : frames) must(writer.write(view(frame)));
  return writer;
}

std::vector<OwnedFrame> read_back(const std::string& path) {
  const std::unique_ptr<FrameSource> source = must(open_capture_file(path));
  std::array<Frame, kBurstFramesMax> burst;
  std::vector<OwnedFrame> frames;
  for (;;) {
    const PollResult polled = must(source->poll(burst));
    for (std::uint32_t i = 0; i < polled.frames; ++i) frames.push_back(owned(burst[i]));
    if (polled.end) return frames;
  }
}

}  // namespace

TEST_CASE("frames come back from pcap and pcapng with bytes, wire lengths and nanoseconds") {
  const CaptureFormat format = GENERATE(CaptureFormat::kPcap, CaptureFormat::kPcapng);
  const TemporaryFolder folder;
  std::vector<OwnedFrame> frames = random_traffic(61, 2000);  // more than one buffer
  frames.push_back(OwnedFrame{{}, kStart + 999'999'999, 60, kLinkEthernet});
  CaptureWriter writer = write_all(folder / "out", format, frames);
  must(writer.finish());
  CHECK(writer.frames() == frames.size());
  CHECK(writer.file_bytes() == std::filesystem::file_size(folder / "out"));
  CHECK(writer.frames_out_of_time() == 0);
  CHECK(read_back(folder / "out") == frames);
}

TEST_CASE("pcapng holds frames of several link types") {
  const TemporaryFolder folder;
  std::vector<OwnedFrame> frames;
  for (const std::uint16_t link_type : {kLinkEthernet, kLinkRaw, kLinkEthernet, kLinkLinuxSll, kLinkRaw}) {
    const auto number = static_cast<std::uint8_t>(frames.size());
    frames.push_back(owned(ByteBuffer(20u + number, number), kStart + number, link_type));
  }
  must(write_all(folder / "out", CaptureFormat::kPcapng, frames).finish());
  CHECK(read_back(folder / "out") == frames);
}

TEST_CASE("pcap refuses a second link type and names the remedy; what came before stays") {
  const TemporaryFolder folder;
  const std::vector<OwnedFrame> frames = {owned(ByteBuffer(60, 1), kStart)};
  CaptureWriter writer = write_all(folder / "out", CaptureFormat::kPcap, frames);
  const OwnedFrame other = owned(ByteBuffer(60, 1), kStart, kLinkRaw);
  const Status refused = writer.write(view(other));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kInvalid);
  CHECK(refused.error().context.find("--format pcapng") != std::string::npos);
  must(writer.finish());
  CHECK(writer.frames() == 1);
  CHECK(read_back(folder / "out") == frames);
}

TEST_CASE("a file without frames is a valid capture") {
  const CaptureFormat format = GENERATE(CaptureFormat::kPcap, CaptureFormat::kPcapng);
  const TemporaryFolder folder;
  must(write_all(folder / "out", format, {}).finish());
  CHECK(std::filesystem::file_size(folder / "out") > 0);
  CHECK(read_back(folder / "out").empty());
}

TEST_CASE("a flush leaves a valid file that can be continued") {
  const CaptureFormat format = GENERATE(CaptureFormat::kPcap, CaptureFormat::kPcapng);
  const TemporaryFolder folder;
  std::vector<OwnedFrame> frames = {owned(ByteBuffer(61, 1), kStart), owned(ByteBuffer(62, 2), kStart + 1)};
  CaptureWriter writer = write_all(folder / "out", format, frames);
  must(writer.flush());
  CHECK(read_back(folder / "out") == frames);
  frames.push_back(owned(ByteBuffer(63, 3), kStart + 2));
  must(writer.write(view(frames.back())));
  must(writer.finish());
  CHECK(read_back(folder / "out") == frames);
}

TEST_CASE("times that the format cannot hold are counted") {
  const TemporaryFolder folder;
  constexpr TimeNs kAfter2106 = (TimeNs{1} << 32) * kNsPerSecond;
  const std::vector<OwnedFrame> frames = {owned(ByteBuffer(60, 1), -1), owned(ByteBuffer(60, 1), kAfter2106),
                                          owned(ByteBuffer(60, 1), kAfter2106 - 1)};
  CaptureWriter pcap = write_all(folder / "a", CaptureFormat::kPcap, frames);
  CHECK(pcap.frames_out_of_time() == 2);
  CaptureWriter pcapng = write_all(folder / "b", CaptureFormat::kPcapng, frames);
  CHECK(pcapng.frames_out_of_time() == 1);
  must(pcapng.finish());
  CHECK(read_back(folder / "b").back() == frames.back());
}

TEST_CASE("a path that cannot be written is an error that names it") {
  const TemporaryFolder folder;
  const Result<CaptureWriter> writer = CaptureWriter::open(folder / "none/out", CaptureFormat::kPcap);
  REQUIRE_FALSE(writer.ok());
  CHECK(writer.error().context.find(folder / "none/out") != std::string::npos);
}
