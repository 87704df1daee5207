// Checksums against a sum that adds byte after byte, and with every bit of a datagram turned.

#include "capture/packet/checksum.hpp"

#include <catch2/catch.hpp>

#include "capture/packet/decode.hpp"
#include "tests/packet/exact_frame.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

constexpr std::size_t kEthernetBytes = 14;

/// What is to be written into a checksum whose field holds 0.
std::uint16_t naive_checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Writes the transport's checksum, `field` bytes behind the beginning of its header.
PacketBytes with_checksum(PacketBytes frame, std::uint8_t ip_proto, std::size_t field) {
  const bool ipv4 = frame[kEthernetBytes] >> 4 == 4;
  const std::size_t at = kEthernetBytes + (ipv4 ? 20 : 40);
  const std::size_t bytes = frame.size() - at;
  std::vector<std::uint8_t> covered;
  if (ip_proto != kIpProtoIcmp) {
    covered.assign(frame.begin() + kEthernetBytes + (ipv4 ? 12 : 8), frame.begin() + static_cast<long>(at));
    covered.insert(covered.end(),
                   {0, ip_proto, static_cast<std::uint8_t>(bytes >> 8), static_cast<std::uint8_t>(bytes)});
  }
  covered.insert(covered.end(), frame.begin() + static_cast<long>(at), frame.end());
  store_be16(frame.data() + at + field, naive_checksum(covered));
  return frame;
}

bool is_bad(const PacketBytes& bytes, std::size_t captured_bytes, bool checksums_open = false) {
  ExactFrame exact(bytes, captured_bytes);
  exact.frame.checksums_open = checksums_open;
  PacketMeta meta;
  decode(exact.frame, meta);
  verify_checksums({&exact.frame, 1}, {&meta, 1});
  return meta.has(kMetaBadChecksum);
}
bool is_bad(const PacketBytes& bytes) {
  return is_bad(bytes, bytes.size());
}

struct Sample {
  const char* name;
  PacketBytes bytes;
};

std::vector<Sample> samples() {
  const auto v4 = [] { return PacketBuilder().eth().ipv4("10.1.2.3", "198.51.100.77"); };
  const auto v6 = [] { return PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8:ffff::7"); };
  std::vector<Sample> all;
  // Few bytes, and those about the blocks of 16 that are summed together.
  for (const std::size_t payload :
       {0, 1, 2, 3, 4, 5, 6, 7, 18, 23, 24, 28, 43, 44, 45, 55, 56, 57, 79, 80, 97, 1460, 65'000}) {
    all.push_back({"TCP", with_checksum(v4().tcp(1, 2).payload(payload).bytes(), kIpProtoTcp, 16)});
    all.push_back({"TCP6", with_checksum(v6().tcp(1, 2).payload(payload).bytes(), kIpProtoTcp, 16)});
    all.push_back({"UDP", with_checksum(v4().udp(1, 2).payload(payload).bytes(), kIpProtoUdp, 6)});
    all.push_back({"UDP6", with_checksum(v6().udp(1, 2).payload(payload).bytes(), kIpProtoUdp, 6)});
    all.push_back({"ICMP", with_checksum(v4().icmp(8, 0).payload(payload).bytes(), kIpProtoIcmp, 2)});
    all.push_back({"ICMP6", with_checksum(v6().icmpv6(128, 0).payload(payload).bytes(), kIpProtoIcmpv6, 2)});
  }
  return all;
}

}  // namespace

TEST_CASE("what has the right checksum is right, padded, too; without its last byte it is not known") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name, sample.bytes.size());
    CHECK(!is_bad(sample.bytes));
    PacketBytes padded = sample.bytes;
    padded.insert(padded.end(), 7, 0xee);
    CHECK(!is_bad(padded));
    CHECK(!is_bad(sample.bytes, sample.bytes.size() - 1));
  }
}

TEST_CASE("a bit that has turned behind the IP header is found, but for those that say what is covered") {
  for (const Sample& sample : samples()) {
    const bool ipv4 = sample.bytes[kEthernetBytes] >> 4 == 4;
    const std::size_t transport = kEthernetBytes + (ipv4 ? 20 : 40);
    const bool udp = std::string_view(sample.name).starts_with("UDP");
    const std::size_t step = sample.bytes.size() < 1000 ? 1 : 997;
    for (std::size_t bit = transport * 8; bit < sample.bytes.size() * 8; bit += step) {
      const std::size_t at = bit / 8 - transport;
      if (udp && (at == 4 || at == 5)) continue;  // the length
      PacketBytes turned = sample.bytes;
      turned[bit / 8] = static_cast<std::uint8_t>(turned[bit / 8] ^ 1u << bit % 8);
      if (udp && load_be16(turned.data() + transport + 6) == 0) continue;
      CAPTURE(sample.name, sample.bytes.size(), bit);
      CHECK(is_bad(turned));
      CHECK(!is_bad(turned, turned.size(), true));
    }
  }
}

TEST_CASE("the checksum of an IPv4 header is verified whatever is behind it") {
  const PacketBytes frame =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2", {.option_words = 3}).ip_proto(99).payload(5).bytes();
  CHECK(!is_bad(frame));
  for (const std::size_t at : {22u, 24u, 26u, 33u, 34u, 45u}) {
    PacketBytes turned = frame;
    turned[at] = static_cast<std::uint8_t>(turned[at] ^ 0x10);
    CHECK(is_bad(turned));
  }
}

TEST_CASE("what cannot be verified is not called wrong") {
  const auto v4 = [](const Ipv4Fields& fields) {
    return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2", fields);
  };
  CHECK(is_bad(v4({}).tcp(1, 2).payload(9).bytes()));   // its field holds 0
  CHECK(!is_bad(v4({}).udp(1, 2).payload(9).bytes()));  // has none
  CHECK(!is_bad(v4({.more_fragments = true}).tcp(1, 2).payload(9).bytes()));
  CHECK(!is_bad(v4({.option_words = 1}).tcp(1, 2).payload(9).bytes()));
  CHECK(!is_bad(PacketBuilder()
                    .eth()
                    .ipv6("2001:db8::1", "2001:db8::2")
                    .extension(kIpProtoHopByHop)
                    .tcp(1, 2)
                    .bytes()));
  CHECK(!is_bad(v4({}).sctp(1, 2).payload(9).bytes()));
  CHECK(!is_bad(PacketBuilder().eth().arp(1, "10.0.0.1", "10.0.0.2").bytes()));
}
