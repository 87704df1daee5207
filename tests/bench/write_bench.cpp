// write_bench: how fast the segment writer writes where compressing costs nothing: noise in UDP datagrams of
// a thousand flows, stored raw, through ring, reserved space, direct writes, index and publishing, with the
// ring full and evicting. Prints bytes and seconds from when the ring was full first. tests/bench/disk runs
// it against fio.
//
// usage: write_bench FOLDER RING_BYTES SEGMENT_BYTES WRITE_BYTES    FOLDER does not exist yet, and is left

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include "capture/packet/decode.hpp"
#include "storage/frame_keys.hpp"
#include "storage/lane_packer.hpp"
#include "storage/ring.hpp"
#include "storage/segment_writer.hpp"

namespace {

using namespace tapline;
using namespace tapline::storage;

constexpr std::uint32_t kFrameBytes = 1400;
constexpr std::uint32_t kFlows = 1000;
constexpr std::size_t kBlocks = 32;  // written again and again, so that making them costs nothing
constexpr std::uint32_t kBlockBytes = 256 * 1024;
constexpr TimeNs kStartNs = 1'767'225'600 * kNsPerSecond;
constexpr TimeNs kFrameNs = 1000;

/// The frame's headers: Ethernet, IPv4, UDP.
void put_headers(std::vector<std::uint8_t>& bytes, std::uint32_t flow) {
  constexpr std::size_t kIpOffset = 14;
  constexpr std::size_t kUdpOffset = kIpOffset + 20;
  std::fill_n(bytes.begin(), kUdpOffset + 8, std::uint8_t{0});
  std::uint8_t* const at = bytes.data();
  store_be16(at + 12, 0x0800);
  at[kIpOffset] = 0x45;
  store_be16(at + kIpOffset + 2, static_cast<std::uint16_t>(bytes.size() - kIpOffset));
  at[kIpOffset + 8] = 64;
  at[kIpOffset + 9] = 17;
  store_be32(at + kIpOffset + 12, 0x0a000000 + flow);
  store_be32(at + kIpOffset + 16, 0xc6336400 + flow % 256);
  store_be16(at + kUdpOffset, static_cast<std::uint16_t>(20'000 + flow));
  store_be16(at + kUdpOffset + 2, 443);
  store_be16(at + kUdpOffset + 4, static_cast<std::uint16_t>(bytes.size() - kUdpOffset));
}

/// Full blocks.
class NoiseBlocks : private BlockExchange {
 public:
  NoiseBlocks() : packer_({1, kBlockBytes, 0}, *this) {
    std::mt19937_64 random(1);
    std::vector<std::uint8_t> bytes(kFrameBytes);
    Frame frame;
    for (TimeNs time_ns = kStartNs; sent_.size() < kBlocks; time_ns += kFrameNs) {
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      put_headers(bytes, static_cast<std::uint32_t>(random() % kFlows));
      frame.data = bytes.data();
      frame.captured_bytes = frame.wire_bytes = kFrameBytes;
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
