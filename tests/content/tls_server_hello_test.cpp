#include "capture/content/tls_server_hello.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/content/tls_builder.hpp"

namespace tapline::test {
namespace {

TlsServerHello read(const Octets& body) {
  const ExactBytes exact(body);
  TlsServerHello hello;
  CHECK(read_tls_server_hello(exact.bytes(), hello) == TlsHelloStatus::kOk);
  return hello;
}

bool is_malformed(const Octets& body) {
  const ExactBytes exact(body);
  TlsServerHello hello;
  return read_tls_server_hello(exact.bytes(), hello) == TlsHelloStatus::kMalformed;
}

Octets chosen_version(std::uint16_t version) {
  return extension(43, u16(version));
}

}  // namespace

TEST_CASE("up to TLS 1.2 a server says version and ALPN where they always stood") {
  const TlsServerHello hello =
      read(server_hello(0x0303, 0xc02f, join(extension(0xff01, u8(0)), alpn({"h2"}))));
  CHECK(hello.version == kTls12);
  CHECK(hello.cipher == 0xc02f);
  CHECK(hello.alpn.view() == "h2");
  CHECK_FALSE(hello.is_retry_request);
  CHECK_FALSE(hello.odd_extension);
}

TEST_CASE("a server says TLS 1.3 in an extension") {
  const TlsServerHello hello = read(server_hello(0x0303, 0x1301, chosen_version(0x0304)));
  CHECK(hello.legacy_version == kTls12);
  CHECK(hello.version == kTls13);
  CHECK(hello.alpn.empty());
}

TEST_CASE("a request for another hello is told by its random") {
  const Octets random = from_hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
  const Octets body = join(u16(0x0303), random, vec8({}), u16(0x1302), u8(0), vec16(chosen_version(0x0304)));
  CHECK(read(body).is_retry_request);
}

TEST_CASE("early drafts of TLS 1.3 have neither session id nor compression") {
  const TlsServerHello hello = read(join(u16(0x7f12), Octets(32), u16(0x1301), vec16(extension(51))));
  CHECK(hello.version == 0x7f12);
  CHECK(hello.cipher == 0x1301);
}

TEST_CASE("a server hello may have no extensions") {
  CHECK(read(join(u16(0x0300), Octets(32), vec8({}), u16(0x000a), u8(0))).version == kSsl3);
}

TEST_CASE("an extension of a server that is not as it should be is odd") {
  CHECK(read(server_hello(0x0303, 1, alpn({"h2", "h3"}))).odd_extension);  // one is chosen
  CHECK(read(server_hello(0x0303, 1, extension(43, u8(3)))).odd_extension);
  CHECK(read(server_hello(0x0303, 1, extension(43, u8(3)))).version == kTls12);
  CHECK(read(server_hello(0x0303, 1, extension(16))).odd_extension);
}

TEST_CASE("no prefix of a server hello is one, but that without extensions") {
  const Octets whole = server_hello(0x0303, 0x1301, join(chosen_version(0x0304), alpn({"h2"})));
  const std::size_t without_extensions = 2 + 32 + 33 + 2 + 1;
  for (std::size_t count = 0; count < whole.size(); ++count) {
    CAPTURE(count);
    CHECK(is_malformed({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(count)}) ==
          (count != without_extensions));
  }
  CHECK(is_malformed(join(whole, u8(0))));
}

TEST_CASE("server hellos with random bytes keep promises") {
  const Octets whole = server_hello(0x0303, 0x1301, join(chosen_version(0x0304), alpn({"h2"})));
  constexpr unsigned kSeed = 5;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(kSeed, round);
    Octets bytes = whole;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 4);
    const ExactBytes exact(bytes);
    TlsServerHello hello;
    if (read_tls_server_hello(exact.bytes(), hello) == TlsHelloStatus::kMalformed)
      CHECK(hello.legacy_version == 0);
    CHECK(hello.alpn.view().size() <= whole.size());
  }
}

}  // namespace tapline::test
