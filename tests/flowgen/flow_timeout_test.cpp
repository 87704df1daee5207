// Each timeout, by the timers and by a late frame; reuse of a TCP flow; interim boundaries.

#include <catch2/catch.hpp>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

Packet tcp(TimeNs after_ns, int flags, std::uint32_t seq = 1) {
  return Packet{}.at(kStart + after_ns).with_flags(flags, seq);
}
Packet udp(TimeNs after_ns, std::uint16_t port) {
  Packet packet;
  packet.time_ns = kStart + after_ns;
  packet.ip_proto = kIpProtoUdp;
  packet.destination_port = port;
  return packet;
}

struct TimeoutCase {
  const char* name;
  std::vector<Packet> packets;  // all within 100 ms
  TimeNs timeout_ns;
  EndReason reason;
};

std::vector<TimeoutCase> timeout_cases() {
  const Timeouts t;
  const Packet syn = tcp(0, kSyn);
  const Packet syn_ack = tcp(10 * kMs, kSyn | kAck).reply();
  const Packet ack = tcp(20 * kMs, kAck);
  const Packet fin = tcp(30 * kMs, kFin | kAck);
  const Packet reply_fin = fin.at(kStart + 40 * kMs).reply();
  Packet ssh = tcp(0, kAck);
  ssh.destination_port = 22;
  Packet icmp = udp(0, 0);
  icmp.ip_proto = kIpProtoIcmp;
  icmp.source_port = 8;
  Packet gre = udp(0, 0);
  gre.ip_proto = 47;
  Packet fragment = udp(0, 53);
  fragment.later_fragment = true;
  return {
      {"SYN alone", {syn}, t.tcp_opening, EndReason::kIdle},
      {"SYN and SYN-ACK, no third", {syn, syn_ack}, t.tcp_opening, EndReason::kIdle},
      {"one direction of a handshake", {syn, ack}, t.tcp_established, EndReason::kIdle},
      {"the other direction", {syn_ack, ack.reply()}, t.tcp_established, EndReason::kIdle},
      {"handshake", {syn, syn_ack, ack}, t.tcp_established, EndReason::kIdle},
      {"from the middle", {ack}, t.tcp_established, EndReason::kIdle},
      {"port 22", {ssh}, t.tcp_long_lived, EndReason::kIdle},
      {"one FIN", {syn, syn_ack, ack, fin}, t.tcp_half_closed, EndReason::kIdle},
      {"two FINs", {syn, syn_ack, ack, fin, reply_fin}, t.tcp_closed, EndReason::kFinished},
      {"RST", {syn, syn_ack.with_flags(kRst | kAck)}, t.tcp_closed, EndReason::kReset},
      {"RST after two FINs", {ack, fin, reply_fin, tcp(50 * kMs, kRst)}, t.tcp_closed, EndReason::kFinished},
      {"UDP one way", {udp(0, 9999), udp(9 * kMs, 9999)}, t.udp_one_way, EndReason::kIdle},
      {"UDP two way", {udp(0, 9999), udp(9 * kMs, 9999).reply()}, t.udp_two_way, EndReason::kIdle},
      {"DNS asked", {udp(0, 53)}, t.udp_one_way, EndReason::kIdle},
      {"DNS answered", {udp(0, 53), udp(9 * kMs, 53).reply()}, t.dns_answered, EndReason::kIdle},
      {"QUIC", {udp(0, 443), udp(9 * kMs, 443).reply()}, t.quic, EndReason::kIdle},
      {"ICMP", {icmp, icmp.reply()}, t.icmp, EndReason::kIdle},
      {"GRE", {gre}, t.other_ip, EndReason::kIdle},
      {"fragments", {fragment}, t.fragments, EndReason::kIdle},
  };
}

std::vector<SessionRecord> finals(const std::vector<SessionRecord>& records) {
  std::vector<SessionRecord> result;
  for (const SessionRecord& record : records)
    if (record.final()) result.push_back(record);
  return result;
}

}  // namespace

