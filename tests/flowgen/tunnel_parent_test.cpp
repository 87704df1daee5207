// Packets in tunnels: sessions of their own, which know the session that carries them.

#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "capture/packet/decode.hpp"
#include "capture/packet/packet_layers.hpp"
#include "capture/packet/tunnel_id.hpp"
#include "tests/flowgen/packet_maker.hpp"
#include "tests/packet/tunnel_packets.hpp"

namespace tapline::flowgen {
namespace {

using test::in_udp;
using test::joined;
using test::PacketBuilder;
using test::PacketBytes;

/// Feeds frames with all packets within them, as the sensor does.
class LayeredDriver {
 public:
  explicit LayeredDriver(const FlowTableConfig& config = Driver::small_config())
      : table_(*FlowTable::create(config)) {}

  /// One update() for each frame.
  void send(const PacketBytes& bytes, TimeNs time_ns) {
    bytes_.push_back(bytes);
    Frame frame;
    frame.data = bytes_.back().data();
    frame.captured_bytes = frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
    frame.time_ns = time_ns;
    frame.order = order_.next(time_ns);
    PacketMeta meta;
    decode(frame, meta);
    layers_.clear();
    layers_.add(frame, meta);
    hits.resize(layers_.metas().size());
    table_->update(layers_.frames(), layers_.metas(), hits);
    drain();
  }
  /// Final records by the text of their tunnel.
  std::map<std::string, std::vector<SessionRecord>> finish() {
    while (table_->finish(FlowTable::kRecordsPerAdvanceMax)) drain();
    drain();
    std::map<std::string, std::vector<SessionRecord>> finals;
    for (const SessionRecord& record : records) {
      if (record.final()) finals[format_tunnel_id(record.key.tunnel_id)].push_back(record);
    }
    return finals;
  }
  FlowTable& table() { return *table_; }

  std::vector<SessionRecord> records;
  std::vector<FlowHit> hits;

 private:
  void drain() {
    const auto written = table_->records();
    records.insert(records.end(), written.begin(), written.end());
    table_->clear_records();
  }

