// flow_table_bench [FLOWS_MAX]: cycles per packet of the flow table with many flows at once (65,536, 1 Mi and
// 10 M, as far as FLOWS_MAX allows). 64-byte frames (Ethernet, IPv4, TCP with ACK or UDP) of flows chosen at
// random stream through from memory: 4 Mi frames generated beforehand, so that reading them costs what it
// costs behind a network card's ring. Every flow has both directions and two interim records behind it before
// anything is measured.
//   decode          decode_burst alone
//   decode+update   decode_burst, FlowTable::update and advance, as a live worker calls them
//   "new"           percentage of frames that begin a flow; the table is nearly full, so that most of them
//                   end one, too: evicted, with its final record
//   expiry          all flows have been idle for hours: how long a call of advance() takes that writes as
//                   many records as a live worker writes between two bursts
// cycles/packet is processor time (not elapsed: other programs may run) times the rate of the time stamp
// counter, the median of several passes; p50 and p99.9 are bursts of 64 by the time stamp counter, in cycles
// a packet. Budgets: 250 cycles at 1 Mi flows (aim 190), 300 at 10 M.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/packet/decode.hpp"
#include "flowgen/flow_table.hpp"
#include "tests/bench/cycle_clock.hpp"

namespace {

using namespace tapline;
using flowgen::FlowTable;

constexpr std::size_t kFrames = std::size_t{4} << 20;
constexpr std::uint32_t kFrameBytes = 64;
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr TimeNs kFrameGapNs = 100;  // ten million frames a second
constexpr int kPasses = 5;
constexpr std::uint64_t kSameSeed = 5;
constexpr std::uint32_t kExpiryFlowsMax = 1u << 20;

const double kCounterHertz = cycles::counter_hertz();

struct Load {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kFrames * kFrameBytes);
  std::vector<Frame> frames = std::vector<Frame>(kFrames);
};

