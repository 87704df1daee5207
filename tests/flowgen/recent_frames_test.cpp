// Copies of frames: what makes one, how far apart they may be, how many frames are remembered.

#include "flowgen/recent_frames.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

constexpr TimeNs kUnit = TimeNs{1} << kCopyUnitLog2;
const FlowHash kHash(5);

FramePrint print(const Packet& packet) {
  const std::vector<std::uint8_t> bytes = make_bytes(packet);
  const PacketMeta meta = make_meta(packet);
  Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = static_cast<std::uint32_t>(bytes.size());
  FlowKey key;
  const Direction direction = make_flow_key(frame, meta, 0, key);
  return print_of(kHash, kHash(key), direction, frame, meta);
}

Packet segment(std::uint16_t ip_id = 77) {
  Packet packet;
  packet.tcp_flags = kAck;
  packet.ip_id = ip_id;
  packet.has_transport_header = true;
  return packet;
}

class Recent {
 public:
  bool take(const Packet& packet, TimeNs after_ns = 0) {
    return frames_.take(print(packet), kStart + after_ns);
  }

 private:
  RecentFrames frames_ = *RecentFrames::create();
};

/// Whether the second is taken for a copy of the first.
bool is_copy(const Packet& first, const Packet& second, TimeNs after_ns = kMs) {
  Recent recent;
  REQUIRE(!recent.take(first));
  return recent.take(second, after_ns);
}

template <class Change>
Packet changed(Packet packet, Change change) {
  change(packet);
  return packet;
}

}  // namespace

TEST_CASE("a copy may differ in TTL and tags, and in nothing else") {
  const Packet first = segment();
  CHECK(is_copy(first, first));
  CHECK(is_copy(first, changed(first, [](Packet& p) { p.ttl = 63; })));
  CHECK(is_copy(first, changed(first, [](Packet& p) { p.vlan = 7; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.ip_id = 78; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.tcp_seq = 1; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.tcp_ack = 1; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.tcp_flags = kAck | kPsh; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.tcp_window = 0; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.payload_bytes = 1; })));
  CHECK_FALSE(is_copy(first, changed(first, [](Packet& p) { p.source = 9; })));
  CHECK_FALSE(is_copy(first, first.reply()));
}

TEST_CASE("copies come within ten milliseconds, earlier or later; a copy of a copy counts from there") {
  CHECK(is_copy(segment(), segment(), kCopyUnits * kUnit));
  CHECK_FALSE(is_copy(segment(), segment(), (kCopyUnits + 1) * kUnit));
  CHECK(is_copy(segment(), segment(), -kCopyUnits * kUnit));
  CHECK_FALSE(is_copy(segment(), segment(), -(kCopyUnits + 1) * kUnit));
  CHECK_FALSE(is_copy(segment(), segment(), 40'000 * kUnit));
  Recent recent;
  CHECK_FALSE(recent.take(segment()));
  for (TimeNs i = 1; i < 10; ++i) CHECK(recent.take(segment(), i * 8 * kUnit));
}

TEST_CASE(
    "without identification equal datagrams are copies where TTL or tags say that they were seen twice") {
  const auto elsewhere = [](Packet& p) { p.ttl = 63; };
  const Packet bare = segment(0);
  CHECK(is_copy(bare, bare, kUnit));
  CHECK_FALSE(is_copy(bare, bare, 2 * kUnit));
  for (const Packet& packet : {bare.with_flags(kRst), bare.with_flags(kRst | kAck)}) {
    CHECK_FALSE(is_copy(packet, packet));
    CHECK(is_copy(packet, changed(packet, elsewhere)));
    // The sender's next one, and its copy.
    Recent recent;
    CHECK_FALSE(recent.take(packet));
    CHECK(recent.take(changed(packet, elsewhere)));
    CHECK_FALSE(recent.take(packet));
    CHECK(recent.take(changed(packet, elsewhere)));
  }
  CHECK(is_copy(bare.with_flags(kSyn), bare.with_flags(kSyn)));
  CHECK(is_copy(bare.with_flags(kFin | kAck), bare.with_flags(kFin | kAck)));
  const Packet data = changed(bare, [](Packet& p) { p.payload_bytes = 5; });
  CHECK(is_copy(data, data));
  const Packet stamped = changed(bare, [](Packet& p) { p.tcp_header_bytes = 32; });
  CHECK(is_copy(stamped, stamped));
}

TEST_CASE("without identification equal payload is a copy at once, later only from elsewhere") {
  Packet datagram = segment(0);
  datagram.ip_proto = kIpProtoUdp;
  datagram.has_transport_header = true;
  datagram.payload_bytes = 60;
  datagram.payload.assign(48, 7);
  datagram.tcp_seq = 68u << 16 | 0x0777;  // length and checksum here
  CHECK(is_copy(datagram, datagram, kUnit));
  CHECK_FALSE(is_copy(datagram, datagram, 2 * kUnit));
  CHECK(is_copy(datagram, changed(datagram, [](Packet& p) { p.ttl = 63; }), 2 * kUnit));
  CHECK_FALSE(is_copy(datagram, changed(datagram, [](Packet& p) { p.tcp_ack = 1; }), 0));  // payload here
  CHECK_FALSE(is_copy(datagram, changed(datagram, [](Packet& p) { p.payload[40] = 1; }), 0));
  const Packet unchecked = changed(datagram, [](Packet& p) { p.tcp_seq = 68u << 16; });
  CHECK_FALSE(is_copy(unchecked, unchecked, 0));
  CHECK(is_copy(unchecked, changed(unchecked, [](Packet& p) { p.ttl = 63; }), 0));
  datagram.payload_bytes = 0;
  CHECK_FALSE(is_copy(datagram, datagram, 0));
}

TEST_CASE("a frame of which too little was captured is never a copy") {
  Packet packet = segment();
  packet.ip_proto = kIpProtoUdp;
  packet.has_transport_header = false;
  CHECK_FALSE(is_copy(packet, packet));
}

TEST_CASE("copies are found as a list of all frames finds them, while no more come than are remembered") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  Recent recent;
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::int64_t> last_unit;
  std::uint32_t copies = 0;
  TimeNs now_ns = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    now_ns += static_cast<TimeNs>(random() % 100'000);
    Packet packet = segment(static_cast<std::uint16_t>(1 + random() % 64));
    packet.source = static_cast<std::uint32_t>(random() % 16);
    const std::int64_t unit = (kStart + now_ns) >> kCopyUnitLog2;
    const auto known = last_unit.find({packet.source, packet.ip_id});
    const bool expected = known != last_unit.end() && unit - known->second <= kCopyUnits;
    last_unit[{packet.source, packet.ip_id}] = unit;
    copies += expected ? 1 : 0;
    REQUIRE(recent.take(packet, now_ns) == expected);
  }
  CHECK(copies > 10'000);
}

TEST_CASE(
    "of frames that come twice, ten thousand apart, nearly all are found; none of those that come once") {
  constexpr std::uint32_t kApart = 10'000;
  constexpr std::uint32_t kFrames = 60'000;
  Recent recent;
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < kFrames; ++i) {
    Packet packet = segment();
    packet.tcp_seq = i;
    REQUIRE_FALSE(recent.take(packet, i));
    packet.tcp_seq = i - kApart;
    if (i >= kApart && recent.take(packet, i)) ++found;
  }
  CHECK(found > (kFrames - kApart) / 100 * 90);
}

}  // namespace tapline::flowgen
