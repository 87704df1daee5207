// The flow table with few flows and slabs, and frames with few keys and odd times: whatever is done to it,
// its books close, its records follow from each other, and its memory stays what it was.
//
// Input: sizes of the table (4 bytes), then operations: a byte, and what it needs. Three in four are frames.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "capture/base/byte_reader.hpp"
#include "tests/flowgen/packet_maker.hpp"

using namespace tapline;
using namespace tapline::flowgen;

namespace {

constexpr std::size_t kFramesMax = 20'000;  // of one input: longer ones find nothing new

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "flow_table_fuzz: %s\n", what);
  std::abort();
}

void add_to(DirectionCounters& sum, const DirectionCounters& part) {
  sum.packets += part.packets;
  sum.frame_bytes += part.frame_bytes;
  sum.ip_bytes += part.ip_bytes;
  sum.payload_bytes += part.payload_bytes;
}

/// What went in, and what must therefore hold of all records together.
class Books {
 public:
  void count_frame(const Packet& packet) {
    if (packet.status != DecodeStatus::kIp) {
      ++no_session_;
      return;
    }
    add_to(frames_, {1, packet.payload_bytes + 54, packet.payload_bytes + 40, packet.payload_bytes});
    earliest_ns_ = std::min(earliest_ns_, packet.time_ns);
    latest_ns_ = std::max(latest_ns_, packet.time_ns);
  }

  void take(const SessionRecord& record) {
    require(record.parent_uid == Uid{} || record.key.tunnel_id != 0, "a parent outside of tunnels");
    if (record.parent_uid != Uid{}) parents_.insert(record.parent_uid);
    Session& session = sessions_[record.uid];
    require(!session.ended, "a record after the final one");
    require(record.seq == session.records++, "record numbers with a gap");
    require(record.a_to_b.previous == session.total[0] && record.b_to_a.previous == session.total[1],
            "a record does not begin where the one before ended");
    session.total[0] = record.a_to_b.total;
    session.total[1] = record.b_to_a.total;
    session.ended = record.final();
    check_times(record);
    require(record.orient_confidence <= 100, "confidence beyond 100");
    if (!record.final()) return;
    ++finals_;
    evicted_ += record.end_reason == EndReason::kEvicted ? 1 : 0;
    untracked_ += record.untracked ? 1 : 0;
    unstored_ += record.unstored_packets;
    add_to(records_sum_, record.a_to_b.total);
    add_to(records_sum_, record.b_to_a.total);
    records_earliest_ns_ = std::min(records_earliest_ns_, record.first_ns);
    records_latest_ns_ = std::max(records_latest_ns_, record.last_ns);
  }

  void check_end(const FlowCounters& counters, std::uint64_t marked_unstored) const {
    for (const auto& [uid, session] : sessions_) require(session.ended, "a session without a final record");
    require(records_sum_.packets + counters.frames_in_attempts == frames_.packets,
            "final records and frames differ");
    require(counters.frames_in_session == records_sum_.packets, "frames_in_session");
    std::uint64_t counted = 0;
    for (const std::uint64_t by_status : counters.frames_no_session) counted += by_status;
    require(counted == no_session_, "frames_no_session");
    require(
        counters.flows_begun == finals_ + counters.attempts_given_up && counters.flows_evicted == evicted_,
        "flows begun and evicted");
    require(counters.tcp_slab_exhausted >= untracked_, "untracked sessions that were not counted");
    require(unstored_ <= marked_unstored, "unstored packets that are none");
    if (counters.attempts_given_up != 0) return;
    for (const Uid& parent : parents_) require(sessions_.contains(parent), "a parent that is no session");
    require(records_sum_ == frames_, "bytes of final records and of frames differ");
    require(unstored_ == marked_unstored, "unstored packets");
    require(
        frames_.packets == 0 || (records_earliest_ns_ == earliest_ns_ && records_latest_ns_ == latest_ns_),
        "times of records and of frames differ");
  }

 private:
  struct Session {
    DirectionCounters total[2];
    std::uint32_t records = 0;
    bool ended = false;
  };

