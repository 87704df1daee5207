#include <catch2/catch.hpp>
#include <set>

#include "capture/packet/decode.hpp"
#include "tests/packet/golden_packets.hpp"
#include "tests/packet/meta_text.hpp"

namespace tapline::test {
namespace {

PacketMeta decoded(const PacketBytes& bytes, std::uint16_t link_type = kLinkEthernet) {
  PacketMeta meta;
  std::memset(static_cast<void*>(&meta), 0xa5, sizeof meta);  // nothing of the frame before may show through
  decode(frame_of(bytes, link_type), meta);
  return meta;
}

PacketMeta decoded(const PacketBuilder& builder) {
  return decoded(builder.bytes());
}

}  // namespace

TEST_CASE("every golden packet decodes as the table says") {
  std::set<std::string> names;
  for (const GoldenPacket& packet : golden_packets()) {
    CAPTURE(packet.name);
    CHECK(names.insert(packet.name).second);
    CHECK(meta_text(decoded(packet.bytes, packet.link_type)) == packet.expected);
  }
}

TEST_CASE("a burst decodes as its frames do one by one") {
  const std::vector<GoldenPacket> packets = golden_packets();
  std::vector<Frame> frames;
  for (const GoldenPacket& packet : packets) frames.push_back(frame_of(packet.bytes, packet.link_type));
  for (std::size_t begin = 0; begin < frames.size(); begin += 5) {
    const std::size_t count = std::min<std::size_t>(kBurstFramesMax, frames.size() - begin);
    std::vector<PacketMeta> metas(count);
    std::memset(static_cast<void*>(metas.data()), 0xa5, count * sizeof(PacketMeta));
    decode_burst(std::span(frames).subspan(begin, count), metas);
    for (std::size_t i = 0; i < count; ++i) {
      const PacketMeta alone = decoded(packets[begin + i].bytes, packets[begin + i].link_type);
      CAPTURE(packets[begin + i].name);
      REQUIRE(std::memcmp(&metas[i], &alone, sizeof alone) == 0);
    }
  }
  decode_burst({}, {});
}

TEST_CASE("the wire length counts only where the header has none") {
  PacketBytes bytes = PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).payload(10).bytes();
  const auto ip_bytes = [&](std::uint32_t wire_bytes) {
    Frame frame = frame_of(bytes);
    frame.wire_bytes = wire_bytes;
    PacketMeta meta;
    decode(frame, meta);
    return meta.ip_bytes;
  };
  CHECK(ip_bytes(0) == 50);
  CHECK(ip_bytes(70'000) == 50);
  store_be16(bytes.data() + 16, 0);  // total length 0
  CHECK(ip_bytes(70'014) == 70'000);
  CHECK(ip_bytes(0) == 50);  // a wire length below what was captured is not believed
  CHECK(ip_bytes(UINT32_MAX) == UINT32_MAX - 14);
}

TEST_CASE("the envelope hash tells tags, labels and sessions apart, and nothing else") {
  const auto eth = [] { return PacketBuilder().eth(); };
  const auto hash = [](PacketBuilder builder) {
    return decoded(builder.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2)).envelope_hash;
  };
  CHECK(hash(eth()) == 0);
  const std::uint32_t vlan = hash(eth().vlan(5));
  CHECK(vlan == hash(eth().vlan(5, kEtherTypeServiceVlan, 6)));  // only ids count: priorities vary by packet
  std::set<std::uint32_t> hashes = {
      vlan,
      hash(eth().vlan(0)),
      hash(eth().vlan(0).vlan(0)),
      hash(eth().vlan(6)),
      hash(eth().vlan(5).vlan(6)),
      hash(eth().vlan(6).vlan(5)),
      hash(eth().vlan(5).vlan(6).vlan(7)),
      hash(eth().vlan(5).vlan(6).vlan(8)),
      hash(eth().mpls(5)),
      hash(eth().mpls(5).mpls(6)),
      hash(eth().mpls(6).mpls(5)),
      hash(eth().vlan(5).mpls(5)),
      hash(eth().pppoe(5)),
      hash(eth().pppoe(0)),
      hash(eth().backbone(5)),
      hash(eth().backbone(6)),
  };
  CHECK(hashes.size() == 16);
  CHECK(hash(eth().fabric_path()) == 0);
  CHECK(hash(eth().vn_tag()) == 0);
  CHECK(hashes.count(0) == 0);
}

TEST_CASE("requests and replies of ICMP have mirrored ports") {
  for (const auto& [request, reply] : {std::pair{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}}) {
    PacketBuilder base = PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2");
    PacketBuilder base_back = base;
    const PacketMeta there = decoded(base.icmp(static_cast<std::uint8_t>(request), 0));
    const PacketMeta back = decoded(base_back.icmp(static_cast<std::uint8_t>(reply), 0));
    CHECK(there.src_port == request);
    CHECK(there.src_port == back.dst_port);
    CHECK(there.dst_port == back.src_port);
    CHECK_FALSE(there.has(kMetaIcmpOneWay));
  }
  for (const auto& [request, reply] :
       {std::pair{128, 129}, {130, 131}, {133, 134}, {135, 136}, {139, 140}, {144, 145}}) {
    PacketBuilder base = PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2");
    PacketBuilder base_back = base;
    const PacketMeta there = decoded(base.icmpv6(static_cast<std::uint8_t>(request), 0));
    const PacketMeta back = decoded(base_back.icmpv6(static_cast<std::uint8_t>(reply), 0));
    CHECK(there.src_port == request);
    CHECK(there.src_port == back.dst_port);
    CHECK(there.dst_port == back.src_port);
    CHECK_FALSE(there.has(kMetaIcmpOneWay));
  }
}

}  // namespace tapline::test
