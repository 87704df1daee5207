#include "capture/content/tls_client_hello.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/content/tls_builder.hpp"

namespace tapline::test {
namespace {

TlsClientHello read(const Octets& body, TlsTransport transport = TlsTransport::kTcp) {
  const ExactBytes exact(body);
  TlsClientHello hello;
  CHECK(read_tls_client_hello(exact.bytes(), transport, hello) == TlsHelloStatus::kOk);
  return hello;
}

bool is_malformed(const Octets& body) {
  const ExactBytes exact(body);
  TlsClientHello hello;
  hello.cipher_count = 7;
  const bool malformed =
      read_tls_client_hello(exact.bytes(), TlsTransport::kTcp, hello) == TlsHelloStatus::kMalformed;
  if (malformed) CHECK(hello.cipher_count == 0);
  return malformed;
}

Octets with(const Octets& extensions) {
  return client_hello(0x0303, {0x1301}, extensions);
}

std::string ja4_of_alpn(std::string_view name) {
  return std::string(read(with(alpn({name}))).ja4.view().substr(8, 2));
}

}  // namespace

TEST_CASE("the hello of JA4's description has the fingerprint that stands there") {
  const TlsClientHello hello = read(chrome_hello());
  CHECK(hello.ja4.view() == kChromeJa4);
  CHECK(hello.legacy_version == kTls12);
  CHECK(hello.offered_version == kTls13);
  CHECK(hello.cipher_count == 15);
  CHECK(hello.extension_count == 16);
  CHECK(hello.has_server_name);
  CHECK(hello.server_name.view() == "www.example.org");
  REQUIRE(hello.alpn.size() == 2);
  CHECK(hello.alpn[0] == "h2");
  CHECK(hello.alpn[1] == "http/1.1");
  CHECK_FALSE(hello.has_encrypted_hello);
  CHECK_FALSE(hello.odd_extension);
}

TEST_CASE("the transport is the fingerprint's first letter") {
  CHECK(read(chrome_hello(), TlsTransport::kQuic).ja4.view() == "q13d1516h2_8daaf6152771_e5627efa2ab1");
  const Octets dtls = client_hello(kDtls12, {0xc02b}, {}, vec8(Octets(20, 1)));
  CHECK(read(dtls, TlsTransport::kDtls).ja4.view().substr(0, 10) == "dd2i010000");
}

TEST_CASE("without signature algorithms the list of extensions is hashed alone") {
  Octets extensions;
  for (const int type :
       {0x0005, 0x000a, 0x000b, 0x0012, 0x0015, 0x0017, 0x001b, 0x0023, 0x002d, 0x0033, 0x4469, 0xff01})
    extensions = join(extensions, extension(static_cast<std::uint16_t>(type)));
  extensions = join(extensions, supported_versions({0x0304}), signature_algorithms({}));
  CHECK(read(with(extensions)).ja4.view().substr(24) == "6d807ffa2a79");
}

TEST_CASE("GREASE counts nowhere, also among signature algorithms") {
  const Octets plain = with(join(supported_versions({0x0304}), signature_algorithms({0x0403})));
  const Octets greased = client_hello(
      0x0303, {0x0a0a, 0x1301, 0xfafa},
      join(extension(0x2a2a), supported_versions({0xeaea, 0x0304}), signature_algorithms({0x1a1a, 0x0403})));
  CHECK(read(greased).ja4.view() == read(plain).ja4.view());
  CHECK(read(with(extension(0x0a1a))).extension_count == 1);  // looks like it, and is none
}

TEST_CASE("the fingerprint has zeroes for what is empty") {
  const Octets none = client_hello(0x0303, {0x0a0a}, join(server_name("a"), alpn({"h2"})));
  CHECK(read(none).ja4.view() == "t12d0002h2_000000000000_000000000000");
}

TEST_CASE("the fingerprint shows the first and last character of the first ALPN name, or of its hex") {
  CHECK(ja4_of_alpn("http/1.1") == "h1");
  CHECK(ja4_of_alpn("h") == "hh");
  CHECK(ja4_of_alpn("\xab") == "ab");
  CHECK(ja4_of_alpn("\xab\xcd") == "ad");
  CHECK(ja4_of_alpn("0\xab") == "3b");
  CHECK(ja4_of_alpn("01\xab\xcd") == "3d");
  CHECK(ja4_of_alpn("0\xab\xcd\x31") == "01");
  CHECK(ja4_of_alpn("") == "00");
  CHECK(read(with({})).ja4.view().substr(8, 2) == "00");
}

TEST_CASE("the version in the fingerprint is the highest offered") {
  const auto version = [](const std::vector<std::uint16_t>& offered,
                          TlsTransport transport = TlsTransport::kTcp) {
    Octets cookie = transport == TlsTransport::kDtls ? vec8({}) : Octets{};
    return std::string(read(client_hello(0x0301, {1}, supported_versions(offered), cookie), transport)
                           .ja4.view()
                           .substr(1, 2));
  };
  CHECK(version({0x0303, 0x0304, 0x0301}) == "13");
  CHECK(version({0x0302}) == "11");
  CHECK(version({}) == "10");
  CHECK(version({0x7a7a}) == "10");
  CHECK(version({0x0300}) == "s3");
  CHECK(version({0x7f1c, 0x0303}) == "00");  // a draft
  CHECK(version({kDtls10, kDtls12}, TlsTransport::kDtls) == "d2");
  CHECK(version({kDtls13, kDtls12}, TlsTransport::kDtls) == "d3");
}

TEST_CASE("counts in the fingerprint end at 99, and lists without limit have none") {
  std::vector<std::uint16_t> ciphers(120, 0x1301);
  CHECK(read(client_hello(0x0303, ciphers, {})).ja4.view().substr(0, 8) == "t12i9900");
  ciphers.resize(kJa4NumbersMax);
  CHECK(read(client_hello(0x0303, ciphers, {})).ja4.view().size() == 36);
  ciphers.push_back(0x1302);
  const TlsClientHello hello = read(client_hello(0x0303, ciphers, {}));
  CHECK(hello.ja4.empty());
  CHECK(hello.cipher_count == kJa4NumbersMax + 1);
}

TEST_CASE("a hello without extensions is one of old times") {
  const Octets old = join(u16(0x0300), Octets(32), vec8({}), vec16(u16s({0x000a})), vec8(u8(0)));
  const TlsClientHello hello = read(old);
  CHECK(hello.ja4.view().substr(0, 10) == "ts3i010000");
  CHECK_FALSE(hello.has_server_name);
}

TEST_CASE("a server name is shown as sent, the first host name only") {
  const Octets names =
      join(u8(7), vec16(text("other")), u8(0), vec16(text("B\nb")), u8(0), vec16(text("second")));
  const TlsClientHello hello = read(with(extension(0, vec16(names))));
  CHECK(hello.server_name.view() == "B\nb");
  CHECK_FALSE(hello.odd_extension);
}

TEST_CASE("a server name without a name is odd, and still an extension") {
  for (const Octets& data :
       {Octets{}, u16(0), u16(9), vec16(join(u8(0), u16(5))), vec16(join(u8(0), vec16({})))}) {
    const TlsClientHello hello = read(with(extension(0, data)));
    CHECK(hello.has_server_name);
    CHECK(hello.odd_extension);
    CHECK(hello.server_name.empty());
    CHECK(hello.ja4.view()[3] == 'd');
  }
}

TEST_CASE("a server name longer than a DNS name is cut and odd") {
  const TlsClientHello hello = read(with(server_name(std::string(300, 'a'))));
  CHECK(hello.server_name.view() == std::string(255, 'a'));
  CHECK(hello.server_name.cut());
  CHECK(hello.odd_extension);
}

TEST_CASE("ALPN names beyond the list are counted") {
  const TlsClientHello many = read(with(alpn({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"})));
  CHECK(many.alpn.size() == 8);
  CHECK(many.alpn.seen() == 10);
  CHECK_FALSE(many.alpn.complete());
  const std::string longest(255, 'x');
  const TlsClientHello wide = read(with(alpn({longest, "h2", "h3"})));
  REQUIRE(wide.alpn.size() == 1);  // "h3" would fit, but would look like the second
  CHECK(wide.alpn[0] == longest);
  CHECK(wide.ja4.view().substr(8, 2) == "xx");
}

TEST_CASE("an encrypted hello is seen") {
  CHECK(read(with(join(server_name("front.example"), extension(0xfe0d, u8(0))))).has_encrypted_hello);
}

TEST_CASE("an extension that comes twice counts twice and is read once") {
  const TlsClientHello hello = read(with(join(server_name("first"), server_name("second"))));
  CHECK(hello.server_name.view() == "first");
  CHECK(hello.extension_count == 2);
  CHECK(hello.odd_extension);
}

TEST_CASE("a hello whose lengths contradict each other is malformed") {
  CHECK(is_malformed({}));
  CHECK(is_malformed(join(chrome_hello(), u8(0))));
  CHECK(is_malformed(join(u16(0x0303), Octets(32), vec8({}), vec16({1}), vec8(u8(0)))));  // half a suite
  CHECK(is_malformed(join(u16(0x0303), Octets(32), vec8({}), vec16({0, 1}), vec8({}))));  // no compression
  CHECK(is_malformed(with(join(u16(5), u16(9), u8(1)))));  // an extension's end
  CHECK(is_malformed(join(u16(0x0303), Octets(32), vec8({}), vec16({0, 1}), vec8(u8(0)), u8(0))));
}

TEST_CASE("no prefix of a hello is one, but that without extensions") {
  const Octets whole = chrome_hello();
  const std::size_t without_extensions = 2 + 32 + 33 + 2 + 32 + 2;
  for (std::size_t count = 0; count < whole.size(); ++count) {
    CAPTURE(count);
    CHECK(is_malformed({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(count)}) ==
          (count != without_extensions));
  }
}

TEST_CASE("hellos with random bytes keep promises") {
  const Octets whole = chrome_hello();
  constexpr unsigned kSeed = 4;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(kSeed, round);
    Octets bytes = whole;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 4);
    const ExactBytes exact(bytes);
    TlsClientHello hello;
    const auto status = read_tls_client_hello(exact.bytes(), TlsTransport::kTcp, hello);
    CHECK(hello.ja4.view().size() == (status == TlsHelloStatus::kOk ? 36 : 0));
    CHECK(hello.alpn.size() <= hello.alpn.seen());
    if (!hello.server_name.empty()) CHECK(hello.has_server_name);
  }
}

TEST_CASE("versions and suites have IANA's names") {
  CHECK(tls_cipher_name(0x1301) == "TLS_AES_128_GCM_SHA256");
  CHECK(tls_cipher_name(0xc02f) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  CHECK(tls_cipher_name(0xcca9) == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
  CHECK(tls_cipher_name(0x0005) == "TLS_RSA_WITH_RC4_128_SHA");
  CHECK(tls_cipher_name(0x0a0a).empty());
  CHECK(tls_cipher_name(0xffff).empty());
  CHECK(tls_version_name(kTls13) == "TLS 1.3");
  CHECK(tls_version_name(0x7f1c).empty());
}

}  // namespace tapline::test
