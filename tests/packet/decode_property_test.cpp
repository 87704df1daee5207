#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "capture/packet/decode.hpp"
#include "tests/packet/exact_frame.hpp"
#include "tests/packet/golden_packets.hpp"
#include "tests/packet/meta_invariants.hpp"
#include "tests/packet/meta_text.hpp"

namespace tapline::test {
namespace {

// Decodes the first `count` bytes, and checks what always holds. As a later packet would have it: with more
// bytes behind, the result is the same.
PacketMeta decode_exact(const PacketBytes& bytes, std::size_t count, std::uint16_t link_type,
                        std::uint32_t wire_bytes) {
  ExactFrame exact(bytes, count, link_type);
  exact.frame.wire_bytes = wire_bytes;
  PacketMeta meta;
  decode(exact.frame, meta);
  const char* const broken = broken_invariant(exact.frame, meta);
  INFO(meta_text(meta));
  REQUIRE(std::string(broken != nullptr ? broken : "") == "");
  return meta;
}

}  // namespace

TEST_CASE("every prefix of every golden packet keeps the invariants and never invents") {
  for (const GoldenPacket& packet : golden_packets()) {
    CAPTURE(packet.name);
    const auto wire_bytes = static_cast<std::uint32_t>(packet.bytes.size());
    const PacketMeta whole = decode_exact(packet.bytes, packet.bytes.size(), packet.link_type, wire_bytes);
    for (std::size_t count = 0; count < packet.bytes.size(); ++count) {
      CAPTURE(count);
      const PacketMeta meta = decode_exact(packet.bytes, count, packet.link_type, wire_bytes);
      // What a prefix says of the packet, the packet says, too: cutting only takes away.
      const auto new_flags = static_cast<std::uint16_t>(meta.flags & ~whole.flags & ~kMetaIpTruncated);
      REQUIRE(flag_text(new_flags) == "");
      if (meta.status == DecodeStatus::kIp) {
        // A jumbogram's length is in an option, behind the fixed header.
        if (packet.name != "ipv6_jumbo" || count >= 62) REQUIRE(meta.ip_bytes == whole.ip_bytes);
        REQUIRE(meta.l3_offset == whole.l3_offset);
        REQUIRE(meta.envelope_hash == whole.envelope_hash);
      }
      if (meta.has(kMetaPorts)) {
        REQUIRE(meta.src_port == whole.src_port);
        REQUIRE(meta.dst_port == whole.dst_port);
        REQUIRE(meta.payload_bytes == whole.payload_bytes);
      }
    }
  }
}

TEST_CASE("bytes behind the captured ones change nothing") {
  for (const GoldenPacket& packet : golden_packets()) {
    CAPTURE(packet.name);
    const auto wire_bytes = static_cast<std::uint32_t>(packet.bytes.size());
    for (std::size_t count = 0; count <= packet.bytes.size(); ++count) {
      const PacketMeta alone = decode_exact(packet.bytes, count, packet.link_type, wire_bytes);
      Frame frame = frame_of(packet.bytes, packet.link_type);
      frame.captured_bytes = static_cast<std::uint32_t>(count);
      PacketMeta meta;
      decode(frame, meta);
      REQUIRE(meta_text(meta) == meta_text(alone));
    }
  }
}

TEST_CASE("random mutations keep the invariants") {
  const std::uint32_t seed = 20260101;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<GoldenPacket> packets = golden_packets();
  static constexpr std::uint8_t kEdges[] = {0, 1, 4, 6, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xaa, 0xff, 44, 51, 60};
  for (int round = 0; round < 200'000; ++round) {
    const GoldenPacket& packet = packets[random() % packets.size()];
    PacketBytes bytes = packet.bytes;
    for (std::uint32_t i = random() % 6; i > 0 && !bytes.empty(); --i) {
      std::uint8_t& byte = bytes[random() % std::min<std::size_t>(bytes.size(), 100)];
      byte = random() % 2 == 0 ? kEdges[random() % std::size(kEdges)] : static_cast<std::uint8_t>(random());
    }
    const std::size_t count = random() % 4 == 0 ? random() % (bytes.size() + 1) : bytes.size();
    const std::uint16_t link_type =
        random() % 8 == 0 ? packets[random() % packets.size()].link_type : packet.link_type;
    const std::uint32_t wire_bytes = random() % 4 == 0 ? random() : static_cast<std::uint32_t>(bytes.size());
    CAPTURE(round, packet.name, count, link_type, wire_bytes);
    decode_exact(bytes, count, link_type, wire_bytes);
  }
}

TEST_CASE("the longest frame full of extension headers stays within 16-bit offsets") {
  PacketBuilder builder = PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2");
  builder.extension(kIpProtoHopByHop);
  for (int i = 0; i < 127; ++i) builder.extension(kIpProtoDestinationOptions, 2048);
  PacketBytes bytes = builder.udp(1, 2).bytes();
  REQUIRE(bytes.size() > 260'000);
  store_be16(bytes.data() + 18, 0);  // a jumbogram, so that the IP length does not end the walk
  const PacketBytes option = {0xc2, 4, 0, 3, 0xff, 0xff};
  std::copy(option.begin(), option.end(), bytes.begin() + 56);
  const PacketMeta meta =
      decode_exact(bytes, bytes.size(), kLinkEthernet, static_cast<std::uint32_t>(bytes.size()));
  CHECK(meta.status == DecodeStatus::kIp);
  CHECK(meta.ip_proto == kIpProtoDestinationOptions);
  CHECK_FALSE(meta.has(kMetaL4));
}

TEST_CASE(
    "a last header that begins within 16-bit offsets and ends past them leaves its offsets at their end") {
  const bool jumbogram = GENERATE(false, true);
  CAPTURE(jumbogram);
  PacketBuilder builder = PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2");
  builder.extension(jumbogram ? kIpProtoHopByHop : kIpProtoDestinationOptions, 2048);
  for (int i = 1; i < 32; ++i) builder.extension(kIpProtoDestinationOptions, 2048);
  PacketBytes bytes = builder.udp(1, 2).payload(500).bytes();
  REQUIRE(bytes.size() > 65'590);
  store_be16(bytes.data() + 18, jumbogram ? 0 : 0xffff);
  const PacketBytes option = {0xc2, 4, 0, 2, 0, 0};
  if (jumbogram) std::copy(option.begin(), option.end(), bytes.begin() + 56);
  const PacketMeta meta =
      decode_exact(bytes, bytes.size(), kLinkEthernet, static_cast<std::uint32_t>(bytes.size()));
  CHECK(meta.status == DecodeStatus::kIp);
  CHECK(meta.ip_bytes == (jumbogram ? 40 + 0x20000 : 40 + 0xffff));
  CHECK(meta.l4_offset == 0xffff);
  CHECK(meta.payload_offset == 0xffff);
}

}  // namespace tapline::test