TEST_CASE("the timers end a flow after its timeout, not before") {
  for (const TimeoutCase& c : timeout_cases()) {
    INFO(c.name);
    Driver driver;
    for (const Packet& packet : c.packets) driver.send(packet);
    const TimeNs end_ns = c.packets.back().time_ns + c.timeout_ns;
    for (TimeNs now_ns = c.packets.back().time_ns; now_ns < end_ns; now_ns += 30 * kSecond)
      driver.idle_until(now_ns);
    driver.idle_until(end_ns);
    REQUIRE(driver.table().flows_active() == 1);
    driver.idle_until(end_ns + 3 * kSecond);  // the grace, and a slot of the wheel
    REQUIRE(driver.table().flows_active() == 0);
    REQUIRE(finals(driver.records).size() == 1);
    CHECK(finals(driver.records)[0].end_reason == c.reason);
    CHECK(finals(driver.records)[0].last_ns == c.packets.back().time_ns);
  }
}

TEST_CASE("a frame later than the timeout begins a new instance, one at the timeout does not") {
  for (const TimeoutCase& c : timeout_cases()) {
    for (const TimeNs late_ns : {TimeNs{0}, TimeNs{1}}) {
      INFO(c.name << ", late by " << late_ns);
      Driver driver;
      for (const Packet& packet : c.packets) driver.send(packet);
      const TimeNs next_ns = c.packets.back().time_ns + c.timeout_ns + late_ns;
      driver.send(c.packets.back().at(next_ns));
      const auto ended = finals(driver.records);
      REQUIRE(ended.size() == static_cast<std::size_t>(late_ns));
      if (late_ns == 0) continue;
      CHECK(ended[0].end_reason == c.reason);
      driver.finish();
      REQUIRE(finals(driver.records).size() == 2);
      CHECK(finals(driver.records)[1].first_ns == next_ns);
      CHECK(finals(driver.records)[1].uid != ended[0].uid);
    }
  }
}

TEST_CASE("a new SYN after the end, or with another number, begins a new instance") {
  const std::vector<Packet> handshake = {tcp(0, kSyn, 100), tcp(1 * kMs, kSyn | kAck, 500).reply(),
                                         tcp(2 * kMs, kAck)};
  struct Case {
    const char* name;
    std::vector<Packet> then;
    bool reused;
  };
  const std::vector<Case> cases = {
      {"the same SYN again", {tcp(9 * kMs, kSyn, 100)}, false},
      {"another SYN", {tcp(9 * kMs, kSyn, 101)}, true},
      {"another SYN with ECN bits", {tcp(9 * kMs, kSyn | kEce | kCwr, 101)}, true},
      {"SYN-ACK with another number", {tcp(9 * kMs, kSyn | kAck, 777).reply()}, false},
      {"after RST, with the same number", {tcp(8 * kMs, kRst), tcp(9 * kMs, kSyn, 100)}, true},
      {"after both FINs, from the other side",
       {tcp(7 * kMs, kFin | kAck), tcp(8 * kMs, kFin | kAck).reply(), tcp(9 * kMs, kSyn, 9).reply()},
       true},
      {"after one FIN, same number", {tcp(8 * kMs, kFin | kAck), tcp(9 * kMs, kSyn, 100)}, false},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    Driver driver;
    for (const Packet& packet : handshake) driver.add(packet);  // one burst: the slots must not be shared
    for (const Packet& packet : c.then) driver.add(packet);
    driver.flush();
    CHECK(driver.table().flows_active() == 1);
    REQUIRE(driver.records.size() == (c.reused ? 1 : 0));
    if (c.reused) {
      CHECK(driver.records[0].end_reason == EndReason::kReused);
      CHECK(driver.hits().front().slot != driver.hits().back().slot);
    }
  }
}

TEST_CASE("where only the answers are seen, one with another number begins a new instance") {
  const auto answer = [](TimeNs ns, std::uint32_t seq) { return tcp(ns, kSyn | kAck, seq).reply(); };
  const auto sessions = [&](const std::vector<Packet>& packets) {
    Driver driver;
    for (const Packet& packet : packets) driver.send(packet);
    return driver.finish().size();
  };
  const Packet data = tcp(1 * kMs, kAck, 501).reply();
  CHECK(sessions({answer(0, 500), data, answer(9 * kMs, 700)}) == 2);
  CHECK(sessions({answer(0, 500), data, answer(9 * kMs, 500)}) == 1);
  CHECK(sessions({answer(0, 500), answer(9 * kMs, 700)}) == 1);
  CHECK(sessions({tcp(0, kSyn, 100), answer(1 * kMs, 500), data, answer(9 * kMs, 700)}) == 1);
}

