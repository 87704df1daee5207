#include "storage/index_key.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace tapline::storage {
namespace {

IpAddress address(const char* text) {
  return parse_address(text).value();
}

TEST_CASE("addresses have keys by family") {
  CHECK(address_key(address("10.0.0.5")).kind == IndexKeyKind::kIpv4);
  CHECK(address_key(address("10.0.0.5")).value == 0x0a000005);
  CHECK(address_key(address("::ffff:10.0.0.5")).value == 0x0a000005);
  const IndexKey ipv6 = address_key(address("2001:db8:1::1"));
  CHECK(ipv6.kind == IndexKeyKind::kIpv6);
  CHECK(ipv6.value >> 16 == 0x20010db80001);
  CHECK(address_key(address("2001:db8:1::2")).value != ipv6.value);
}

TEST_CASE("prefixes are ranges of keys") {
  const IndexKeyRange ten = prefix_keys(address("10.0.0.0"), 8);
  CHECK(ten.low == 0x0a000000);
  CHECK(ten.high == 0x0affffff);
  CHECK(prefix_keys(address("0.0.0.0"), 0).high == 0xffffffff);
  CHECK(prefix_keys(address("10.0.0.5"), 32).low == prefix_keys(address("10.0.0.5"), 32).high);
  const IndexKeyRange doc = prefix_keys(address("2001:db8::"), 32);
  CHECK(doc.low == 0x20010db800000000);
  CHECK(doc.high == 0x20010db8ffffffff);
  const IndexKeyRange longer = prefix_keys(address("2001:db8:1:2::"), 64);  // the range of its /48
  CHECK(longer.low == 0x20010db800010000);
  CHECK(longer.high == 0x20010db80001ffff);
  CHECK(prefix_keys(address("::"), 0).high == ~std::uint64_t{0});
  const IndexKeyRange host = prefix_keys(address("2001:db8::1"), 128);
  CHECK(host.low == address_key(address("2001:db8::1")).value);
  CHECK(host.high == host.low);
}

TEST_CASE("the keys of every prefix of an address contain its key") {
  constexpr std::uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    IpAddress any;
    for (std::uint8_t& byte : any.bytes) byte = static_cast<std::uint8_t>(random());
    const bool ipv4 = random() % 2 == 0;
    if (ipv4) any = IpAddress::from_v4(static_cast<std::uint32_t>(random()));
    const IndexKey key = address_key(any);
    for (unsigned bits = 0; bits <= (ipv4 ? 32 : 128); ++bits) {
      const IndexKeyRange range = prefix_keys(any, bits);
      INFO("seed " << kSeed << " address " << format_address(any) << "/" << bits);
      REQUIRE(range.kind == key.kind);
      REQUIRE(range.low <= key.value);
      REQUIRE(range.high >= key.value);
    }
  }
}

}  // namespace
}  // namespace tapline::storage
