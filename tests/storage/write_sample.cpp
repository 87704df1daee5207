// Writes made-up traffic as segments into a folder, and the same frames as they came to expected.pcap beside
// them: what the tests with other people's tools compare.

#include <cstdio>
#include <cstdlib>

#include "tests/storage/traffic.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

Status write_sample(const std::string& directory, std::uint64_t seed) {
  Traffic traffic(seed);
  std::vector<TestFrame> frames = traffic.take(3000);
  frames[100].bytes.assign(kFrameBytesMax, 0x11);
  frames[100].wire_bytes = kFrameBytesMax;
  FrameSegmentConfig config;
  config.directory = config.index_directory = directory;
  config.block_bytes = 32 * 1024;
  config.segment_bytes_max = 400'000;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  TAPLINE_TRY(pipeline.append_all(frames));
  TAPLINE_TRY(writer.finish());

  ByteBuffer pcap;
  for (const std::uint32_t word : {kPcapNanosecondMagic, 0x00040002u, 0u, 0u, kFrameBytesMax, 1u})
    put(pcap, word);
  for (const TestFrame& frame : frames) {
    put(pcap, static_cast<std::uint32_t>(floor_seconds(frame.time_ns)));
    put(pcap, second_rest_ns(frame.time_ns));
    put(pcap, static_cast<std::uint32_t>(frame.bytes.size()));
    put(pcap, frame.wire_bytes);
    put_bytes(pcap, frame.bytes);
  }
  return publish_file(directory + "/expected.pcap", pcap);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const Status written = write_sample(argv[1], std::strtoull(argv[2], nullptr, 10));
  if (written) return 0;
  std::fprintf(stderr, "%s\n", written.error().context.c_str());
  return 1;
}
