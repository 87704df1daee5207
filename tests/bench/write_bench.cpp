// write_bench: how fast the segment writer writes where compressing costs nothing: noise in UDP datagrams of
// a thousand flows, stored raw, through ring, reserved space, direct writes, index and publishing, with the
// ring full and evicting. Prints bytes and seconds from when the ring was full first. tests/bench/disk runs
// it against fio.
//
// usage: write_bench FOLDER RING_BYTES SEGMENT_BYTES WRITE_BYTES    FOLDER does not exist yet, and is left

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include "capture/packet/decode.hpp"
#include "storage/frame_keys.hpp"
#include "storage/lane_packer.hpp"
#include "storage/ring.hpp"
#include "storage/segment_writer.hpp"
#include "tests/storage/traffic.hpp"

namespace {

using namespace tapline;
using namespace tapline::storage;

constexpr std::ptrdiff_t kPayloadBytes = 1358;
constexpr std::uint32_t kFlows = 1000;
constexpr std::size_t kBlocks = 32;  // written again and again, so that making them costs nothing
constexpr std::uint32_t kBlockBytes = 256 * 1024;
constexpr TimeNs kStartNs = 1'767'225'600 * kNsPerSecond;
constexpr TimeNs kFrameNs = 1000;

/// Full blocks.
class NoiseBlocks : private BlockExchange {
 public:
  NoiseBlocks() : packer_({1, kBlockBytes, 0}, *this) {
    std::mt19937_64 random(1);
    Frame frame;
    for (TimeNs time_ns = kStartNs; sent_.size() < kBlocks; time_ns += kFrameNs) {
      const auto flow = static_cast<std::uint32_t>(random() % kFlows);
      ByteBuffer bytes = make_udp_frame(0x0a000000 + flow, 0xc6336400 + flow % 256,
                                        static_cast<std::uint16_t>(20'000 + flow), 443, kPayloadBytes);
      std::generate(bytes.end() - kPayloadBytes, bytes.end(),
                    [&] { return static_cast<std::uint8_t>(random()); });
      frame.data = bytes.data();
      frame.captured_bytes = frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
      frame.time_ns = frame.order.time_ns = time_ns;
      PacketMeta meta;
      decode(frame, meta);
      TAPLINE_CHECK(meta.status == DecodeStatus::kIp);
      FlowHit hit{};
      hit.fingerprint = frame_fingerprint(frame, meta);
      packer_.append(frame, meta, hit, {});
    }
  }
  const std::vector<PacketBlock*>& blocks() const { return sent_; }

 private:
  PacketBlock* take() override {
    made_.push_back(std::make_unique<PacketBlock>(kBlockBytes, 3600 * kNsPerSecond));
    return made_.back().get();
  }
  void send(PacketBlock& block) override { sent_.push_back(&block); }

  std::vector<std::unique_ptr<PacketBlock>> made_;
  std::vector<PacketBlock*> sent_;
  LanePacker packer_;
};

int fail(const Error& error) {
  fmt::print(stderr, "{}\n", error.context);
  return 1;
}

int run(const std::string& folder, std::uint64_t ring_bytes, std::uint64_t segment_bytes,
        std::uint64_t write_bytes) {
  const Result<Store> store = Store::open_or_create(folder, "bench");
  if (!store) return fail(store.error());
  Ring ring(*store, ring_bytes);
  SegmentWriterConfig config;
  config.disk = &store->disk();
  config.directory = config.index_directory = store->packets_directory();
  config.segment_bytes_max = segment_bytes;
  config.allocate = true;
  SegmentWriter writer(config, ring);
  const NoiseBlocks noise;
  std::uint64_t written = 0;
  std::uint64_t begun_bytes = 0;
  std::chrono::steady_clock::time_point begun;
  std::chrono::steady_clock::time_point synced = std::chrono::steady_clock::now();
  for (std::size_t i = 0; begun_bytes == 0 || written < begun_bytes + write_bytes; ++i) {
    const PacketBlock& block = *noise.blocks()[i % kBlocks];
    if (Status stored = writer.write(block, WriteEffort::kRaw); !stored) return fail(stored.error());
    written += block.content().size();
    const auto now = std::chrono::steady_clock::now();
    if (begun_bytes == 0 && ring.segments_evicted() > 0) {
      begun_bytes = written;
      begun = now;
    }
    if (now - synced < std::chrono::seconds(1)) continue;
    synced = now;
    if (Status durable = writer.sync(); !durable) return fail(durable.error());
  }
  if (Status finished = writer.finish(); !finished) return fail(finished.error());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print("{} {:.3f}\n", written - begun_bytes, seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: write_bench FOLDER RING_BYTES SEGMENT_BYTES WRITE_BYTES\n");
    return 2;
  }
  return run(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10),
             std::strtoull(argv[4], nullptr, 10));
}
