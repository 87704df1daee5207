// The table's own limits and promises: eviction, hits, counts, what records say of frames beside the
// counters.

#include <catch2/catch.hpp>
#include <set>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

Packet numbered(std::uint32_t flow, TimeNs after_ns = 0) {
  Packet packet;
  packet.time_ns = kStart + after_ns;
  packet.source = 0x0a000000 + flow;
  packet.ip_proto = kIpProtoUdp;
  packet.destination_port = 5000;
  return packet;
}

FlowTableConfig tiny_config(std::uint32_t flows_max) {
  FlowTableConfig config = Driver::small_config();
  config.flows_max = flows_max;
  return config;
}

}  // namespace

TEST_CASE("impossible sizes are refused") {
  for (const std::uint32_t flows_max : {0u, (1u << 30) + 1}) {
    const auto table = FlowTable::create(tiny_config(flows_max));
    REQUIRE(!table);
    CHECK(table.error().code == ErrorCode::kInvalid);
  }
  FlowTableConfig config = tiny_config(8);
  config.interim_slabs_max = 9;
  CHECK(!FlowTable::create(config));
}

TEST_CASE("a full table evicts attempts, and no session that goes on") {
  Driver driver(tiny_config(64));
  constexpr std::uint32_t kSessions = 40;
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < kSessions; ++i) driver.send(numbered(i, round * kMs));
  }
  for (std::uint32_t i = 0; i < 1000; ++i) driver.send(numbered(1000 + i, (10 + i) * kMs));
  for (const SessionRecord& record : driver.records) {
    if (record.end_reason == EndReason::kEvicted)
      REQUIRE(record.a_to_b.total.packets + record.b_to_a.total.packets == 1);
  }
  CHECK(driver.table().counters().flows_evicted == 1000 - 24);
}

TEST_CASE("where wanted, a flood's attempts are counted, and leave no record") {
  FlowTableConfig config = tiny_config(64);
  config.give_up_attempts = true;
  config.count_copies = false;
  Driver driver(config);
  const auto syn = [](std::uint32_t flow, TimeNs after_ns) {
    Packet packet = numbered(flow, after_ns);
    packet.ip_proto = kIpProtoTcp;
    return packet.with_flags(kSyn, flow);
  };
  std::uint64_t sent = 0;
  const auto send = [&](const Packet& packet) {
    driver.send(packet);
    ++sent;
  };
  enum : std::uint32_t { kUdp, kAnswered, kProbe, kRefused, kMidstream, kCopied, kFloodKinds };
  for (std::uint32_t i = 0; i < 1200; ++i) {
    const TimeNs after_ns = i * kMs;
    switch (i % kFloodKinds) {
      case kUdp:
        send(numbered(i, after_ns));
        break;
      case kAnswered:
        send(numbered(i, after_ns));
        send(numbered(i, after_ns).reply());
        break;
      case kProbe:
        send(syn(i, after_ns));
        break;
      case kRefused:
        send(syn(i, after_ns));
        send(syn(i, after_ns).reply().with_flags(kRst | kAck));
        break;
      case kMidstream:
        send(syn(i, after_ns).with_flags(kAck, 1));
        send(syn(i, after_ns).reply().with_flags(kAck, 1));
        break;
      default: {
        Packet packet = syn(i, after_ns);
        packet.ip_id = 77;
        send(packet);
        send(packet);
      }
    }
  }
  // Nothing was said but SYN and answer, or nobody answered: the others have their record.
  std::uint64_t in_records = 0;
  std::array<std::uint32_t, kFloodKinds> kinds{};
  for (const SessionRecord& record : driver.finish()) {
    in_records += record.a_to_b.total.packets + record.b_to_a.total.packets;
    if (record.end_reason != EndReason::kEvicted) continue;
    const bool from_a = record.key.port_b == 5000;
    ++kinds[((from_a ? record.key.address_a : record.key.address_b).v4() - 0x0a000000) % kFloodKinds];
  }
  CHECK(kinds[kUdp] + kinds[kProbe] + kinds[kRefused] == 0);
  for (const std::uint32_t kind : {kAnswered, kMidstream, kCopied}) CHECK(kinds[kind] > 150);
  const FlowCounters& counters = driver.table().counters();
  CHECK(counters.attempts_given_up > 500);
  CHECK(counters.frames_in_attempts > counters.attempts_given_up);
  CHECK(counters.frames_in_session == in_records);
  CHECK(counters.frames_in_session + counters.frames_in_attempts + counters.frames_duplicate == sent);
  CHECK(counters.flows_begun == 1200);
}

