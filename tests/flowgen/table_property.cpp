// The table against NaiveFlows: the same packets, all records compared field by field; in bursts of different
// sizes, and with advance() called always, rarely or never.

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <tuple>

#include "flowgen/tcp_tracker.hpp"
#include "tests/flowgen/naive_flows.hpp"
#include "tests/flowgen/property_runs.hpp"

namespace tapline::flowgen {
namespace {

std::string describe(const DirectionState& s) {
  return fmt::format("[{} {} {} {} {} prev {} {} {} {} {} times {} {} flags {:x} {:x} ttl {} {} vlan {} {}]",
                     s.total.packets, s.total.frame_bytes, s.total.ip_bytes, s.total.payload_bytes,
                     s.total.duplicate_packets, s.previous.packets, s.previous.frame_bytes,
                     s.previous.ip_bytes, s.previous.payload_bytes, s.previous.duplicate_packets, s.first_ns,
                     s.last_ns, s.tcp_flags_first, s.tcp_flags_union, s.ttl_min, s.ttl_max, s.vlan_outer,
                     s.vlan_inner) +
         fmt::format(" bad checksums {} tcp {} {} {} {} {}", s.bad_checksums, s.tcp.retransmitted_packets,
                     s.tcp.retransmitted_bytes, s.tcp.out_of_order_packets, s.tcp.gap_bytes,
                     s.tcp.zero_windows);
}

std::string describe(const SessionRecord& r) {
  return fmt::format(
      "{} seq {} {} {}:{} {}:{} proto {} flags {} link {} {} {} times {} {} delta {} {} order {} {} "
      "unstored {} mpls {} worker {} orient {} {} {} history {} round trips {} {} {} "
      "syn {} syn+ack {}",
      format_uid(r.uid), r.seq, end_reason_name(r.end_reason), format_address(r.key.address_a), r.key.port_a,
      format_address(r.key.address_b), r.key.port_b, r.key.ip_proto, r.key.flags, r.key.link,
      describe(r.a_to_b), describe(r.b_to_a), r.first_ns, r.last_ns, r.delta_first_ns, r.delta_last_ns,
      r.first_order.time_ns, r.first_order.count, r.unstored_packets, r.mpls_label, r.worker,
      static_cast<int>(r.originator), orient_rule_name(r.orient_rule), r.orient_confidence,
      r.key.ip_proto == 6 ? r.history.text(Direction::kAToB, false) : "", r.rtt_server_ns, r.rtt_client_ns,
      r.response_ns, p0f_text(r.syn), p0f_text(r.syn_ack));
}

std::vector<std::string> describe_all(const std::vector<SessionRecord>& records) {
  std::vector<std::string> lines;
  lines.reserve(records.size());
  for (const SessionRecord& record : records) lines.push_back(describe(record));
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Times that mostly go on by little, and sometimes stop, leap, or run backwards.
class RandomTimes {
 public:
  explicit RandomTimes(std::mt19937_64& random) : random_(random) {}

  TimeNs next() {
    const auto roll = random_() % 10'000;
    if (burst_left_ > 0) --burst_left_;
    if (roll < 8'000)
      now_ns_ += up_to(40 * kMs);
    else if (roll < 9'500)
      now_ns_ += up_to(3 * kSecond);
    else if (roll < 9'600)
      now_ns_ += up_to(50 * kSecond);
    else if (roll < 9'603)
      now_ns_ += up_to(1300 * kSecond);
    else if (roll < 9'604)
      burst_left_ = 100, burst_ahead_ns_ = up_to(90 * kSecond);
    else if (roll < 9'606)
      return now_ns_ + up_to(3600 * kSecond);  // one frame with a mad clock
    else if (roll < 9'607)
      now_ns_ -= up_to(200 * kSecond);
    else if (roll < 9'700)
      return now_ns_ - up_to(100 * kSecond);
    else if (roll < 9'900)
      return now_ns_ - up_to(5 * kSecond);
    return now_ns_ + (burst_left_ > 0 ? burst_ahead_ns_ : 0);
  }

 private:
  TimeNs up_to(TimeNs limit_ns) {
    return static_cast<TimeNs>(random_() % static_cast<std::uint64_t>(limit_ns));
  }

  std::mt19937_64& random_;
  TimeNs now_ns_ = kStart;
  int burst_left_ = 0;
  TimeNs burst_ahead_ns_ = 0;
};

Packet random_packet(std::mt19937_64& random, TimeNs time_ns) {
  constexpr std::array<std::uint8_t, 8> kProtos = {6, 6, 6, 6, 17, 17, 1, 47};
  constexpr std::array<std::uint16_t, 6> kServices = {80, 443, 53, 22, 3389, 50'000};
  constexpr std::array<int, 16> kFlags = {kAck,
                                          kAck,
                                          kAck,
                                          kAck,
                                          kAck,
                                          kAck | kPsh,
                                          kAck | kPsh,
                                          0,
                                          kSyn,
                                          kSyn | kAck,
                                          kSyn | kEce | kCwr,
                                          kFin | kAck,
                                          kFin | kAck,
                                          kRst,
                                          kAck,
                                          kAck};
  Packet packet;
  packet.time_ns = time_ns;
  packet.ipv6 = random() % 4 == 0;
  packet.ip_proto = kProtos[random() % kProtos.size()];
  packet.source = 1 + static_cast<std::uint32_t>(random() % 2);
  packet.destination = 2 + static_cast<std::uint32_t>(random() % 2);
  packet.later_fragment = random() % 32 == 0;
  packet.first_fragment = !packet.later_fragment && random() % 16 == 0;
  packet.destination_port = kServices[random() % kServices.size()];
  if (packet.ip_proto == 1) {
    packet.source_port = 8;
    packet.destination_port = 0;
  }
  if (packet.ip_proto == 6 && !packet.later_fragment) {
    packet.tcp_flags = static_cast<std::uint8_t>(kFlags[random() % kFlags.size()]);
    packet.tcp_seq = static_cast<std::uint32_t>(random() % 2);
  }
  packet.payload_bytes = static_cast<std::uint32_t>(random() % 1400);
  packet.ttl = static_cast<std::uint8_t>(random() % 256);
  packet.has_transport_header = true;
  const bool fragment = packet.first_fragment || packet.later_fragment;
  packet.ip_id = static_cast<std::uint16_t>(1 + random() % (fragment ? 4 : 0xffff));
  if (random() % 64 == 0) packet.status = DecodeStatus::kNotIp;
  packet.bad_checksum = random() % 16 == 0;
  return random() % 3 == 0 ? packet.reply() : packet;
}

// Gives most TCP segments the numbers that continue both streams, so that they are what the table expects.
class Streams {
 public:
  explicit Streams(std::mt19937_64& random) : random_(random) {}

  void continue_with(Packet& packet) {
    if (packet.ip_proto != 6 || packet.later_fragment || packet.status != DecodeStatus::kIp) return;
    if (random_() % 2 == 0) packet.payload_bytes = 0;
    if (random_() % 16 == 0) packet.tcp_window = 0;
    std::uint32_t& next = next_[key_of(packet)];
    if (!is_pure_syn(packet.tcp_flags) && random_() % 8 != 0) {
      packet.tcp_seq = next;
      packet.tcp_ack = next_[key_of(packet.reply())];
    }
    if (random_() % 16 != 0) next = packet.tcp_seq + sequence_length(packet.tcp_flags, packet.payload_bytes);
  }

 private:
  using Key = std::tuple<bool, std::uint32_t, std::uint32_t, std::uint16_t, std::uint16_t>;
  static Key key_of(const Packet& packet) {
    return {packet.ipv6, packet.source, packet.destination, packet.source_port, packet.destination_port};
  }

  std::mt19937_64& random_;
  std::map<Key, std::uint32_t> next_;
};

// One of the last few again, a little later, from elsewhere on its path.
Packet copy_of_one(std::mt19937_64& random, const std::vector<Packet>& packets) {
  Packet packet = packets[packets.size() - 1 - random() % std::min<std::size_t>(packets.size(), 5)];
  packet.time_ns += static_cast<TimeNs>(random() % static_cast<std::uint64_t>(12 * kMs));
  packet.ttl = static_cast<std::uint8_t>(packet.ttl - random() % 2);
  return packet;
}

struct Feeding {
  std::size_t burst_frames;
  std::size_t advance_every_bursts;  // 0: never
};

std::vector<std::string> run_table(const std::vector<Packet>& packets, const Feeding& feeding,
                                   FlowCounters& counters) {
  Driver driver(apart_config());
  std::size_t bursts = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    driver.add(packets[i]);
    if ((i + 1) % feeding.burst_frames != 0) continue;
    driver.flush();
    if (feeding.advance_every_bursts != 0 && ++bursts % feeding.advance_every_bursts == 0)
      driver.run_timers(3);
  }
  driver.finish(5);
  counters = driver.table().counters();
  CHECK(driver.table().flows_active() == 0);
  return describe_all(driver.records);
}

void compare_lines(const std::vector<std::string>& actual, const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::min(actual.size(), expected.size()); ++i)
    REQUIRE(actual[i] == expected[i]);
  REQUIRE(actual.size() == expected.size());
}

}  // namespace

void compare_table_with_naive(std::uint64_t seed) {
  constexpr std::size_t kPackets = 60'000;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  RandomTimes times(random);
  std::vector<Packet> packets;
  Streams streams(random);
  for (std::size_t i = 0; i < kPackets; ++i) {
    packets.push_back(random_packet(random, times.next()));
    streams.continue_with(packets.back());
    if (random() % 8 == 0) packets.push_back(copy_of_one(random, packets));
  }

  const auto ip_packets = std::count_if(packets.begin(), packets.end(), [](const Packet& packet) {
    return packet.status == DecodeStatus::kIp;
  });

  NaiveFlows naive(apart_config());
  std::uint64_t final_packets = 0;
  for (const Packet& packet : packets) naive.add(packet);
  naive.finish();
  for (const SessionRecord& record : naive.records)
    if (record.final()) final_packets += record.a_to_b.total.packets + record.b_to_a.total.packets;
  REQUIRE(final_packets + naive.frames_duplicate == static_cast<std::uint64_t>(ip_packets));
  CHECK(naive.frames_duplicate > kPackets / 32);
  const std::vector<std::string> expected = describe_all(naive.records);

  for (const Feeding feeding :
       {Feeding{1, 1}, Feeding{7, 1}, Feeding{64, 1}, Feeding{64, 50}, Feeding{13, 0}}) {
    INFO("burst of " << feeding.burst_frames << ", advance every " << feeding.advance_every_bursts);
    FlowCounters counters;
    compare_lines(run_table(packets, feeding, counters), expected);
    CHECK(counters.frames_in_session == final_packets);
    CHECK(counters.frames_duplicate == naive.frames_duplicate);
    CHECK(counters.records_written == expected.size());
    CHECK(counters.flows_evicted == 0);
    CHECK(counters.interim_slab_exhausted == 0);
    CHECK(counters.tcp_slab_exhausted == 0);
  }
}

}  // namespace tapline::flowgen
