// flood_bench [FLOOD_FRAMES]: what floods do to the flow table: 10 million SYNs from random sources,
// one-packet UDP flows, and SYNs whose keys collide for whoever does not know the hash's seed. Among them
// 50,000 established TCP sessions go on, one frame in eight. For each flood, and without one for these
// sessions and for as many as fill the table:
//   cycles a packet;
//   established sessions whose counters are exact, in one record with its first frame to its last;
//   memory of the table before and after.
// Table of 1 Mi flows; a million frames a second of capture time. The clock runs once the table is full, when
// no page of it is touched for the first time any more. All are to be exact; aim: half of the throughput of a
// table that is as full.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/packet/decode.hpp"
#include "flowgen/flow_hash.hpp"
#include "flowgen/flow_table.hpp"
#include "tests/bench/cycle_clock.hpp"

namespace {

using namespace tapline;
using flowgen::FlowTable;

constexpr std::uint32_t kSessions = 50'000;
constexpr std::uint32_t kSessionsOfFullTable = 1'000'000;
constexpr std::uint32_t kFlowsMax = 1u << 20;
constexpr std::uint32_t kFrameBytes = 64;
constexpr std::size_t kEstablishedOneIn = 8;
constexpr std::size_t kBatchFrames = 16 * kBurstFramesMax;  // from one call of the timers to the next
constexpr std::size_t kFillFrames = 2 * std::size_t{kFlowsMax};
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr TimeNs kFrameGapNs = 1000;
constexpr std::uint32_t kClients = 0x0a000000;  // the first; floods come from elsewhere
constexpr std::uint32_t kServer = 0xc0a80001;
constexpr std::uint16_t kSessionPort = 443;

enum class Flood : std::uint8_t { kNone, kSyns, kDatagrams, kCollisions };

struct Segment {
  std::uint32_t source;
  std::uint32_t target;
  std::uint16_t source_port;
  std::uint16_t target_port;
  std::uint8_t flags;  // 0: UDP
  std::uint32_t seq;
  std::uint32_t ack;
  std::uint16_t ip_id;
};

void write_frame(std::uint8_t* at, const Segment& segment) {
  const bool udp = segment.flags == 0;
  std::memset(at, 0, kFrameBytes);
  store_be16(at + 12, 0x0800);
  at[14] = 0x45;
  store_be16(at + 16, udp ? 46 : 40);
  store_be16(at + 18, segment.ip_id);
  at[22] = 64;
  at[23] = udp ? 17 : 6;
  store_be32(at + 26, segment.source);
  store_be32(at + 30, segment.target);
  store_be16(at + 34, segment.source_port);
  store_be16(at + 36, segment.target_port);
  if (udp) return store_be16(at + 38, 26);
  store_be32(at + 38, segment.seq);
  store_be32(at + 42, segment.ack);
  at[46] = 0x50;
  at[47] = segment.flags;
  store_be16(at + 48, 8192);
}

/// A frame of one of the established sessions: SYN, SYN-ACK, then acknowledgments in turn.
class Sessions {
 public:
  explicit Sessions(std::uint32_t count) : counts_(count) {}

  void write_next(std::uint8_t* at) {
    const std::uint32_t session = next_++ % count();
    const std::uint32_t number = counts_[session]++;
    const bool reply = number % 2 == 1;
    const std::uint8_t flags = number == 0 ? 0x02 : (number == 1 ? 0x12 : 0x10);
    const auto client_port = static_cast<std::uint16_t>(1024 + session % 60'000);
    const std::uint32_t client = kClients + session;
    const std::uint32_t seq = number < 2 ? 1000 : 1001;
    Segment segment{client,
                    kServer,
                    client_port,
                    kSessionPort,
                    flags,
                    seq,
                    number == 0 ? 0u : 1001u,
                    static_cast<std::uint16_t>(number + 1)};
    if (reply) {
      std::swap(segment.source, segment.target);
      std::swap(segment.source_port, segment.target_port);
    }
    write_frame(at, segment);
  }
  std::uint32_t count() const { return static_cast<std::uint32_t>(counts_.size()); }
  /// By the client's address.
  std::uint64_t count_of(std::uint32_t client) const { return counts_[client - kClients]; }

 private:
  std::uint32_t next_ = 0;
  std::vector<std::uint32_t> counts_;
};

/// Keys of one bucket of a table with seed 0: what one can prepare who has the source, and not the seed.
std::vector<std::uint32_t> colliding_sources(std::size_t count) {
  const flowgen::FlowHash hash(0);
  std::vector<std::uint32_t> sources;
  for (std::uint32_t source = 0x20000000; sources.size() < count; ++source) {
    FlowKey key;
    key.address_a = IpAddress::from_v4(source);
    key.address_b = IpAddress::from_v4(kServer);
    key.port_a = 7;
    key.port_b = 7;
    key.ip_proto = 6;
    if ((hash(key) & 0xfff) == 0) sources.push_back(source);
  }
  return sources;
}

struct Outcome {
  double cycles_per_frame;
  std::uint64_t exact;
  std::size_t memory_before;
  std::size_t memory_after;
  std::uint64_t pushed_out;
};

class Bench {
 public:
  Bench(Flood flood, std::uint32_t sessions, const std::vector<std::uint32_t>& colliding)
      : flood_(flood), colliding_(colliding), sessions_(sessions) {
    flowgen::FlowTableConfig config;
    config.flows_max = kFlowsMax;
    config.hash_seed = *flowgen::random_hash_seed();
    config.give_up_attempts = true;
    config.grace_ns = kNsPerSecond / 10;  // as a live sensor
    table_ = std::move(*FlowTable::create(config));
  }