  static void check_times(const SessionRecord& record) {
    require(record.first_ns <= record.last_ns, "times of a record");
    for (const DirectionState* side : {&record.a_to_b, &record.b_to_a}) {
      if (side->total.packets == 0) continue;
      require(record.first_ns <= side->first_ns && side->first_ns <= side->last_ns &&
                  side->last_ns <= record.last_ns,
              "times of a direction");
      require(side->total.packets >= side->previous.packets, "counters that shrink");
    }
    const std::uint64_t before = record.a_to_b.previous.packets + record.b_to_a.previous.packets;
    const std::uint64_t now = record.a_to_b.total.packets + record.b_to_a.total.packets;
    if (now == before) return;
    require(record.first_ns <= record.delta_first_ns && record.delta_first_ns <= record.delta_last_ns &&
                record.delta_last_ns <= record.last_ns,
            "times of a delta");
  }

  DirectionCounters frames_;
  std::uint64_t no_session_ = 0;
  TimeNs earliest_ns_ = std::numeric_limits<TimeNs>::max();
  TimeNs latest_ns_ = std::numeric_limits<TimeNs>::min();

  std::map<Uid, Session> sessions_;
  std::set<Uid> parents_;
  DirectionCounters records_sum_;
  std::uint64_t finals_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t untracked_ = 0;
  std::uint64_t unstored_ = 0;
  TimeNs records_earliest_ns_ = std::numeric_limits<TimeNs>::max();
  TimeNs records_latest_ns_ = std::numeric_limits<TimeNs>::min();
};

FlowTableConfig read_config(ByteReader& input) {
  FlowTableConfig config = Driver::small_config();
  config.flows_max = 1 + input.read<std::uint8_t>() % 32;
  config.interim_slabs_max = input.read<std::uint8_t>() % (config.flows_max + 1);
  config.tcp_slabs_max = input.read<std::uint8_t>() % (config.flows_max + 1);
  const auto remembered = input.read<std::uint8_t>();
  config.remembered_max = remembered % 16;
  config.give_up_attempts = remembered >= 128;
  return config;
}

/// Times go on by little, mostly; they may leap, run backwards, or be anything.
class Times {
 public:
  TimeNs next(ByteReader& input) {
    constexpr TimeNs kUnits[] = {0,        kMs,           100 * kMs, kSecond, 10 * kSecond, 300 * kSecond,
                                 -kSecond, -100 * kSecond};
    const auto choice = input.read<std::uint8_t>();
    if (choice == 0xff) return input.read<TimeNs>();  // of one frame
    const TimeNs moved_ns = kUnits[choice % 8] * (choice / 8);
    return now_ns_ += moved_ns;
  }

 private:
  TimeNs now_ns_ = kStart;
};

