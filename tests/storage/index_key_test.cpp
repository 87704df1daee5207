#include "storage/index_key.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "storage/block_set.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

IpAddress address(const char* text) {
  return *parse_address(text);
}

bool within(const IndexKey& key, const IndexKeyRange& range) {
  return key.kind == range.kind && key.value >= range.low && key.value <= range.high;
}

}  // namespace

TEST_CASE("an IPv4 address is its own key, also where it stands in an IPv6 address") {
  const IndexKey key = address_key(address("203.0.113.9"));
  CHECK(key.kind == IndexKeyKind::kIpv4);
  CHECK(key.value == 0xcb007109);
  CHECK(address_key(address("::ffff:203.0.113.9")).value == 0xcb007109);
}

TEST_CASE("an IPv6 key has 48 bits of the address and 16 that tell hosts apart") {
  const IndexKey a = address_key(address("2001:db8:7::1"));
  const IndexKey b = address_key(address("2001:db8:7::2"));
  CHECK(a.kind == IndexKeyKind::kIpv6);
  CHECK(a.value >> 16 == 0x20010db80007);
  CHECK(b.value >> 16 == 0x20010db80007);
  CHECK(a.value != b.value);
}

TEST_CASE("golden IPv6 keys: the layout on disk never changes") {
  // XXH3-64 over bytes 6 to 15, nine zeroes and a one in both, is 20b24d3f4208d8d1.
  CHECK(address_key(address("2001:db8:7::1")).value == 0x20010db80007'd8d1);
  CHECK(address_key(address("fe80::1")).value == 0xfe8000000000'd8d1);
}

TEST_CASE("every address lies within the keys of each of its prefixes") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    IpAddress host;
    for (std::uint8_t& byte : host.bytes) byte = static_cast<std::uint8_t>(random());
    const bool v4 = i % 2 == 0;
    if (v4) host = IpAddress::from_v4(static_cast<std::uint32_t>(random()));
    const auto bits = static_cast<unsigned>(random() % (v4 ? 33 : 129));
    IpAddress network = host;  // any address of the prefix may name it: change the bits behind it
    for (unsigned bit = bits + (v4 ? 96 : 0); bit < 128; ++bit) {
      if (random() % 2 == 0) network.bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
    }
    if (!v4 && network.is_v4_mapped()) continue;
    CAPTURE(format_address(host), bits);
    CHECK(within(address_key(host), prefix_keys(network, bits)));
  }
}

TEST_CASE("a prefix's keys are no more than its own") {
  const IndexKeyRange v4 = prefix_keys(address("10.1.2.3"), 16);
  CHECK(v4.low == 0x0a010000);
  CHECK(v4.high == 0x0a01ffff);
  const IndexKeyRange all = prefix_keys(address("0.0.0.0"), 0);
  CHECK(all.low == 0);
  CHECK(all.high == 0xffffffff);
  const IndexKeyRange v6 = prefix_keys(address("2001:db8:7::"), 47);
  CHECK(v6.low == 0x20010db80006'0000);
  CHECK(v6.high == 0x20010db80007'ffff);
  const IndexKeyRange longer = prefix_keys(address("2001:db8:7::"), 64);
  CHECK(longer.low == 0x20010db80007'0000);
  CHECK(longer.high == 0x20010db80007'ffff);
  const IndexKeyRange everything = prefix_keys(address("::"), 0);
  CHECK(everything.low == 0);
  CHECK(everything.high == ~std::uint64_t{0});
  const IndexKeyRange host = prefix_keys(address("2001:db8:7::1"), 128);
  CHECK(host.low == host.high);
}

TEST_CASE("a block set adds, removes, unites, intersects and counts") {
  BlockSet set(130, false);
  for (const std::uint32_t block : {0u, 63u, 64u, 129u}) set.add(block);
  CHECK(set.numbers() == std::vector<std::uint32_t>{0, 63, 64, 129});
  set.remove(63);
  CHECK_FALSE(set.contains(63));
  CHECK(set.contains(64));
  BlockSet full(130, true);
  CHECK(full.count() == 130);
  full.intersect(set);
  CHECK(full.numbers() == set.numbers());
  BlockSet other(130, false);
  other.add(1);
  other.unite(set);
  CHECK(other.numbers() == std::vector<std::uint32_t>{0, 1, 64, 129});
  CHECK(BlockSet(0, true).count() == 0);
  CHECK(BlockSet(64, true).count() == 64);
}
