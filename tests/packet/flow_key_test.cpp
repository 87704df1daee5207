#include "capture/packet/flow_key.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "capture/base/bytes.hpp"

namespace tapline {
namespace {

IpAddress address(std::string_view text) {
  return parse_address(text).value();
}

// A frame that begins with the IP header; make_flow_key looks at nothing but the addresses and the meta.
struct Sample {
  std::vector<std::uint8_t> bytes;
  Frame frame;
  PacketMeta meta{};
};

Sample make_sample(const IpAddress& source, const IpAddress& destination, std::uint16_t src_port,
                   std::uint16_t dst_port, bool ipv6) {
  Sample sample;
  sample.bytes.resize(ipv6 ? 40 : 20);
  const std::size_t skip = ipv6 ? 0 : 12;
  const std::size_t at = ipv6 ? 8 : 12;
  std::memcpy(sample.bytes.data() + at, source.bytes.data() + skip, 16 - skip);
  std::memcpy(sample.bytes.data() + at + 16 - skip, destination.bytes.data() + skip, 16 - skip);
  sample.frame.data = sample.bytes.data();
  sample.frame.captured_bytes = static_cast<std::uint32_t>(sample.bytes.size());
  sample.meta.flags = static_cast<std::uint16_t>((ipv6 ? kMetaIpv6 : kMetaIpv4) | kMetaPorts);
  sample.meta.src_port = src_port;
  sample.meta.dst_port = dst_port;
  sample.meta.ip_proto = 17;
  return sample;
}

}  // namespace

TEST_CASE("addresses print as RFC 5952 wants them") {
  // Sections 4.1 to 4.3 of the RFC, and the v4-mapped form that stands for IPv4 here.
  for (const auto& [given, expected] :
       std::vector<std::pair<std::string, std::string>>{{"2001:0db8::0001", "2001:db8::1"},
                                                        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
                                                        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
                                                        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
                                                        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
                                                        {"2001:DB8::AbCd", "2001:db8::abcd"},
                                                        {"0:0:0:0:0:0:0:0", "::"},
                                                        {"0:0:0:0:0:0:0:1", "::1"},
                                                        {"1:0:0:0:0:0:0:0", "1::"},
                                                        {"0:1:0:0:0:0:0:0", "0:1::"},
                                                        {"0:1:2:3:4:5:6:0", "0:1:2:3:4:5:6:0"},
                                                        {"::0.0.2.1", "::201"},
                                                        {"::ffff:10.0.0.1", "10.0.0.1"},
                                                        {"192.0.2.255", "192.0.2.255"},
                                                        {"0.0.0.0", "0.0.0.0"},
                                                        {"::fffe:1.2.3.4", "::fffe:102:304"},
                                                        {"1::ffff:1.2.3.4", "1::ffff:102:304"}}) {
    CAPTURE(given);
    CHECK(format_address(address(given)) == expected);
  }
}

TEST_CASE("address text round-trips") {
  std::mt19937_64 random(5952);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress one;
    for (auto& byte : one.bytes) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0);
    if (i % 8 == 0) one = IpAddress::from_v4(static_cast<std::uint32_t>(random()));
    const std::string text = format_address(one);
    CAPTURE(text);
    REQUIRE(address(text) == one);
  }
}

TEST_CASE("what is not an address is refused by name") {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/24", "::1/128",
                           "::1%eth0", "1::2::3", "host", " 1.2.3.4", "1.2.3.4 ", "[::1]",
                           "12345::", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"}) {
    CAPTURE(text);
    const auto parsed = parse_address(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == ErrorCode::kInvalid);
    CHECK(parsed.error().context.find(text) != std::string::npos);
  }
  CHECK_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)).ok());
}

TEST_CASE("IPv4 addresses are v4-mapped") {
  const IpAddress one = IpAddress::from_v4(0x0a000005);
  CHECK(one.is_v4_mapped());
  CHECK(one.v4() == 0x0a000005);
  CHECK(one == address("10.0.0.5"));
  CHECK_FALSE(address("::1").is_v4_mapped());
  CHECK_FALSE(address("::1:ffff:1.2.3.4").is_v4_mapped());
  CHECK_FALSE(address("::10.0.0.5").is_v4_mapped());
}