Packet read_packet(ByteReader& input, Times& times) {
  constexpr std::uint8_t kProtos[] = {6, 6, 6, 6, 6, 17, 1, 47};
  constexpr std::uint16_t kPorts[] = {80, 443, 53, 22};
  const auto choices = input.read<std::uint16_t>();
  Packet packet;
  packet.time_ns = times.next(input);
  packet.source = 1 + (choices & 3);
  packet.destination = 1 + (choices >> 2 & 3);
  packet.ip_proto = kProtos[choices >> 4 & 7];
  packet.destination_port = kPorts[choices >> 7 & 3];
  packet.source_port = static_cast<std::uint16_t>(40'000 + (choices >> 9 & 1));
  packet.ipv6 = (choices >> 10 & 1) != 0;
  packet.later_fragment = (choices >> 11 & 7) == 7;
  packet.first_fragment = (choices >> 11 & 7) == 6;
  packet.payload_bytes = (choices >> 14 & 1) != 0 ? input.read<std::uint8_t>() : 0;
  if (packet.ip_proto == 6 && !packet.later_fragment) {
    packet.tcp_flags = input.read<std::uint8_t>();
    packet.tcp_seq = input.read<std::uint8_t>() * 16u;
    packet.tcp_ack = packet.tcp_seq;
    packet.tcp_window = packet.tcp_flags >> 6;
    packet.bad_checksum = packet.tcp_window == 3;
  }
  if (packet.ip_proto == 17) packet.tunnel_id = choices >> 7 & 3;
  return (choices >> 15) != 0 ? packet.reply() : packet;
}

/// A table, what was done to it, and what it must therefore say.
class World {
 public:
  explicit World(const FlowTableConfig& config)
      : flows_max_(config.flows_max),
        table_(*FlowTable::create(config)),
        memory_bytes_(table_->memory_bytes()) {}

  /// What is in a tunnel has the packet before it for its carrier.
  void add(const Packet& packet) {
    if (frame_count_ == kFramesMax) return;
    ++frame_count_;
    books_.count_frame(packet);
    const bool carried = metas_.empty() || metas_.back().status == DecodeStatus::kIp;
    bytes_.push_back(make_bytes(packet));
    metas_.push_back(make_meta(packet));
    if (!carried) metas_.back().tunnel_id = 0;
    Frame frame;
    frame.time_ns = packet.time_ns;
    frame.captured_bytes = static_cast<std::uint32_t>(bytes_.back().size());
    frame.wire_bytes = packet.payload_bytes + 54;
    frame.order = order_.next(packet.time_ns);
    frames_.push_back(frame);
    if (frames_.size() == kBurstFramesMax) end_burst(0);
  }

  /// `unstored`: which of the burst's first frames are not in the store, by bit.
  void end_burst(std::uint8_t unstored) {
    for (std::size_t i = 0; i < frames_.size(); ++i) frames_[i].data = bytes_[i].data();
    hits_.resize(frames_.size());
    table_->update(frames_, metas_, hits_);
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const bool has_session = metas_[i].status == DecodeStatus::kIp;
      require((hits_[i].slot != nullptr) == has_session, "a slot without a session, or none with one");
      if (i >= 8 || (unstored >> i & 1) == 0) continue;
      table_->count_unstored(hits_[i]);
      unstored_ += has_session ? 1 : 0;
    }
    drain(FlowTable::kRecordsPerFrameMax * frames_.size());
    frames_.clear();
    metas_.clear();
    bytes_.clear();
  }

  void idle(TimeNs idle_ns) {
    end_burst(0);
    table_->observe_idle(idle_ns);
  }
  void advance(std::uint32_t records_max) {
    end_burst(0);
    table_->advance(records_max);
    drain(records_max);
  }

  void finish(std::uint32_t records_max) {
    end_burst(0);
    for (bool more = true; more;) {
      more = table_->finish(records_max);
      drain(records_max);
    }
    require(table_->flows_active() == 0, "flows after the end");
    require(table_->counters().records_written == record_count_, "records_written");
    books_.check_end(table_->counters(), unstored_);
  }

 private:
  void drain(std::size_t records_max) {
    require(table_->records().size() <= records_max, "more records than promised");
    for (const SessionRecord& record : table_->records()) books_.take(record);
    record_count_ += table_->records().size();
    table_->clear_records();
    require(table_->flows_active() <= flows_max_, "more flows than flows_max");
    require(table_->memory_bytes() == memory_bytes_, "memory that grows");
  }

  std::uint32_t flows_max_;
  std::unique_ptr<FlowTable> table_;
  std::size_t memory_bytes_;
  Books books_;
  OrderKeeper order_;
  std::size_t frame_count_ = 0;
  std::uint64_t record_count_ = 0;
  std::uint64_t unstored_ = 0;
  std::vector<std::vector<std::uint8_t>> bytes_;
  std::vector<Frame> frames_;
  std::vector<PacketMeta> metas_;
  std::vector<FlowHit> hits_;
};

void do_other(World& world, ByteReader& input, Times& times, std::uint8_t operation) {
  switch (operation >> 2 & 7) {
    case 0:
    case 1:
      return world.end_burst(input.read<std::uint8_t>());
    case 2:
      return world.advance(FlowTable::kRecordsPerAdvanceMax);
    case 3:
      return world.advance(1 + operation / 32u);
    case 4:
      return world.idle(input.read<std::uint8_t>() * kSecond);
    case 5: {
      Packet packet = read_packet(input, times);
      packet.status = static_cast<DecodeStatus>(1 + operation / 32u % (kDecodeStatusCount - 1));
      return world.add(packet);
    }
    case 6: {  // one frame often, so that small inputs confirm jumps of the clock and fill bursts
      const Packet packet = read_packet(input, times);
      for (int i = 0; i < 70; ++i) world.add(packet);
      return;
    }
    default: {  // a scan
      Packet packet = read_packet(input, times);
      for (std::uint32_t i = 0; i < 40; ++i, ++packet.destination) world.add(packet);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(Bytes(data, size));
  World world(read_config(input));
  Times times;
  while (input.ok() && input.remaining() > 0) {
    const auto operation = input.read<std::uint8_t>();
    if ((operation & 3) != 0)
      world.add(read_packet(input, times));
    else
      do_other(world, input, times, operation);
  }
  world.finish(1 + static_cast<std::uint32_t>(size % 7));
  return 0;
}
