// decode_bench [FILE]: cycles per packet of decode_burst and make_flow_key over bursts of 64 frames, the
// median of several passes. FILE is a pcap of this machine's byte order; its first 256 MiB are loaded before
// anything is measured. Without FILE: synthetic Ethernet/IPv4 packets, TCP and UDP at random.
//   streamed: one pass over all of it, so that headers come from memory as they do behind a reader.
//   cached:   each burst again and again, so that they come from the first-level cache: the work alone.
// Budget: 40 cycles a packet for decode_burst, cached, on plain Ethernet/IPv4/TCP|UDP.

#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <random>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"

namespace {

using namespace tapline;

constexpr std::size_t kLoadBytesMax = std::size_t{256} << 20;
constexpr std::size_t kPcapHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr int kPasses = 7;
constexpr int kCachedRepeats = 32;

struct Trace {
  std::vector<std::uint8_t> bytes;
  std::vector<Frame> frames;
};

bool load_pcap(const char* path, Trace& trace) {
  std::ifstream file(path, std::ios::binary);
  trace.bytes.resize(kLoadBytesMax);
  file.read(reinterpret_cast<char*>(trace.bytes.data()), static_cast<std::streamsize>(kLoadBytesMax));
  const auto loaded = static_cast<std::size_t>(file.gcount());
  if (loaded < kPcapHeaderBytes) return false;
  const auto magic = load_le<std::uint32_t>(trace.bytes.data());
  if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) return false;
  const auto link_type = load_le<std::uint16_t>(trace.bytes.data() + 20);
  for (std::size_t at = kPcapHeaderBytes; at + kRecordHeaderBytes <= loaded;) {
    Frame frame;
    frame.captured_bytes = load_le<std::uint32_t>(trace.bytes.data() + at + 8);
    frame.wire_bytes = load_le<std::uint32_t>(trace.bytes.data() + at + 12);
    frame.data = trace.bytes.data() + at + kRecordHeaderBytes;
    frame.link_type = link_type;
    at += kRecordHeaderBytes + frame.captured_bytes;
    if (at > loaded) break;
    trace.frames.push_back(frame);
  }
  return !trace.frames.empty();
}

void make_synthetic(Trace& trace) {
  constexpr std::size_t kFrames = 65'536;
  constexpr std::uint32_t kFrameBytes = 128;
  std::mt19937 random(1);
  trace.bytes.resize(kFrames * kFrameBytes);
  for (std::size_t i = 0; i < kFrames; ++i) {
    std::uint8_t* const at = trace.bytes.data() + i * kFrameBytes;
    store_be16(at + 12, 0x0800);
    at[14] = 0x45;
    store_be16(at + 16, kFrameBytes - 14);
    at[22] = 64;
    at[23] = random() % 4 == 0 ? 17 : 6;
    store_be32(at + 26, static_cast<std::uint32_t>(random()));
    store_be32(at + 30, static_cast<std::uint32_t>(random()));
    store_be32(at + 34, static_cast<std::uint32_t>(random()));
    at[46] = 0x50;
    Frame frame;
    frame.data = at;
    frame.captured_bytes = kFrameBytes;
    frame.wire_bytes = kFrameBytes;
    trace.frames.push_back(frame);
  }
}

// Calls `run(frames, metas)` for every burst, `repeats` times each; cycles per packet.
template <class Run>
double measure(const std::vector<Frame>& frames, int repeats, Run run) {
  std::array<PacketMeta, kBurstFramesMax> metas;
  std::vector<double> passes;
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::uint64_t begin = __rdtsc();
    for (std::size_t at = 0; at < frames.size(); at += kBurstFramesMax) {
      const std::size_t count = std::min<std::size_t>(kBurstFramesMax, frames.size() - at);
      const std::span<const Frame> burst(frames.data() + at, count);
      for (int i = 0; i < repeats; ++i) run(burst, std::span<PacketMeta>(metas.data(), count));
    }
    const std::uint64_t cycles = __rdtsc() - begin;
    passes.push_back(static_cast<double>(cycles) / static_cast<double>(frames.size()) / repeats);
  }
  std::sort(passes.begin(), passes.end());
  return passes[passes.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  Trace trace;
  if (argc > 1 && !load_pcap(argv[1], trace)) {
    std::fprintf(stderr, "cannot load %s: not a pcap file of this byte order\n", argv[1]);
    return 1;
  }
  if (argc <= 1) make_synthetic(trace);

  std::uint64_t guard = 0;  // printed, so that no work can be optimised away
  const auto decode_only = [&](std::span<const Frame> frames, std::span<PacketMeta> metas) {
    decode_burst(frames, metas);
    guard += metas[0].l4_offset;
  };
  const auto decode_and_key = [&](std::span<const Frame> frames, std::span<PacketMeta> metas) {
    decode_burst(frames, metas);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (metas[i].status != DecodeStatus::kIp) continue;
      FlowKey key;
      guard += make_flow_key(frames[i], metas[i], 0, key) == Direction::kAToB;
      asm volatile("" : : "r"(&key) : "memory");  // the whole key is needed
    }
  };
  std::printf("frames %zu\n", trace.frames.size());
  std::printf("decode, cached            %6.1f cycles/packet\n",
              measure(trace.frames, kCachedRepeats, decode_only));
  std::printf("decode, streamed          %6.1f\n", measure(trace.frames, 1, decode_only));
  std::printf("decode and key, cached    %6.1f\n", measure(trace.frames, kCachedRepeats, decode_and_key));
  std::printf("decode and key, streamed  %6.1f\n", measure(trace.frames, 1, decode_and_key));
  std::printf("guard %llu\n", static_cast<unsigned long long>(guard));
  return 0;
}