  std::unique_ptr<FlowTable> table_;
  std::deque<PacketBytes> bytes_;
  OrderKeeper order_;
  LayeredBurst layers_;
};

PacketBytes vxlan(std::uint8_t network, const PacketBytes& inner, std::uint16_t src_port = 50'000) {
  return in_udp(4789, joined({8, 0, 0, 0, 0, 0, network, 0}, inner), src_port);
}
PacketBytes datagram(std::uint16_t id) {
  return PacketBuilder()
      .eth()
      .ipv4("192.168.7.1", "192.168.7.2", {.id = id})
      .udp(1111, 2222)
      .payload(40)
      .bytes();
}
PacketBytes ip_in_ip(std::size_t depth) {
  PacketBuilder packet;
  packet.eth();
  for (std::size_t i = 0; i < depth; ++i) packet.ipv4("10.0.0.1", "10.0.0.2");
  return packet.ipv4("192.168.7.1", "192.168.7.2").udp(1, 2).payload(8).bytes();
}

}  // namespace

TEST_CASE("a packet in a tunnel is counted in the session that carries it and in one of its own") {
  LayeredDriver driver;
  for (std::uint16_t i = 0; i < 3; ++i) driver.send(vxlan(42, datagram(i)), kStart + i * kMs);
  const auto finals = driver.finish();
  REQUIRE(finals.at("").size() == 1);
  REQUIRE(finals.at("vxlan:42").size() == 1);
  const SessionRecord& outer = finals.at("").front();
  const SessionRecord& inner = finals.at("vxlan:42").front();
  CHECK(outer.parent_uid == Uid{});
  CHECK(inner.parent_uid == outer.uid);
  CHECK(inner.uid != outer.uid);
  CHECK(outer.a_to_b.total.packets == 3);
  CHECK(inner.a_to_b.total.packets == 3);
  CHECK(inner.a_to_b.total.ip_bytes == 3 * 68);
  CHECK(inner.a_to_b.total.frame_bytes == outer.a_to_b.total.frame_bytes);
  CHECK(outer.a_to_b.total.ip_bytes == 3 * (82 + 8 + 8 + 20));
  CHECK(driver.table().counters().frames_in_session == 6);
}

TEST_CASE("the same five-tuple in two networks, and outside of any, is three sessions") {
  LayeredDriver driver;
  driver.send(vxlan(1, datagram(1)), kStart);
  driver.send(vxlan(2, datagram(2)), kStart);
  driver.send(datagram(3), kStart);
  const auto finals = driver.finish();
  CHECK(finals.at("vxlan:1").size() == 1);
  CHECK(finals.at("vxlan:2").size() == 1);
  CHECK(finals.at("").size() == 2);
}

TEST_CASE("a packet seen outside of its tunnel, too, is no copy of itself") {
  LayeredDriver driver(apart_config());
  driver.send(
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").ip_proto(4).payload(test::inner_ipv4()).bytes(),
      kStart);
  driver.send(joined({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}, test::inner_ipv4()), kStart + 1);
  CHECK(driver.table().counters().frames_duplicate == 0);
  CHECK(driver.table().counters().frames_in_session == 3);
}

TEST_CASE("what is within a copy of a frame is a copy") {
  LayeredDriver driver(apart_config());
  PacketBytes inner = datagram(0);  // nothing in it tells it from the next one
  const PacketBytes frame = vxlan(42, inner);
  driver.send(frame, kStart);
  driver.send(frame, kStart + 5 * kMs);
  const auto finals = driver.finish();
  CHECK(finals.at("").front().a_to_b.total.duplicate_packets == 1);
  CHECK(finals.at("vxlan:42").front().a_to_b.total.duplicate_packets == 1);
  CHECK(finals.at("vxlan:42").front().a_to_b.total.packets == 1);
}

TEST_CASE("a tunnel that numbers all its packets alike does not make copies of what it carries") {
  LayeredDriver driver(apart_config());
  for (std::uint32_t i = 0; i < 20; ++i) {
    const PacketBytes segment =
        PacketBuilder()
            .eth()
            .ipv4("192.168.7.1", "192.168.7.2", {.id = static_cast<std::uint16_t>(i + 1)})
            .tcp(1111, 80, kTcpAck, {.seq = 1000 + i * 100})
            .payload(100)
            .bytes();
    driver.send(vxlan(42, segment), kStart + i * 1000);  // equal identification, ports and lengths outside
  }
  const auto finals = driver.finish();
  CHECK(finals.at("vxlan:42").front().a_to_b.total.packets == 20);
  CHECK(finals.at("").front().a_to_b.total.packets == 20);
  CHECK(driver.table().counters().frames_duplicate == 0);
}

TEST_CASE("tunnels in tunnels: each session's parent is the one around it") {
  LayeredDriver driver;
  driver.send(ip_in_ip(3), kStart);
  // The two outermost headers in tunnels are of one five-tuple and tunnel: one session.
  const auto finals = driver.finish();
  REQUIRE(finals.at("").size() == 1);
  REQUIRE(finals.at("ip").size() == 2);
  std::map<std::uint8_t, SessionRecord> by_proto;
  for (const SessionRecord& record : finals.at("ip")) by_proto[record.key.ip_proto] = record;
  CHECK(by_proto.at(kIpProtoIpv4).parent_uid == finals.at("").front().uid);
  CHECK(by_proto.at(kIpProtoIpv4).a_to_b.total.packets == 2);
  CHECK(by_proto.at(kIpProtoUdp).parent_uid == by_proto.at(kIpProtoIpv4).uid);
}

TEST_CASE("a session keeps the parent of its first packet; a new instance has its own") {
  LayeredDriver driver;
  driver.send(vxlan(42, datagram(1), 50'000), kStart);
  driver.send(vxlan(42, datagram(2), 50'001), kStart + kMs);
  driver.send(vxlan(42, datagram(3), 50'001), kStart + 600 * kSecond);
  const auto finals = driver.finish();
  REQUIRE(finals.at("vxlan:42").size() == 2);
  std::map<TimeNs, Uid> outer;
  for (const SessionRecord& record : finals.at("")) outer[record.first_ns] = record.uid;
  for (const SessionRecord& record : finals.at("vxlan:42"))
    CHECK(record.parent_uid == outer.at(record.first_ns));
}

TEST_CASE("every record of a session names its parent") {
  LayeredDriver driver;
  for (int i = 0; i < 200; ++i)
    driver.send(vxlan(42, datagram(static_cast<std::uint16_t>(i))), kStart + i * kSecond);
  driver.finish();
  std::size_t inner = 0;
  for (const SessionRecord& record : driver.records) {
    if (record.key.tunnel_id == 0) continue;
    ++inner;
    CHECK(record.parent_uid != Uid{});
    CHECK(record.parent_uid == driver.records.front().uid);
  }
  CHECK(inner >= 5);
}

TEST_CASE("a packet whose carrier is not there has a session without a parent") {
  const PacketBytes bytes = vxlan(42, datagram(1));
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = frame.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  frame.time_ns = frame.order.time_ns = kStart;
  PacketMeta meta;
  decode(frame, meta);
  Frame inner;
  PacketMeta inner_meta;
  REQUIRE(decode_inner(frame, meta, inner, inner_meta));
  const auto table = *FlowTable::create(Driver::small_config());
  std::array<FlowHit, 1> hits;
  table->update({&inner, 1}, {&inner_meta, 1}, hits);
  table->finish(10);
  REQUIRE(table->records().size() == 1);
  CHECK(table->records()[0].parent_uid == Uid{});
  CHECK(table->records()[0].key.tunnel_id == make_tunnel_id(TunnelKind::kVxlan, 42));
}

TEST_CASE("a packet that ends the flow of its own carrier is told of that one") {
  Packet packet;  // header after header of one five-tuple and tunnel
  packet.time_ns = kStart;
  packet.ip_proto = kIpProtoUdp;
  packet.tunnel_id = make_tunnel_id(TunnelKind::kIp);
  Driver driver;
  driver.add(packet);
  driver.add(packet.at(kStart + 600 * kSecond));  // its time is not its carrier's: nobody sends that
  driver.finish();
  const SessionRecord& first = driver.records.front();
  const SessionRecord& second = driver.records.back();
  CHECK(first.parent_uid == Uid{});
  CHECK(second.uid != first.uid);
  CHECK(second.parent_uid == first.uid);
}

TEST_CASE("in a full table the parent may be what makes room, and is named all the same") {
  FlowTableConfig config = Driver::small_config();
  config.flows_max = 1;
  LayeredDriver driver(config);
  for (std::uint16_t i = 0; i < 20; ++i)
    driver.send(vxlan(42, datagram(i), static_cast<std::uint16_t>(50'000 + i)), kStart + i * kMs);
  const auto finals = driver.finish();
  std::map<TimeNs, Uid> outer;
  for (const SessionRecord& record : finals.at("")) outer[record.first_ns] = record.uid;
  for (const SessionRecord& record : finals.at("vxlan:42")) {
    CHECK(record.parent_uid == outer.at(record.first_ns));
  }
}

}  // namespace tapline::flowgen