TEST_CASE("both directions of a flow have one key") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const bool ipv6 = i % 2 == 1;
    IpAddress source = IpAddress::from_v4(static_cast<std::uint32_t>(random() % 3));
    IpAddress destination = IpAddress::from_v4(static_cast<std::uint32_t>(random() % 3));
    if (ipv6) {
      for (std::size_t at : {0u, 7u, 8u, 15u}) {
        source.bytes[at] = static_cast<std::uint8_t>(random() % 2 * 0xff);
        destination.bytes[at] = static_cast<std::uint8_t>(random() % 2 * 0xff);
      }
    }
    const auto src_port = static_cast<std::uint16_t>(random() % 2 * 0xff01);
    const auto dst_port = static_cast<std::uint16_t>(random() % 2 * 0x02ff);
    const Sample there = make_sample(source, destination, src_port, dst_port, ipv6);
    const Sample back = make_sample(destination, source, dst_port, src_port, ipv6);

    FlowKey key;
    FlowKey key_back;
    const Direction direction = make_flow_key(there.frame, there.meta, 9, key);
    const Direction direction_back = make_flow_key(back.frame, back.meta, 9, key_back);
    REQUIRE(key == key_back);
    const bool lower = std::tie(source.bytes, src_port) < std::tie(destination.bytes, dst_port);
    const bool equal = std::tie(source.bytes, src_port) == std::tie(destination.bytes, dst_port);
    REQUIRE(direction == (lower || equal ? Direction::kAToB : Direction::kBToA));
    REQUIRE((direction_back == direction) == equal);
    REQUIRE(key.address_a == (lower || equal ? source : destination));
    REQUIRE(key.port_b == (lower || equal ? dst_port : src_port));
    REQUIRE(key.flags == (ipv6 ? kKeyIpv6 : 0));
    REQUIRE(key.ip_proto == 17);
    REQUIRE(key.link == 9);

    // canonicalise() is the same order by another way.
    FlowKey unsorted = key;
    unsorted.address_a = source;
    unsorted.address_b = destination;
    unsorted.port_a = src_port;
    unsorted.port_b = dst_port;
    REQUIRE(canonicalise(unsorted) == direction);
    REQUIRE(unsorted == key);

    IpAddress loaded_source;
    IpAddress loaded_destination;
    load_addresses(there.frame, there.meta, loaded_source, loaded_destination);
    REQUIRE(loaded_source == source);
    REQUIRE(loaded_destination == destination);
  }
}

TEST_CASE("later fragments have a key of their own") {
  Sample sample = make_sample(address("10.0.0.1"), address("10.0.0.2"), 0, 0, false);
  sample.meta.flags = kMetaIpv4 | kMetaFragment | kMetaLaterFragment;
  FlowKey key;
  make_flow_key(sample.frame, sample.meta, 0, key);
  CHECK(key.flags == kKeyFragment);
  sample.meta.flags = kMetaIpv4 | kMetaFragment;  // the first one has its ports and is part of the flow
  make_flow_key(sample.frame, sample.meta, 0, key);
  CHECK(key.flags == 0);
}

TEST_CASE("flow fingerprints are frozen and know neither tunnel nor link") {
  FlowKey key;
  key.address_a = address("10.0.0.5");
  key.address_b = address("203.0.113.9");
  key.port_a = 51000;
  key.port_b = 443;
  key.ip_proto = 6;
  const std::uint64_t fingerprint = flow_fingerprint(key);
  // On-disk keys: XXH3-64 of the 38 bytes 00*10 ffff 0a000005, 00*10 ffff cb007109, c738, 01bb, 06, 00.
  CHECK(fingerprint == 0xd3f7d548669b3ee2);
  key.tunnel_id = 5;
  key.link = 5;
  CHECK(flow_fingerprint(key) == fingerprint);
  key.flags = kKeyFragment;
  CHECK(flow_fingerprint(key) != fingerprint);
}

}  // namespace tapline