TEST_CASE(
    "attempts that stay for seconds in a full table leave no record either, and sessions that become of them "
    "do") {
  FlowTableConfig config = tiny_config(64);
  config.give_up_attempts = true;
  config.grace_ns = 0;
  Driver driver(config);
  constexpr std::uint32_t kFlows = 400;
  constexpr TimeNs kApart =
      50 * kMs;  // so that each stays for 3.2 s, beyond two boundaries of interim records
  constexpr std::uint32_t kGoesOn = 200;
  constexpr std::uint32_t kFramesMore = 20;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    driver.send(numbered(i, i * kApart));
    if (i >= kGoesOn && i < kGoesOn + kFramesMore) driver.send(numbered(kGoesOn, i * kApart));
    driver.run_timers();
  }
  for (const SessionRecord& record : driver.records) {
    const bool begun_in_flood = record.first_ns >= kStart + 64 * kApart;
    if (begun_in_flood) CHECK(record.first_ns == kStart + kGoesOn * kApart);
  }
  const FlowCounters& counters = driver.table().counters();
  CHECK(counters.attempts_given_up >= kFlows - 2 * 64);
  std::uint64_t in_records = 0;
  for (const SessionRecord& record : driver.finish()) {
    if (record.final()) in_records += record.a_to_b.total.packets + record.b_to_a.total.packets;
    if (record.final() && record.first_ns == kStart + kGoesOn * kApart)
      CHECK(record.a_to_b.total.packets + record.b_to_a.total.packets == 1 + kFramesMore);
  }
  CHECK(counters.frames_in_session == in_records);
  CHECK(counters.frames_in_session + counters.frames_in_attempts == kFlows + kFramesMore);
}

TEST_CASE("in a table full of sessions others can begin") {
  Driver driver(tiny_config(64));
  for (std::uint32_t i = 0; i < 64; ++i) {
    for (int frame = 0; frame < 3; ++frame) driver.send(numbered(i, i * kMs));
  }
  constexpr std::uint32_t kNew = 4;
  for (int frame = 0; frame < 3; ++frame) {
    for (std::uint32_t i = 0; i < kNew; ++i) driver.send(numbered(1000 + i, 1000 * kMs));
  }
  CHECK(driver.table().counters().flows_evicted == kNew);
  for (const SessionRecord& record : driver.finish())
    CHECK(record.a_to_b.total.packets + record.b_to_a.total.packets == 3);
}

TEST_CASE("a table full of sessions evicts the longest idle of a sample, and marks it") {
  Driver driver(tiny_config(8));
  for (std::uint32_t i = 0; i < 8; ++i) {
    for (int frame = 0; frame < 3; ++frame) driver.send(numbered(i, i * kMs));
  }
  driver.send(numbered(0, 9 * kMs));
  CHECK(driver.records.empty());
  driver.send(numbered(100, 10 * kMs));  // all eight are sampled: number 1 has been idle for longest
  REQUIRE(driver.records.size() == 1);
  CHECK(driver.records[0].end_reason == EndReason::kEvicted);
  CHECK(driver.records[0].last_ns == kStart + 1 * kMs);
  CHECK(driver.table().counters().flows_evicted == 1);
  CHECK(driver.table().flows_active() == 8);
}

