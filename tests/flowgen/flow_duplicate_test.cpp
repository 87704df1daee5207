// Copies of frames through the table: counted, and in nothing else of the record. And counters that near
// their limits because no slab is left for the record before.

#include <catch2/catch.hpp>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

// A handshake, a request of 100 bytes, its answer of 3000 in three segments, the ends.
std::vector<Packet> conversation() {
  Packet client;
  client.has_transport_header = true;
  client.ip_id = 1;
  std::vector<Packet> packets;
  const auto add = [&](bool from_client, int flags, std::uint32_t seq, std::uint32_t ack,
                       std::uint32_t payload_bytes) {
    Packet packet = from_client ? client : client.reply();
    packet = packet.with_flags(flags, seq).at(kStart + static_cast<TimeNs>(packets.size()) * 300 * kMs);
    packet.tcp_ack = ack;
    packet.payload_bytes = payload_bytes;
    packet.ip_id = static_cast<std::uint16_t>(packets.size() + 1);
    packets.push_back(packet);
  };
  add(true, kSyn, 100, 0, 0);
  add(false, kSyn | kAck, 500, 101, 0);
  add(true, kAck, 101, 501, 0);
  add(true, kAck | kPsh, 101, 501, 100);
  for (std::uint32_t i = 0; i < 3; ++i) add(false, kAck, 501 + i * 1000, 201, 1000);
  add(true, kFin | kAck, 201, 3501, 0);
  add(false, kFin | kAck, 3501, 202, 0);
  add(true, kAck, 202, 3502, 0);
  return packets;
}

struct Outcome {
  std::vector<SessionRecord> records;
  FlowCounters counters;
};

/// Every frame `copies` times more, each 50 us after the one before, as seen behind a router.
Outcome record(const std::vector<Packet>& packets, int copies) {
  Driver driver(apart_config());
  for (Packet packet : packets) {
    driver.send(packet);
    CHECK_FALSE(driver.hits()[0].duplicate);
    for (int i = 0; i < copies; ++i) {
      packet.time_ns += 50'000;
      packet.ttl = 63;
      driver.send(packet);
      CHECK(driver.hits()[0].duplicate);
      CHECK(driver.hits()[0].slot != nullptr);
    }
  }
  driver.finish();
  return {driver.records, driver.table().counters()};
}

SessionRecord without_duplicates(SessionRecord record) {
  for (DirectionState* state : {&record.a_to_b, &record.b_to_a})
    state->total.duplicate_packets = state->previous.duplicate_packets = 0;
  return record;
}

}  // namespace

TEST_CASE("copies are counted and change nothing else in the records") {
  const std::vector<Packet> packets = conversation();
  const Outcome once = record(packets, 0);
  for (const int copies : {1, 2}) {
    const Outcome more = record(packets, copies);
    CHECK(more.counters.frames_in_session == packets.size());
    CHECK(more.counters.frames_duplicate == packets.size() * static_cast<std::size_t>(copies));
    REQUIRE(more.records.size() == once.records.size());
    for (std::size_t i = 0; i < once.records.size(); ++i) {
      const SessionRecord& a = once.records[i];
      const SessionRecord b = without_duplicates(more.records[i]);
      CHECK(a.uid == b.uid);
      CHECK(a.a_to_b.total == b.a_to_b.total);
      CHECK(a.b_to_a.total == b.b_to_a.total);
      CHECK(a.a_to_b.tcp == b.a_to_b.tcp);
      CHECK(a.b_to_a.tcp == b.b_to_a.tcp);
      CHECK(a.a_to_b.ttl_min == b.a_to_b.ttl_min);
      CHECK(a.last_ns == b.last_ns);
      CHECK(a.history.text(Direction::kAToB, false) == b.history.text(Direction::kAToB, false));
      CHECK(a.conn_state == b.conn_state);
      CHECK(a.rtt_server_ns == b.rtt_server_ns);
      const auto times = static_cast<std::uint64_t>(copies);
      CHECK(more.records[i].a_to_b.total.duplicate_packets == times * a.a_to_b.total.packets);
      CHECK(more.records[i].b_to_a.total.duplicate_packets == times * a.b_to_a.total.packets);
      CHECK(more.records[i].a_to_b.previous.duplicate_packets == times * a.a_to_b.previous.packets);
    }
  }
}

TEST_CASE("a session of one SYN that is seen twice takes no slab") {
  FlowTableConfig config = apart_config();
  config.tcp_slabs_max = 1;
  Driver driver(config);
  for (std::uint32_t i = 0; i < 100; ++i) {
    Packet syn = conversation()[0];
    syn.source = 1000 + i;
    driver.send(syn);
    driver.send(syn.at(syn.time_ns + 1000));
  }
  driver.finish();
  CHECK(driver.table().counters().tcp_slab_exhausted == 0);
  CHECK(driver.table().counters().frames_duplicate == 100);
}

TEST_CASE("a copy that comes after its session has ended begins none before its time") {
  FlowTableConfig config = apart_config();
  config.flows_max = 1;
  Driver driver(config);
  const Packet first = conversation()[0];
  Packet other = first;
  other.source = 77;
  driver.send(first);
  driver.send(other);  // evicts it
  driver.send(first.at(first.time_ns + 1000));
  CHECK(driver.table().counters().frames_in_session == 3);
  CHECK(driver.table().counters().frames_duplicate == 0);
}

TEST_CASE("a flow without a slab for its records ends before a counter can overflow") {
  FlowTableConfig config = apart_config();
  config.interim_slabs_max = 1;
  Driver driver(config);
  Packet packet;
  packet.ip_proto = kIpProtoUdp;
  packet.time_ns = kStart;
  driver.send(packet);
  driver.send(packet.at(kStart + kSecond));  // has the only slab
  Packet fat = packet;
  fat.source_port = 1;
  fat.payload_bytes = 0xfff0'0000;
  constexpr std::uint64_t kFrames = 3000;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    const TimeNs time_ns = kStart + static_cast<TimeNs>(i) * 100 * kMs;
    driver.send(fat.at(time_ns));
    if (i % 20 == 0) driver.send(packet.at(time_ns));
  }
  driver.finish();
  std::uint64_t payload_bytes = 0;
  std::uint32_t parts = 0;
  for (const SessionRecord& record : driver.records) {
    if (!record.final() || record.key.port_a == 40'000 || record.key.port_b == 40'000) continue;
    payload_bytes += record.a_to_b.total.payload_bytes + record.b_to_a.total.payload_bytes;
    ++parts;
  }
  CHECK(payload_bytes == kFrames * fat.payload_bytes);
  CHECK(parts > 1);
  CHECK(driver.table().counters().flows_evicted == parts - 1);
}

}  // namespace tapline::flowgen
