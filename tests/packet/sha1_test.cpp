#include "capture/packet/sha1.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tapline {
namespace {

std::string hex_sha1(std::string_view text) {
  const std::vector<std::uint8_t> message(text.begin(), text.end());
  return fmt::format("{:02x}", fmt::join(sha1(message), ""));
}

}  // namespace

TEST_CASE("sha1 gives the digests of RFC 3174 and FIPS 180-2") {
  CHECK(hex_sha1("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex_sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex_sha1(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("sha1 pads at every edge of the last block") {
  // Digests by coreutils' sha1sum of that many letters a.
  CHECK(hex_sha1(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(hex_sha1(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(hex_sha1(std::string(63, 'a')) == "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
  CHECK(hex_sha1(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  CHECK(hex_sha1(std::string(65, 'a')) == "11655326c708d70319be2610e8a57d9a5b959d3b");
}

}  // namespace tapline