void write_frame(std::uint8_t* at, std::uint32_t flow, bool reply) {
  const std::uint32_t client = 0x0a000000 + flow % 1'000'003;
  const std::uint32_t server = 0xc0a80000 + flow % 251;
  const auto port = static_cast<std::uint16_t>(1024 + (flow / 1'000'003) * 251 + flow % 64);
  const bool udp = flow % 4 == 0;
  std::memset(at, 0, kFrameBytes);
  store_be16(at + 12, 0x0800);
  at[14] = 0x45;
  store_be16(at + 16, udp ? 46 : 40);
  at[22] = 64;
  at[23] = udp ? 17 : 6;
  store_be32(at + (reply ? 30 : 26), client);
  store_be32(at + (reply ? 26 : 30), server);
  store_be16(at + (reply ? 36 : 34), port);
  store_be16(at + (reply ? 34 : 36), 8443);
  // An acknowledgment that continues both streams, as most segments of a session in progress do.
  store_be32(at + 38, reply ? 2'000 : 1'000);
  store_be32(at + 42, reply ? 1'000 : 2'000);
  at[46] = 0x50;
  at[47] = 0x10;
  store_be16(at + 48, 8'192);
}

// `new_percent` of the frames belong to flows numbered from flow_count on, each of them once.
void make_load(Load& load, std::uint32_t flow_count, std::uint32_t new_percent) {
  std::mt19937 random(1);
  std::uint32_t next_new = flow_count;
  for (std::size_t i = 0; i < kFrames; ++i) {
    std::uint8_t* const at = load.bytes.data() + i * kFrameBytes;
    const bool is_new = random() % 100 < new_percent;
    write_frame(at, is_new ? next_new++ : static_cast<std::uint32_t>(random() % flow_count),
                random() % 2 == 0);
    load.frames[i].data = at;
    load.frames[i].captured_bytes = kFrameBytes;
    load.frames[i].wire_bytes = kFrameBytes;
  }
}

class Bench {
 public:
  explicit Bench(std::uint32_t flows_max, std::uint64_t hash_seed = __rdtsc()) {
    flowgen::FlowTableConfig config;
    config.flows_max = flows_max;
    config.hash_seed = hash_seed;
    config.interim_slabs_max = flows_max;
    config.tcp_slabs_max = flows_max;
    table_ = *FlowTable::create(config);
    while (table_->take_pages()) continue;
  }

  // Both directions, and the interim records of half a second and five seconds.
  void begin_flows(std::uint32_t flow_count) {
    touch_flows(flow_count, false);
    touch_flows(flow_count, true);
    for (const TimeNs pause_ns : {3 * kNsPerSecond, 5 * kNsPerSecond}) {
      now_ns_ += pause_ns;
      table_->observe_idle(pause_ns);
      while (settle()) continue;
      touch_flows(flow_count, false);
    }
  }

  void run_burst(std::span<Frame> frames) {
    for (Frame& frame : frames) {
      frame.time_ns = now_ns_ += kFrameGapNs;
      frame.order = {frame.time_ns, 0};
    }
    decode_burst(frames, {metas_.data(), frames.size()});
    table_->update(frames, {metas_.data(), frames.size()}, {hits_.data(), frames.size()});
    table_->clear_records();
    if (++bursts_ % 16 == 0 || late_) late_ = settle();
  }
  bool settle() {
    const bool more = table_->advance(FlowTable::kRecordsPerBurst);
    table_->clear_records();
    return more;
  }
  void decode_only(std::span<Frame> frames) { decode_burst(frames, {metas_.data(), frames.size()}); }
  FlowTable& table() { return *table_; }

  /// Processor time of each call until every flow has ended, in us.
  std::vector<double> expire_all() {
    std::vector<double> calls;
    table_->observe_idle(3 * 3600 * kNsPerSecond);
    for (bool more = true; more;) {
      const double begin = cycles::cpu_seconds();
      more = table_->advance(FlowTable::kRecordsPerBurst);
      calls.push_back((cycles::cpu_seconds() - begin) * 1e6);
      table_->clear_records();
    }
    return calls;
  }

 private:
  void touch_flows(std::uint32_t flow_count, bool reply) {
    std::array<std::array<std::uint8_t, kFrameBytes>, kBurstFramesMax> bytes;
    std::array<Frame, kBurstFramesMax> frames;
    for (std::uint32_t flow = 0; flow < flow_count;) {
      std::size_t count = 0;
      for (; count < kBurstFramesMax && flow < flow_count; ++count, ++flow) {
        write_frame(bytes[count].data(), flow, reply);
        frames[count].data = bytes[count].data();
        frames[count].captured_bytes = frames[count].wire_bytes = kFrameBytes;
      }
      run_burst({frames.data(), count});
    }
  }

  std::unique_ptr<FlowTable> table_;
  std::array<PacketMeta, kBurstFramesMax> metas_;
  std::array<FlowHit, kBurstFramesMax> hits_;
  TimeNs now_ns_ = kStart;
  std::uint64_t bursts_ = 0;
  bool late_ = false;
};

struct Measure {
  double mean;  // cycles per packet, median over passes
  double p50;   // of bursts, of the last pass
  double p999;
};

template <class Run>
Measure measure(Load& load, int passes, Run run) {
  std::vector<double> means;
  std::vector<double> bursts;
  for (int pass = 0; pass < passes; ++pass) {
    bursts.clear();
    const double begin_seconds = cycles::cpu_seconds();
    for (std::size_t at = 0; at < kFrames; at += kBurstFramesMax) {
      const std::uint64_t begin = __rdtsc();
      run(std::span<Frame>(load.frames.data() + at, kBurstFramesMax));
      bursts.push_back(static_cast<double>(__rdtsc() - begin) / kBurstFramesMax);
    }
    means.push_back((cycles::cpu_seconds() - begin_seconds) * kCounterHertz / kFrames);
  }
  std::sort(means.begin(), means.end());
  std::sort(bursts.begin(), bursts.end());
  return {means[means.size() / 2], bursts[bursts.size() / 2], bursts[bursts.size() * 999 / 1000]};
}

void print(const char* what, std::uint32_t flows, std::uint32_t new_percent, const Measure& measure) {
  std::printf("%-14s %9u flows %3u %% new  %6.1f cycles/packet   bursts: p50 %6.1f  p99.9 %7.1f\n", what,
              flows, new_percent, measure.mean, measure.p50, measure.p999);
  std::fflush(stdout);
}

void run_established(Load& load, std::uint32_t flow_count) {
  make_load(load, flow_count, 0);
  Bench bench(flow_count + flow_count / 64);
  bench.begin_flows(flow_count);
  print("decode", flow_count, 0, measure(load, kPasses, [&](auto burst) { bench.decode_only(burst); }));
  print("decode+update", flow_count, 0, measure(load, kPasses, [&](auto burst) { bench.run_burst(burst); }));
}

void run_with_new(Load& load, std::uint32_t flow_count) {
  constexpr std::uint32_t kNewPercent = 10;
  make_load(load, flow_count, kNewPercent);
  Bench bench(flow_count + flow_count / 64);
  bench.begin_flows(flow_count);
  // One pass: in a second one they would not be new.
  const Measure measured = measure(load, 1, [&](auto burst) { bench.run_burst(burst); });
  print("decode+update", flow_count, kNewPercent, measured);
  std::printf("  %u flows evicted\n", static_cast<unsigned>(bench.table().counters().flows_evicted));
}

// Interrupts take longer than the calls (a loop that does nothing else: 80 us at worst), hence of each call
// the median of several passes that do the same.
void run_expiry(std::uint32_t flow_count) {
  std::vector<std::vector<double>> passes;
  for (int pass = 0; pass < kPasses; ++pass) {
    Bench bench(flow_count + flow_count / 64, kSameSeed);
    bench.begin_flows(flow_count);
    passes.push_back(bench.expire_all());
  }
  std::vector<double> calls;
  for (std::size_t i = 0; i < passes[0].size(); ++i) {
    std::vector<double> same;
    for (const std::vector<double>& pass : passes) same.push_back(pass[i]);
    std::sort(same.begin(), same.end());
    calls.push_back(same[same.size() / 2]);
  }
  std::sort(calls.begin(), calls.end());
  std::printf(
      "expiry         %9u flows, %zu calls of advance(%u): p50 %.1f us  p99.9 %.1f us  worst %.1f us\n",
      flow_count, calls.size(), FlowTable::kRecordsPerBurst, calls[calls.size() / 2],
      calls[calls.size() * 999 / 1000], calls.back());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint32_t> flow_counts;
  for (int i = 1; i < argc; ++i) flow_counts.push_back(static_cast<std::uint32_t>(std::atoi(argv[i])));
  if (flow_counts.empty()) flow_counts = {4096, 65'536, 1'048'576, 10'000'000};
  Load load;
  for (const std::uint32_t flow_count : flow_counts) {
    run_established(load, flow_count);
    run_with_new(load, flow_count);
    if (flow_count <= kExpiryFlowsMax) run_expiry(flow_count);
  }
  return 0;
}