TEST_CASE(
    "a burst of more flows than the table holds: every frame is counted once, no two flows share a slot") {
  for (const std::uint32_t flows_max : {1u, 2u, 7u, 64u}) {
    Driver driver(tiny_config(flows_max));
    for (std::uint32_t i = 0; i < 64; ++i) driver.add(numbered(i, i));
    driver.flush();
    std::set<const AppendSlot*> slots;
    for (const FlowHit& hit : driver.hits()) slots.insert(hit.slot);
    CHECK(slots.size() == 64);
    CHECK(driver.table().flows_active() == flows_max);
    for (std::uint32_t i = 0; i < 1000; ++i) driver.add(numbered(i % 97, kSecond + i));
    driver.finish();
    std::uint64_t packets = 0;
    for (const SessionRecord& record : driver.records)
      if (record.final()) packets += record.a_to_b.total.packets + record.b_to_a.total.packets;
    CHECK(packets == 1064);
    CHECK(driver.table().counters().frames_in_session == 1064);
  }
}

TEST_CASE("frames without a session have a null slot and are counted by status") {
  Driver driver;
  for (const DecodeStatus status :
       {DecodeStatus::kArp, DecodeStatus::kIp, DecodeStatus::kBadIpHeader, DecodeStatus::kArp}) {
    Packet packet = numbered(1);
    packet.status = status;
    driver.add(packet);
  }
  driver.flush();
  CHECK(driver.hits()[0].slot == nullptr);
  CHECK(driver.hits()[1].slot != nullptr);
  CHECK(driver.hits()[2].slot == nullptr);
  driver.table().count_unstored(driver.hits()[0]);
  const FlowCounters& counters = driver.table().counters();
  CHECK(counters.frames_in_session == 1);
  CHECK(counters.frames_no_session[static_cast<std::size_t>(DecodeStatus::kArp)] == 2);
  CHECK(counters.frames_no_session[static_cast<std::size_t>(DecodeStatus::kBadIpHeader)] == 1);
}

TEST_CASE("hits of one flow share their slot by direction, and say the fingerprint") {
  Driver driver;
  driver.add(numbered(1));
  driver.add(numbered(1).reply());
  driver.add(numbered(1));
  driver.flush();
  const auto& hits = driver.hits();
  CHECK(hits[0].slot == hits[2].slot);
  CHECK(hits[0].slot != hits[1].slot);
  CHECK(hits[0].direction != hits[1].direction);
  CHECK(hits[0].slot->block_generation == 0);
  driver.finish();
  CHECK(hits[0].fingerprint == flow_fingerprint(driver.records[0].key));
  CHECK(driver.records[0].key.link == 9);
  CHECK(driver.records[0].worker == 3);
}

TEST_CASE("unstored frames are in the final record, even where the flow ended within their burst") {
  Driver driver(tiny_config(1));
  driver.send(numbered(1));
  driver.table().count_unstored(driver.hits()[0]);

  std::array<Frame, 2> frames;
  std::array<PacketMeta, 2> metas;
  std::array<FlowHit, 2> hits;
  const std::vector<std::uint8_t> bytes[2] = {make_bytes(numbered(1)), make_bytes(numbered(2))};
  for (std::uint32_t i = 0; i < 2; ++i) {
    frames[i].data = bytes[i].data();
    frames[i].captured_bytes = static_cast<std::uint32_t>(bytes[i].size());
    frames[i].time_ns = kStart + kMs;
    metas[i] = make_meta(numbered(i + 1));
  }
  driver.table().update(frames, metas, hits);  // the second frame evicts the first one's flow
  for (const FlowHit& hit : hits) driver.table().count_unstored(hit);
  REQUIRE(driver.table().records().size() == 1);
  CHECK(driver.table().records()[0].unstored_packets == 2);
  driver.table().clear_records();
  driver.table().finish(1);
  CHECK(driver.table().records()[0].unstored_packets == 1);
}

