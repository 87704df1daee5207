#include "capture/packet/packet_layers.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/tunnel_id.hpp"
#include "tests/packet/exact_frame.hpp"
#include "tests/packet/meta_invariants.hpp"
#include "tests/packet/tunnel_packets.hpp"

namespace tapline::test {
namespace {

struct Layers {
  std::vector<Frame> frames;
  std::vector<PacketMeta> metas;
};

/// Every packet within a frame. Checks what holds of each.
Layers layers_of(const Frame& frame) {
  Layers layers;
  PacketMeta meta;
  decode(frame, meta);
  any_packet(frame, meta, [&](const Frame& packet, const PacketMeta& packet_meta) {
    const char* const broken = broken_invariant(packet, packet_meta);
    CHECK(std::string(broken != nullptr ? broken : "") == "");
    CHECK(packet.data >= frame.data);
    CHECK(packet.data + packet.captured_bytes <= frame.data + frame.captured_bytes);
    layers.frames.push_back(packet);
    layers.metas.push_back(packet_meta);
    return false;
  });
  return layers;
}

Layers layers_of(const PacketBytes& bytes, std::size_t captured_bytes) {
  return layers_of(ExactFrame(bytes, captured_bytes).frame);
}

/// `count` headers of IP in IP around a datagram.
PacketBytes nested(std::size_t count) {
  PacketBuilder packet;
  packet.eth();
  for (std::size_t i = 0; i < count; ++i) packet.ipv4("10.0.0.1", "10.0.0.2");
  return packet.ipv4("192.168.7.1", "192.168.7.2").udp(1, 2).payload(8).bytes();
}

}  // namespace

TEST_CASE("of each kind of tunnel the inner packet is found, with its number") {
  for (const TunnelPacket& packet : tunnel_packets()) {
    CAPTURE(packet.name);
    const Layers layers = layers_of(packet.bytes, packet.bytes.size());
    CHECK(layers.metas[0].status == DecodeStatus::kIp);
    CHECK(layers.metas[0].tunnel_id == 0);
    REQUIRE(layers.metas.size() == (packet.tunnel.empty() ? 1 : 2));
    if (packet.tunnel.empty()) continue;
    const PacketMeta& inner = layers.metas[1];
    CHECK(format_tunnel_id(inner.tunnel_id) == packet.tunnel);
    CHECK(inner.envelope_hash != 0);
    CHECK(inner.envelope_hash != layers.metas[0].envelope_hash);
    if (inner.status == DecodeStatus::kArp) continue;
    CHECK(inner.src_port == 1111);
    CHECK(inner.dst_port == 2222);
    CHECK(inner.payload_bytes == 40);
    CHECK(layers.frames[1].wire_bytes == packet.bytes.size());
  }
}

TEST_CASE("names of test packets are unique") {
  std::set<std::string> names;
  for (const TunnelPacket& packet : tunnel_packets()) CHECK(names.insert(packet.name).second);
}

TEST_CASE("of a cut frame the inner packet is what was captured of it, or none") {
  for (const TunnelPacket& packet : tunnel_packets()) {
    CAPTURE(packet.name);
    const Layers whole = layers_of(packet.bytes, packet.bytes.size());
    for (std::size_t count = 0; count < packet.bytes.size(); ++count) {
      CAPTURE(count);
      const Layers cut = layers_of(packet.bytes, count);
      if (packet.tunnel.empty()) CHECK(cut.metas.size() == 1);
      if (cut.metas.size() < 2 || whole.metas.size() < 2) continue;
      CHECK(cut.metas[1].tunnel_id == whole.metas[1].tunnel_id);
      CHECK(cut.metas[1].ip_bytes == whole.metas[1].ip_bytes);
      CHECK(cut.metas[1].envelope_hash == whole.metas[1].envelope_hash);
      CHECK(cut.frames[1].wire_bytes == whole.frames[1].wire_bytes);
    }
  }
}

TEST_CASE("tags within a tunnel are the inner packet's, those around it the outer one's") {
  const PacketBytes vxlan = joined({8, 0, 0, 0, 0, 0, 42, 0}, inner_ethernet(3));
  const PacketBytes bytes =
      PacketBuilder().eth().vlan(100).ipv4("10.0.0.1", "10.0.0.2").udp(1, 4789).payload(vxlan).bytes();
  const Layers layers = layers_of(bytes, bytes.size());
  REQUIRE(layers.metas.size() == 2);
  CHECK(layers.metas[0].vlan_tci[0] == 100);
  CHECK(layers.metas[1].vlan_count == 1);
  CHECK(layers.metas[1].vlan_tci[0] == 3);
}

TEST_CASE("what the carrier's link pads is not the inner packet's") {
  PacketBytes bytes = in_ip(4, inner_ipv4());
  const std::size_t packet_bytes = bytes.size();
  bytes.resize(packet_bytes + 100, 0xee);
  const Layers layers = layers_of(bytes, bytes.size());
  REQUIRE(layers.frames.size() == 2);
  CHECK(layers.frames[1].captured_bytes == inner_ipv4().size());
}

TEST_CASE("the depth is bounded, and so is the work of a thousand headers") {
  for (const std::size_t count : {0, 1, 4, 5}) {
    const PacketBytes bytes = nested(count);
    const Layers layers = layers_of(bytes, bytes.size());
    CHECK(layers.metas.size() == count + 1);
    CHECK(layers.metas.back().dst_port == 2);
  }
  const PacketBytes deep = nested(1000);
  const Layers layers = layers_of(deep, deep.size());
  CHECK(layers.metas.size() == kPacketLayersMax);
  CHECK(layers.metas.back().has(kMetaTunnel));  // what is deeper is not looked at
}

TEST_CASE("a later fragment carries nothing that can be read, a first one does") {
  const PacketBytes inner = inner_ipv4();
  const PacketBytes first = PacketBuilder()
                                .eth()
                                .ipv4("10.0.0.1", "10.0.0.2", {.more_fragments = true, .ip_proto = 4})
                                .payload(inner)
                                .bytes();
  const PacketBytes later = PacketBuilder()
                                .eth()
                                .ipv4("10.0.0.1", "10.0.0.2", {.fragment_offset = 64, .ip_proto = 4})
                                .payload(inner)
                                .bytes();
  CHECK(layers_of(first, first.size()).metas.size() == 2);
  CHECK(layers_of(later, later.size()).metas.size() == 1);
}

TEST_CASE(
    "the same packet has another envelope by another tunnel, and in the other direction the same tunnel") {
  const auto inner_of = [](const PacketBytes& bytes) { return layers_of(bytes, bytes.size()).metas.at(1); };
  const PacketBytes content = joined({8, 0, 0, 0, 0, 0, 42, 0}, inner_ethernet());
  const auto between = [&](const char* from, const char* to, std::uint16_t port) {
    return inner_of(PacketBuilder().eth().ipv4(from, to).udp(port, 4789).payload(content).bytes());
  };
  const PacketMeta one = between("10.0.0.1", "10.0.0.2", 50'000);
  CHECK(between("10.0.0.1", "10.0.0.2", 50'000).envelope_hash == one.envelope_hash);
  for (const PacketMeta& other :
       {between("10.0.0.1", "10.0.0.3", 50'000), between("10.0.0.1", "10.0.0.2", 50'001),
        between("10.0.0.2", "10.0.0.1", 50'000)}) {
    CHECK(other.envelope_hash != one.envelope_hash);
    CHECK(other.tunnel_id == one.tunnel_id);
  }
}

TEST_CASE("a layered burst has each frame, and behind it what it carries") {
  LayeredBurst burst;
  std::vector<PacketBytes> frames{in_ip(4, inner_ipv4()),
                                  PacketBuilder().eth().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).bytes(),
                                  nested(1000)};
  std::vector<std::uint32_t> counts;
  for (const PacketBytes& bytes : frames) {
    const ExactFrame exact(bytes, bytes.size());
    PacketMeta meta;
    decode(exact.frame, meta);
    counts.push_back(burst.add(exact.frame, meta));
  }
  CHECK(counts == std::vector<std::uint32_t>{2, 1, kPacketLayersMax});
  REQUIRE(burst.metas().size() == 3 + kPacketLayersMax);
  CHECK(burst.metas()[0].tunnel_id == 0);
  CHECK(burst.metas()[1].tunnel_id != 0);
  CHECK(burst.metas()[2].tunnel_id == 0);
  CHECK(burst.frames().size() == burst.metas().size());
  while (burst.fits_frame()) burst.add_packet(burst.frames()[0], burst.metas()[0]);
  CHECK(burst.metas().size() + kPacketLayersMax > kBurstFramesMax);
}

TEST_CASE("an inner packet with a wrong checksum is said to have one") {
  PacketBytes inner = inner_ipv4();
  inner[10] ^= 0x55;
  const PacketBytes bytes = in_ip(4, inner);
  const ExactFrame exact(bytes, bytes.size());
  PacketMeta meta;
  decode(exact.frame, meta);
  LayeredBurst burst;
  REQUIRE(burst.add(exact.frame, meta) == 2);
  CHECK_FALSE(burst.metas()[0].has(kMetaBadChecksum));
  CHECK(burst.metas()[1].has(kMetaBadChecksum));
}

TEST_CASE("a tunnel id holds kind and number, and says so") {
  CHECK(format_tunnel_id(0).empty());
  CHECK(tunnel_kind(make_tunnel_id(TunnelKind::kVxlan, 42)) == TunnelKind::kVxlan);
  CHECK(tunnel_number(make_tunnel_id(TunnelKind::kVxlan, 0)) == 0u);
  CHECK_FALSE(tunnel_number(make_tunnel_id(TunnelKind::kGtpU)));
  CHECK(tunnel_number(make_tunnel_id(TunnelKind::kGre, kTunnelNumberMax)) == kTunnelNumberMax);
  std::set<std::string> names;
  for (std::uint32_t kind = 0; kind < kTunnelKindCount; ++kind) {
    const std::string name = tunnel_kind_name(static_cast<TunnelKind>(kind));
    CHECK(name != "unknown");
    names.insert(name);
  }
  CHECK(names.size() == kTunnelKindCount - 1);  // both kinds of GRE
  CHECK(std::string(tunnel_kind_name(static_cast<TunnelKind>(15))) == "unknown");
}

}  // namespace tapline::test