TEST_CASE("SYNs of a flow that is still opening are tries of one session") {
  Driver driver;
  for (std::uint32_t i = 0; i < 4; ++i) driver.send(tcp(i * kSecond / 10, kSyn, i));
  CHECK(driver.finish().size() == 1);
}

TEST_CASE("interim records hold the state at their boundary, by a frame as by the timers") {
  const std::vector<TimeNs> times = {0,           400 * kMs,    500 * kMs,    501 * kMs,    5 * kSecond - 1,
                                     5 * kSecond, 64 * kSecond, 65 * kSecond, 300 * kSecond};
  const std::vector<std::uint64_t> packets_at = {2, 5, 7, 8, 9};  // 0.5 s, 5 s, 65 s, 125 s, shutdown
  for (const bool by_timers : {false, true}) {
    Driver driver;
    for (const TimeNs after_ns : times) {
      if (by_timers) driver.idle_until(kStart + after_ns);
      driver.send(tcp(after_ns, kAck));
    }
    driver.finish();
    REQUIRE(driver.records.size() == packets_at.size());
    std::uint64_t previous = 0;
    TimeNs previous_last_ns = 0;
    for (std::size_t i = 0; i < driver.records.size(); ++i) {
      const SessionRecord& record = driver.records[i];
      CHECK(record.seq == i);
      CHECK(record.uid == driver.records[0].uid);
      CHECK(record.a_to_b.total.packets == packets_at[i]);
      CHECK(record.a_to_b.previous.packets == previous);
      CHECK(record.end_reason == (i + 1 == packets_at.size() ? EndReason::kShutdown : EndReason::kOpen));
      CHECK(record.delta_first_ns > previous_last_ns);
      CHECK(record.delta_last_ns == record.last_ns);
      previous = record.a_to_b.total.packets;
      previous_last_ns = record.last_ns;
    }
  }
}

TEST_CASE("an idle flow writes no interim records, and its final record says that nothing came") {
  Driver driver;
  driver.send(tcp(0, kAck));
  for (TimeNs now_ns = 0; now_ns < 610 * kSecond; now_ns += kSecond) driver.idle_until(kStart + now_ns);
  REQUIRE(driver.records.size() == 2);
  CHECK(driver.records[1].end_reason == EndReason::kIdle);
  CHECK(driver.records[1].a_to_b.previous == driver.records[1].a_to_b.total);
  CHECK(driver.records[1].delta_first_ns == driver.records[1].last_ns);
}

TEST_CASE("without a slab there is no interim record, and the later ones say it all") {
  FlowTableConfig config = Driver::small_config();
  config.interim_slabs_max = 1;
  Driver driver(config);
  Packet second = tcp(1 * kMs, kAck);
  second.source_port = 41'000;
  driver.send(tcp(0, kAck));
  driver.send(second);
  driver.idle_until(kStart + 4 * kSecond);
  CHECK(driver.records.size() == 1);
  CHECK(driver.table().counters().interim_slab_exhausted == 1);
  driver.finish();
  REQUIRE(driver.records.size() == 3);
  for (const SessionRecord& record : driver.records)
    CHECK((record.seq == 0) == (record.a_to_b.previous.packets == 0));
}

