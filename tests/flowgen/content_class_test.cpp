#include "flowgen/content_class.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace tapline::flowgen {
namespace {

using Buffer = std::vector<std::uint8_t>;

constexpr ContentHint kUnknownTcp{6, 40'000, 50'000};

bool opaque(const Buffer& payload, ContentHint hint = kUnknownTcp) {
  return classify_content(hint, payload) == ContentClass::kOpaque;
}

Buffer random_bytes(std::mt19937& random, std::size_t count) {
  Buffer bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

Buffer random_from(std::mt19937& random, const std::string& alphabet, std::size_t count) {
  Buffer bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(alphabet[random() % alphabet.size()]);
  return bytes;
}

const std::string kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// A program's own code: this function's and what lies behind it.
Buffer machine_code() {
  std::string path = "/proc/self/exe";
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  Buffer code(200'000);
  std::fseek(file, 0x20000, SEEK_SET);
  code.resize(std::fread(code.data(), 1, code.size(), file));
  std::fclose(file);
  return code;
}

template <class Make>
int percent_opaque(Make make) {
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += opaque(make());
  return (count + 9) / 10;
}

}  // namespace

TEST_CASE("random and compressed bytes are opaque") {
  std::mt19937 random(1);
  CHECK(percent_opaque([&] { return random_bytes(random, 128 + random() % 1300); }) >= 99);

  const Buffer text = random_from(random, "eeetaoinshr  \n", 400'000);
  Buffer deflated(compressBound(text.size()));
  uLongf deflated_bytes = deflated.size();
  REQUIRE(compress2(deflated.data(), &deflated_bytes, text.data(), text.size(), 9) == Z_OK);
  CHECK(percent_opaque([&] {
          const auto at = static_cast<std::ptrdiff_t>(random() % (deflated_bytes - 1460));
          return Buffer(deflated.begin() + at, deflated.begin() + at + 1460);
        }) >= 95);
}

TEST_CASE("text, base64, zeros and machine code are clear") {
  std::mt19937 random(2);
  CHECK(percent_opaque([&] { return random_from(random, "the quick brown fox JUMPED, over 12\r\n", 700); }) ==
        0);
  CHECK(percent_opaque([&] { return random_from(random, kBase64, 128 + random() % 1300); }) == 0);
  CHECK(percent_opaque([&] { return random_from(random, "0123456789abcdef", 500); }) == 0);
  CHECK(!opaque(Buffer(128, 0)));
  const Buffer code = machine_code();
  CHECK(percent_opaque([&] {
          const auto at = static_cast<std::ptrdiff_t>(random() % (code.size() - 1460));
          return Buffer(code.begin() + at, code.begin() + at + 1460);
        }) <= 3);
}

TEST_CASE("what protocols say of themselves") {
  Buffer text(200, 'a');
  Buffer tls = text;
  tls[0] = 0x17;
  tls[1] = 0x03;
  tls[2] = 0x03;
  CHECK(opaque(tls));
  tls[0] = 0x16;  // handshake: certificates are clear in TLS 1.2
  CHECK(!opaque(tls));
  Buffer quic = text;
  quic[0] = 0x40;
  CHECK(opaque(quic, {17, 443, 50'000}));
  CHECK(opaque(quic, {17, 50'000, 8443}));
  CHECK(!opaque(quic, {17, 50'000, 50'001}));
  CHECK(!opaque(quic, {6, 50'000, 443}));
  quic[0] = 0x3f;
  CHECK(!opaque(quic, {17, 443, 50'000}));
  CHECK(opaque(text, {6, 22, 50'000}));
  std::memcpy(text.data(), "SSH-2.0-", 8);
  CHECK(!opaque(text, {6, 22, 50'000}));
  CHECK(opaque(Buffer(128, 0), {50, 0, 0}));
}

}  // namespace tapline::flowgen
