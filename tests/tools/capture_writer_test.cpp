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

/// Frames as they stand in blocks: each behind its record header, here and there one that does not follow the
/// frame before.
class Records {
 public:
  explicit Records(const std::vector<OwnedFrame>& from) {
    std::vector<std::size_t> at;
    for (const OwnedFrame& frame : from) {
      if (at.size() % 5 == 4) bytes_.push_back(0);
      put(bytes_, static_cast<std::uint32_t>(floor_seconds(frame.time_ns)));
      put(bytes_, second_rest_ns(frame.time_ns));
      put(bytes_, static_cast<std::uint32_t>(frame.bytes.size()));
      put(bytes_, frame.wire_bytes);
      at.push_back(bytes_.size());
      put_bytes(bytes_, frame.bytes);
    }
    for (std::size_t i = 0; i < from.size(); ++i) {
      frames_.push_back(view(from[i]));
      frames_.back().data = bytes_.data() + at[i];
    }
  }

  /// Of frames [first, end): of one, two and three frames in turn.
  std::vector<query::FrameRun> runs(std::size_t first, std::size_t end) const {
    std::vector<query::FrameRun> runs;
    for (std::size_t length = 1; first < end; length = length % 3 + 1) {
      const std::size_t count = std::min(length, end - first);
      runs.push_back({std::span(frames_).subspan(first, count), nullptr});
      first += count;
    }
    return runs;
  }

 private:
  ByteBuffer bytes_;
  std::vector<Frame> frames_;
};

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

TEST_CASE("runs are written as their frames would be, whether they are copied or not") {
  const CaptureFormat format = GENERATE(CaptureFormat::kPcap, CaptureFormat::kPcapng);
  const std::size_t frames_a_call = GENERATE(1u, 3u, 700u);
  const TemporaryFolder folder;
  std::vector<OwnedFrame> frames = random_traffic(62, 2000);
  frames[5].time_ns = -1;
  must(write_all(folder / "single", format, frames).finish());
  const Records records(frames);
  CaptureWriter writer = must(CaptureWriter::open(folder / "runs", format));
  for (std::size_t at = 0; at < frames.size(); at += frames_a_call)
    must(writer.write(records.runs(at, std::min(at + frames_a_call, frames.size()))));
  must(writer.finish());
  CHECK(writer.frames() == frames.size());
  CHECK(writer.frames_out_of_time() == 1);
  CHECK(writer.file_bytes() == std::filesystem::file_size(folder / "runs"));
  CHECK(must(read_file(folder / "runs")) == must(read_file(folder / "single")));
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

TEST_CASE("of runs of two link types, too, pcap keeps what came before the second") {
  const TemporaryFolder folder;
  std::vector<OwnedFrame> frames = {owned(ByteBuffer(60, 1), kStart),
                                    owned(ByteBuffer(60, 2), kStart, kLinkRaw)};
  const Records records(frames);
  CaptureWriter writer = must(CaptureWriter::open(folder / "out", CaptureFormat::kPcap));
  const std::vector<query::FrameRun> runs = records.runs(0, 2);
  REQUIRE(runs.size() == 2);
  CHECK_FALSE(writer.write(runs).ok());
  must(writer.finish());
  frames.pop_back();
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
