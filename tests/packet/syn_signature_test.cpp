#include "capture/packet/syn_signature.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "capture/packet/decode.hpp"
#include "tests/packet/exact_frame.hpp"
#include "tests/packet/syn_packets.hpp"

namespace tapline::test {
namespace {

SynSignature signature_of(const PacketBytes& bytes, std::size_t count) {
  const ExactFrame exact(bytes, count, kLinkRaw);
  PacketMeta meta;
  decode(exact.frame, meta);
  return read_syn_signature(exact.frame, meta);
}
SynSignature signature_of(const PacketBytes& bytes) {
  return signature_of(bytes, bytes.size());
}

PacketBytes segment(std::uint8_t flags, const TcpFields& fields = {}) {
  return PacketBuilder().ipv4("10.0.0.2", "10.0.0.1").tcp(443, 51000, flags, fields).bytes();
}

TcpFields with_options(std::uint16_t window, const PacketBytes& options) {
  TcpFields fields;
  fields.window = window;
  fields.options = options;
  return fields;
}

}  // namespace

TEST_CASE("a signature is shown as p0f shows it") {
  for (const SynPacket& packet : syn_packets()) {
    CAPTURE(packet.name);
    CHECK(p0f_text(signature_of(packet.bytes)) == packet.p0f);
  }
}

TEST_CASE("of a packet that was cut there is the whole signature or none") {
  for (const SynPacket& packet : syn_packets()) {
    CAPTURE(packet.name);
    const SynSignature whole = signature_of(packet.bytes);
    const std::size_t ip_bytes = (packet.bytes[0] >> 4) == 4 ? (packet.bytes[0] & 15u) * 4 : 40u;
    for (std::size_t count = 0; count < packet.bytes.size(); ++count) {
      CAPTURE(count);
      const bool has_headers = count >= ip_bytes + whole.tcp_header_bytes;
      CHECK(signature_of(packet.bytes, count) == (has_headers ? whole : SynSignature{}));
    }
  }
}

TEST_CASE("only a SYN with or without ACK has a signature") {
  CHECK(signature_of(segment(kTcpSyn)).exists());
  CHECK(signature_of(segment(kTcpSyn | kTcpAck)).exists());
  for (const int flags : {int{kTcpAck}, kTcpSyn | kTcpRst, kTcpSyn | kTcpFin, 0}) {
    CAPTURE(flags);
    CHECK_FALSE(signature_of(segment(static_cast<std::uint8_t>(flags))).exists());
  }
  CHECK(p0f_text(SynSignature{}).empty());
}

TEST_CASE("a fragment and a header that contradicts itself have no signature") {
  Ipv4Fields first;
  first.more_fragments = true;
  CHECK_FALSE(
      signature_of(PacketBuilder().ipv4("10.0.0.1", "10.0.0.2", first).tcp(1, 2, kTcpSyn).bytes()).exists());
  PacketBytes shorter = segment(kTcpSyn);
  shorter[32] = 0x40;
  CHECK_FALSE(signature_of(shorter).exists());
  PacketBytes longer = segment(kTcpSyn);
  longer[32] = 0x60;
  CHECK_FALSE(signature_of(longer).exists());
}

TEST_CASE("the window of a SYN+ACK may be a multiple of the segment size in the SYN") {
  const SynSignature syn = signature_of(segment(kTcpSyn, with_options(1000, {2, 4, 0x01, 0x2c})));  // MSS 300
  const PacketBytes mss_500 = {2, 4, 0x01, 0xf4};
  const auto text = [&](std::uint16_t window, const SynSignature* peer) {
    return p0f_text(signature_of(segment(kTcpSyn | kTcpAck, with_options(window, mss_500))), peer);
  };
  CHECK(text(900, &syn) == "4:64+0:0:500:mss*3,0:mss:ack-:0");
  CHECK(text(576, &syn) == "4:64+0:0:500:mss*2,0:mss:ack-:0");
  CHECK(text(900, nullptr) == "4:64+0:0:500:900,0:mss:ack-:0");
  CHECK(text(1500, &syn) == "4:64+0:0:500:mss*3,0:mss:ack-:0");  // its own goes first
}

TEST_CASE("a SYN+ACK may repeat the other side's time") {
  const PacketBytes times = {8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1};
  CHECK_FALSE(signature_of(segment(kTcpSyn | kTcpAck, with_options(1024, times))).has(kSynPeerTimestamp));
  CHECK(signature_of(segment(kTcpSyn, with_options(1024, times))).has(kSynPeerTimestamp));
}

TEST_CASE("a layout without room says so") {
  OptionLayout layout;
  for (int i = 0; i < 40; ++i) layout.append(OptionLayout::kNop);
  const std::string text = layout.text();
  CHECK(std::count(text.begin(), text.end(), ',') == 23);
  CHECK(text.substr(text.size() - 8) == ",nop,...");

  OptionLayout others;
  for (int i = 0; i < 9; ++i) others.append(OptionLayout::kOther, 254);
  CHECK(others.text() == "?254,?254,?254,?254,?254,?254,?254,...");
}

TEST_CASE("a layout of any bytes has a text") {
  CHECK(OptionLayout::of_bytes({}).text().empty());
  CHECK(OptionLayout::of_bytes({0x9a, 0x32}).text() == "!,!,nop,mss");
  std::array<std::uint8_t, OptionLayout::kBytes> bytes;
  bytes.fill(0x22);
  bytes.back() = 0x12;  // an end without its number
  CHECK(OptionLayout::of_bytes(bytes).text().substr(91) == ",eol+");
}

}  // namespace tapline::test