TEST_CASE("records_max is kept to by advance and finish, and nothing is lost") {
  Driver driver;
  for (std::uint32_t i = 0; i < 500; ++i) driver.add(numbered(i));
  driver.flush();
  driver.table().observe_idle(3 * kSecond);
  bool more = true;
  std::size_t calls = 0;
  for (; more; ++calls) {
    more = driver.table().advance(7);
    REQUIRE(driver.table().records().size() <= 7);
    driver.table().clear_records();
  }
  CHECK(calls >= 500 / 7);
  CHECK(driver.table().counters().records_written == 500);
  CHECK(driver.finish(1).size() == 500);
}

TEST_CASE("tags and labels: those of each direction's first tagged frame") {
  Driver driver;
  std::vector<std::uint8_t> bytes = make_bytes(numbered(1));
  std::vector<std::uint8_t> reply_bytes = make_bytes(numbered(1).reply());
  std::array<Frame, 4> frames;
  std::array<PacketMeta, 4> metas;
  std::array<FlowHit, 4> hits;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool reply = i == 3;
    frames[i].data = reply ? reply_bytes.data() : bytes.data();
    frames[i].captured_bytes = static_cast<std::uint32_t>(bytes.size());
    frames[i].time_ns = kStart;
    metas[i] = make_meta(reply ? numbered(1).reply() : numbered(1));
  }
  metas[1].vlan_count = 2;  // the first frame is untagged
  metas[1].vlan_tci[0] = 0xe000;
  metas[1].vlan_tci[1] = 0xffff;
  metas[2].vlan_count = 1;
  metas[2].vlan_tci[0] = 5;
  metas[2].mpls_count = 1;
  metas[2].mpls_label = 0xfffff;
  metas[3].vlan_count = 1;
  metas[3].vlan_tci[0] = 77;
  metas[3].mpls_count = 2;
  metas[3].mpls_label = 3;
  driver.table().update(frames, metas, hits);
  driver.finish();
  const SessionRecord& record = driver.records.at(0);
  const bool a_first = hits[0].direction == Direction::kAToB;
  const DirectionState& there = a_first ? record.a_to_b : record.b_to_a;
  const DirectionState& back = a_first ? record.b_to_a : record.a_to_b;
  CHECK(there.vlan_outer == 1);
  CHECK(there.vlan_inner == 4096);
  CHECK(back.vlan_outer == 78);
  CHECK(back.vlan_inner == 0);
  CHECK(record.mpls_label == 0x100000);
}

TEST_CASE("a direction is opaque once a frame of it looks so, and stays so") {
  Driver driver;
  Packet packet = numbered(1);
  packet.payload.assign(200, 'a');
  Packet tls = packet;
  tls.payload[0] = 0x17;
  tls.payload[1] = 0x03;
  tls.payload[2] = 0x03;
  for (const Packet& p : {packet, tls, packet, tls.reply(), packet.reply()}) driver.add(p);
  driver.flush();
  const auto& hits = driver.hits();
  CHECK(hits[0].content_class == ContentClass::kClear);
  for (std::size_t i = 1; i < 5; ++i) CHECK(hits[i].content_class == ContentClass::kOpaque);
}

TEST_CASE("a direction that was clear for its first samples is not looked at again") {
  Driver driver;
  Packet packet = numbered(1);
  packet.payload.assign(200, 'a');
  for (int i = 0; i < 4; ++i) driver.add(packet);
  packet.payload[0] = 0x17;
  packet.payload[1] = packet.payload[2] = 0x03;
  driver.add(packet);
  driver.flush();
  CHECK(driver.hits()[4].content_class == ContentClass::kClear);
}

TEST_CASE("IPv6 and IPv4 flows of equal bytes are two flows") {
  Driver driver;
  Packet v6 = numbered(1);
  v6.ipv6 = true;
  driver.add(v6);
  driver.add(v6.reply());
  driver.add(numbered(1));
  driver.finish();
  CHECK(driver.records.size() == 2);
}

}  // namespace tapline::flowgen