  Outcome run(std::size_t frames, double hertz) {
    for (std::size_t i = 0; i < 4 * std::size_t{sessions_.count()}; i += kBatchFrames) run_batch(true);
    const std::size_t before = table_->memory_bytes();
    for (std::size_t i = 0; i < kFillFrames; i += kBatchFrames) run_batch(flood_ == Flood::kNone);
    const double begin = cpu_;
    std::size_t measured = 0;
    for (; measured < frames; measured += kBatchFrames) run_batch(flood_ == Flood::kNone);
    Outcome result{(cpu_ - begin) * hertz / static_cast<double>(measured), 0, before, table_->memory_bytes(),
                   table_->counters().flows_evicted + table_->counters().attempts_given_up};
    while (table_->finish(FlowTable::kRecordsPerAdvanceMax)) take_records();
    take_records();
    for (const auto& [client, packets] : whole_)
      result.exact += packets == sessions_.count_of(client) ? 1 : 0;
    return result;
  }

 private:
  void write_flood(std::uint8_t* at) {
    const auto number = static_cast<std::uint32_t>(random_());
    const auto port = static_cast<std::uint16_t>(random_());
    Segment segment{0x20000000 | (number & 0x1fffffff), kServer, port, 80, 0x02, number, 0, 0};
    if (flood_ == Flood::kDatagrams) segment.flags = 0;
    if (flood_ == Flood::kCollisions) {
      segment.source = colliding_[flooded_++ % colliding_.size()];
      segment.source_port = segment.target_port = 7;
    }
    write_frame(at, segment);
  }

  /// Only what the sensor does is on the clock.
  void run_batch(bool established_only) {
    for (std::size_t i = 0; i < kBatchFrames; ++i) {
      std::uint8_t* const at = bytes_.data() + i * kFrameBytes;
      established_only || i % kEstablishedOneIn == 0 ? sessions_.write_next(at) : write_flood(at);
      frames_[i].data = at;
      frames_[i].captured_bytes = frames_[i].wire_bytes = kFrameBytes;
      frames_[i].time_ns = now_ns_ += kFrameGapNs;
      frames_[i].order = {now_ns_, 0};
    }
    const double begin = cycles::cpu_seconds();
    for (std::size_t i = 0; i < kBatchFrames; i += kBurstFramesMax) {
      const std::span<Frame> burst(&frames_[i], kBurstFramesMax);
      decode_burst(burst, metas_);
      table_->update(burst, metas_, hits_);
      table_->clear_records();  // of a session that has not been ended at the end, the rest is not exact
    }
    table_->advance(FlowTable::kRecordsPerAdvanceMax);
    cpu_ += cycles::cpu_seconds() - begin;
    table_->clear_records();
  }

  /// At the end. Of sessions in one piece.
  void take_records() {
    for (const SessionRecord& record : table_->records()) {
      const bool client_is_a = record.key.port_b == kSessionPort;
      const std::uint32_t client = (client_is_a ? record.key.address_a : record.key.address_b).v4();
      if (!record.final() || client - kClients >= sessions_.count()) continue;
      whole_[client] = record.a_to_b.total.packets + record.b_to_a.total.packets;
    }
    table_->clear_records();
  }

  Flood flood_;
  const std::vector<std::uint32_t>& colliding_;
  std::unique_ptr<FlowTable> table_;
  Sessions sessions_;
  std::mt19937_64 random_{1};
  std::size_t flooded_ = 0;
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(kBatchFrames * kFrameBytes);
  std::vector<Frame> frames_ = std::vector<Frame>(kBatchFrames);
  std::array<PacketMeta, kBurstFramesMax> metas_;
  std::array<FlowHit, kBurstFramesMax> hits_;
  std::map<std::uint32_t, std::uint64_t> whole_;
  TimeNs now_ns_ = kStart;
  double cpu_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t frames = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 11'428'571;
  const double hertz = cycles::counter_hertz();
  const std::vector<std::uint32_t> colliding = colliding_sources(100'000);
  struct Case {
    Flood flood;
    std::uint32_t sessions;
    const char* name;
  };
  constexpr std::array<Case, 5> kCases{{{Flood::kNone, kSessions, "none"},
                                        {Flood::kNone, kSessionsOfFullTable, "none, full"},
                                        {Flood::kSyns, kSessions, "SYNs"},
                                        {Flood::kDatagrams, kSessions, "UDP datagrams"},
                                        {Flood::kCollisions, kSessions, "collisions"}}};
  for (const auto& [flood, sessions, name] : kCases) {
    Bench bench(flood, sessions, colliding);
    const Outcome result = bench.run(frames, hertz);
    std::printf(
        "flood of %-14s %7.1f cycles/packet  established exact %llu of %u  pushed out %llu  memory %zu -> "
        "%zu\n",
        name, result.cycles_per_frame, static_cast<unsigned long long>(result.exact), sessions,
        static_cast<unsigned long long>(result.pushed_out), result.memory_before, result.memory_after);
    std::fflush(stdout);
  }
  return 0;
}