TEST_CASE("a TCP session that finds no slab says so, and counts its frames all the same") {
  FlowTableConfig config = Driver::small_config();
  config.tcp_slabs_max = 1;
  Driver driver(config);
  const auto session = [&](std::uint16_t port, int frames) {
    for (int i = 0; i < frames; ++i) {
      Packet packet = tcp(i * kMs, i == 0 ? kSyn : kAck);
      packet.source_port = port;
      driver.send(packet);
    }
  };
  session(41'000, 1);  // one frame needs none
  session(42'000, 3);
  session(43'000, 3);
  CHECK(driver.table().counters().tcp_slab_exhausted == 1);
  driver.finish();
  REQUIRE(driver.records.size() == 3);
  for (const SessionRecord& record : driver.records) {
    const bool untracked = record.key.port_a == 43'000;
    CHECK(record.untracked == untracked);
    CHECK((record.history.size() == 0) == untracked);
    CHECK(record.has_tcp_counters() != untracked);
    CHECK(record.a_to_b.total.packets == (record.key.port_a == 41'000 ? 1 : 3));
  }
}

TEST_CASE("a flow without a slab ends at its timeout, however its boundaries lie") {
  FlowTableConfig config = Driver::small_config();
  config.interim_slabs_max = 1;
  Driver driver(config);
  driver.send(tcp(-3 * kSecond, kAck));
  Packet second = tcp(0, kAck);
  second.source_port = 41'000;
  driver.send(second);  // the first has taken the slab
  driver.idle_until(kStart + 2900 * kMs);
  REQUIRE(driver.records.size() == 1);
  driver.send(second.at(kStart + 3 * kSecond));
  CHECK(driver.table().counters().interim_slab_exhausted == 1);  // of half a second: timer and frame tried
  driver.send(second.at(kStart + 3100 * kMs).with_flags(kRst));
  driver.idle_until(kStart + 8 * kSecond);
  CHECK(driver.table().flows_active() == 2);
  driver.idle_until(kStart + 11 * kSecond);  // 3.1 s, 5 s of kTcpReset, the grace and a slot of the wheel
  CHECK(driver.table().flows_active() == 1);
  REQUIRE(driver.records.size() == 2);
  CHECK(driver.records[1].end_reason == EndReason::kReset);
  CHECK(driver.table().counters().interim_slab_exhausted == 2);  // that of five seconds
}

TEST_CASE("frames that run backwards end nothing and keep the uid") {
  Driver driver;
  driver.send(udp(0, 9999));
  driver.send(udp(-400 * kSecond, 9999));
  driver.finish();
  REQUIRE(driver.records.size() == 1);
  CHECK(driver.records[0].first_ns == kStart - 400 * kSecond);
  CHECK(driver.records[0].last_ns == kStart);
  CHECK(uid_millisecond(driver.records[0].uid) == kStart / kNsPerMillisecond);
}

TEST_CASE("a mad clock does not end what goes on; a confirmed jump does") {
  Driver driver;
  driver.send(udp(0, 9999));
  Packet mad = udp(86'400 * kSecond, 1111);
  driver.send(mad);
  driver.run_timers();
  CHECK(driver.table().flows_active() == 2);
  driver.send(udp(1 * kSecond, 9999));
  CHECK(driver.table().flows_active() == 2);
  for (int i = 0; i < 64; ++i) driver.add(mad);
  driver.flush();
  driver.run_timers();
  CHECK(driver.table().flows_active() == 1);
}

TEST_CASE("one frame a minute and a second ahead ends nothing, neither among others nor on an idle link") {
  Driver driver;
  driver.send(udp(0, 9999));
  driver.send(udp(61 * kSecond, 1111));
  for (TimeNs after_ns = kSecond; after_ns <= 40 * kSecond; after_ns += 10 * kSecond) {
    driver.send(udp(after_ns, 9999));
    driver.run_timers();
  }
  driver.table().observe_idle(14 * kSecond);  // since 31 s
  driver.run_timers();
  CHECK(driver.table().clock_ns() == kStart + 45 * kSecond);
  CHECK(driver.table().flows_active() == 2);
  driver.table().observe_idle(20 * kSecond);
  driver.run_timers();
  CHECK(driver.table().flows_active() == 1);
}

TEST_CASE("idle time is counted from the frames on, and frames that come within it are not late") {
  Driver driver;
  driver.send(udp(0, 9999));
  driver.table().observe_idle(10 * kSecond);
  driver.send(udp(9 * kSecond, 9999));  // a recording that is played back too slowly
  CHECK(driver.table().clock_ns() == kStart + 10 * kSecond);
  driver.table().observe_idle(2 * kSecond);
  CHECK(driver.table().clock_ns() == kStart + 11 * kSecond);
  driver.table().observe_idle(-kSecond);
  CHECK(driver.table().clock_ns() == kStart + 11 * kSecond);
}

TEST_CASE("frames without a session move the timers, too") {
  Driver driver;
  driver.send(udp(0, 9999));
  Packet arp = udp(20 * kSecond, 0);
  arp.status = DecodeStatus::kArp;
  driver.send(arp);
  driver.run_timers();
  CHECK(driver.table().flows_active() == 0);
}

}  // namespace tapline::flowgen
