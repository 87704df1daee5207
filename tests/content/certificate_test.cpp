#include "capture/content/certificate.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/content/certificate_builder.hpp"

namespace tapline::test {
namespace {

Certificate read(const Octets& der) {
  const ExactBytes exact(der);
  Certificate certificate;
  CHECK(read_certificate(exact.bytes(), certificate) == CertificateStatus::kOk);
  return certificate;
}

CertificateStatus status_of(const Octets& der) {
  const ExactBytes exact(der);
  Certificate certificate;
  return read_certificate(exact.bytes(), certificate);
}

std::string subject_of(const Octets& parts) {
  CertificateParts certificate;
  certificate.subject = parts;
  return std::string(read(certificate.bytes()).subject.view());
}

/// A common name of one string.
std::string common_name_of(std::uint8_t tag, const Octets& value) {
  return subject_of(name_part(common_name_oid(), der(tag, value)));
}

std::optional<std::int64_t> time_of(std::uint8_t tag, std::string_view time) {
  CertificateParts certificate;
  certificate.not_before = der(tag, text(time));
  const Certificate read_back = read(certificate.bytes());
  CHECK(read_back.odd_field == !read_back.not_before_s);
  return read_back.not_before_s;
}

std::string hex(const Sha256Digest& digest) {
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace

TEST_CASE("a certificate of OpenSSL's says what OpenSSL says of it") {
  const Certificate certificate = read(openssl_certificate());
  const std::string_view name =
      "emailAddress=a@example.org,CN=www.example.org,OU=\\#1,O=Tap\\+Line \\\"Test\\\",ST=K\xc3\xb6ln\\, "
      "Nord,C=DE";
  CHECK(certificate.subject.view() == name);
  CHECK(certificate.issuer.view() == name);
  CHECK(certificate.serial_hex.view() == "F1E2D3C4B5A69788");
  CHECK(certificate.not_before_s == 1'795'495'562);
  CHECK(certificate.not_after_s == 2'110'855'562);
  REQUIRE(certificate.dns_names.size() == 2);
  CHECK(certificate.dns_names[0] == "www.example.org");
  CHECK(certificate.dns_names[1] == "*.example.net");
  CHECK(hex(certificate.sha256) == "d0bd1097c9e16c45813ff0887ee223dfc628cebd7dc634fbaec508a06a504f7f");
  CHECK(certificate.der_bytes == 623);
  CHECK_FALSE(certificate.odd_field);
}

TEST_CASE("of a Certificate message the first one is read") {
  CertificateParts first;
  first.subject = common_name("first");
  const ExactBytes two(certificate_message({first.bytes(), openssl_certificate()}));
  Certificate certificate;
  CHECK(read_tls_certificate(two.bytes(), certificate) == CertificateStatus::kOk);
  CHECK(certificate.subject.view() == "CN=first");
  const ExactBytes none(certificate_message({}));
  CHECK(read_tls_certificate(none.bytes(), certificate) == CertificateStatus::kNone);
  for (const Octets& body : {Octets{}, u16(0), join(certificate_message({}), u8(0)),
                             certificate_message({{}}), vec24(join(number(3, 9), u8(1)))}) {
    const ExactBytes wrong(body);
    CHECK(read_tls_certificate(wrong.bytes(), certificate) == CertificateStatus::kMalformed);
  }
}

TEST_CASE("names are written as RFC 4514 has it") {
  CHECK(subject_of({}).empty());
  CHECK(subject_of(join(name_part(der(6, {0x55, 4, 6}), der(19, text("DE"))), common_name("a"))) ==
        "CN=a,C=DE");
  const Octets both = der(0x31, join(sequence(join(common_name_oid(), der(12, text("a")))),
                                     sequence(join(der(6, {0x55, 4, 11}), der(12, text("b"))))));
  CHECK(subject_of(both) == "CN=a+OU=b");
  CHECK(common_name_of(12, text(" a ")) == "CN=\\ a\\ ");
  CHECK(common_name_of(12, text("#1#")) == "CN=\\#1#");
  CHECK(common_name_of(12, text("a,b+c\"d\\e<f>g;h=i")) == "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i");
  CHECK(common_name_of(12, text("a\nb\x7f")) == "CN=a\\0Ab\\7F");
  CHECK(common_name_of(12, {0}) == "CN=\\00");
  CHECK(common_name_of(12, {}) == "CN=");
}

TEST_CASE("strings of all kinds come out as UTF-8") {
  CHECK(common_name_of(12, text("K\xc3\xb6ln")) == "CN=K\xc3\xb6ln");
  CHECK(common_name_of(20, text("K\xf6ln")) == "CN=K\\F6ln");  // T61: which of its sets nobody says
  CHECK(common_name_of(30, {0, 'K', 0, 0xf6, 0x20, 0xac}) == "CN=K\xc3\xb6\xe2\x82\xac");
  CHECK(common_name_of(28, {0, 1, 0xf6, 0}) == "CN=\xf0\x9f\x98\x80");
  for (const std::string_view wrong :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"})
    CHECK(common_name_of(12, text(wrong)).find('\\') == 3);
  CHECK(common_name_of(30, {0xd8, 0}) == "CN=#1E02D800");  // half a pair
  CHECK(common_name_of(30, {1, 2, 3}) == "CN=#1E03010203");
  CHECK(common_name_of(2, {7}) == "CN=#020107");  // a number
}

TEST_CASE("attributes without a short name are numbers") {
  CHECK(subject_of(name_part(der(6, {0x2a, 0x83, 0x12, 1}), der(12, text("x")))) == "1.2.402.1=#0C0178");
  CHECK(subject_of(name_part(der(6, {0x88, 0x37, 3}), der(12, text("x")))) == "2.999.3=#0C0178");
}

TEST_CASE("a name that is none is odd, and the rest is read") {
  const Octets endless = der(6, {0x2a, 0x83});
  const Octets huge = der(6, {0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f});
  for (const Octets& subject :
       {u8(0x31), der(0x31, {}), der(0x30, {}), name_part(endless, der(12, {})), name_part(huge, der(12, {})),
        name_part(der(6, {}), der(12, {})), der(0x31, sequence(u8(6))),
        name_part(common_name_oid(), join(der(12, {}), der(12, {})))}) {
    CertificateParts certificate;
    certificate.subject = subject;
    const Certificate read_back = read(certificate.bytes());
    CHECK(read_back.odd_field);
    CHECK(read_back.issuer.view() == "CN=issuer");
    CHECK(read_back.dns_names.size() == 1);
  }
}

TEST_CASE("a name beyond the limits is cut after a whole character") {
  CertificateParts parts;
  parts.subject = common_name(std::string(kNameTextBytesMax - 4, 'a') + "\xc3\xb6");
  const Certificate cut = read(parts.bytes());
  CHECK(cut.subject.view() == "CN=" + std::string(kNameTextBytesMax - 4, 'a'));
  CHECK(cut.subject.cut());
  parts.subject = {};
  for (int i = 0; i < 40; ++i) parts.subject = join(parts.subject, common_name(std::to_string(i)));
  const Certificate many = read(parts.bytes());
  CHECK(many.subject.view().substr(0, 12) == "CN=39,CN=38,");
  CHECK(many.subject.view().substr(many.subject.view().size() - 5) == ",CN=8");
  CHECK(many.subject.cut());
}

TEST_CASE("times are seconds since 1970") {
  CHECK(time_of(0x17, "700101000000Z") == 0);
  CHECK(time_of(0x17, "500101000000Z") == -631'152'000);
  CHECK(time_of(0x17, "491231235959Z") == 2'524'607'999);
  CHECK(time_of(0x17, "0002290000Z") == 951'782'400);  // without seconds
  CHECK(time_of(0x18, "20500101000000Z") == 2'524'608'000);
  CHECK(time_of(0x18, "99991231235959Z") == 253'402'300'799);
  CHECK(time_of(0x18, "00010101000000Z") == -62'135'596'800);
  CHECK(time_of(0x18, "19000228000000Z") == -2'203'977'600);
}

TEST_CASE("a time that is none is odd") {
  for (const std::string_view time :
       {"", "Z", "7001010000", "700101000000", "700101000000+0100", "701301000000Z", "700001000000Z",
        "700132000000Z", "700100000000Z", "010229000000Z", "700101240000Z", "700101006000Z", "700101000060Z",
        "7a0101000000Z", "700101000000ZZ"})
    CHECK_FALSE(time_of(0x17, time));
  CHECK_FALSE(time_of(0x18, "20260101000000.5Z"));
  CHECK_FALSE(time_of(0x18, "202601010000Z"));
  CHECK_FALSE(time_of(0x18, "20"));
  CHECK_FALSE(time_of(12, "700101000000Z"));
}

TEST_CASE("a serial is shown without its sign byte") {
  const auto serial = [](const Octets& bytes) {
    CertificateParts parts;
    parts.serial = der(2, bytes);
    return std::string(read(parts.bytes()).serial_hex.view());
  };
  CHECK(serial({0}) == "00");
  CHECK(serial({0, 0x80}) == "80");
  CHECK(serial({0x80, 1}) == "8001");  // negative
  CHECK(serial(Octets(60, 0xab)).size() == 80);
}

TEST_CASE("names beyond the list are counted, and none is cut") {
  CertificateParts parts;
  parts.alternative_names = join(dns_name("\x01 any\xff"), der(0x87, {192, 0, 2, 1}));
  for (int i = 0; i < 70; ++i) parts.alternative_names = join(parts.alternative_names, dns_name("x.example"));
  const Certificate certificate = read(parts.bytes());
  CHECK(certificate.dns_names[0] == "\x01 any\xff");
  CHECK(certificate.dns_names.size() == 64);
  CHECK(certificate.dns_names.seen() == 71);
  parts.alternative_names = {};
  for (int i = 0; i < 9; ++i)
    parts.alternative_names = join(parts.alternative_names, dns_name(std::string(250, 'x')));
  CHECK(read(parts.bytes()).dns_names.size() == 8);
}

TEST_CASE("a certificate without extensions, or with odd ones, is one") {
  CertificateParts parts;
  parts.after_key = der(0x81, {0, 1});  // a unique identifier
  CHECK(read(parts.bytes()).dns_names.empty());
  CHECK_FALSE(read(parts.bytes()).odd_field);
  for (const Octets& odd :
       {der(0xa3, {}), der(0xa3, sequence(u8(1))), der(0xa3, sequence(sequence({}))), u8(0xa3)}) {
    parts.after_key = odd;
    CHECK(read(parts.bytes()).odd_field);
  }
  parts.after_key = {};
  parts.alternative_names = u8(0x82);
  CHECK(read(parts.bytes()).odd_field);
}

TEST_CASE("what is no certificate is malformed") {
  CHECK(status_of({}) == CertificateStatus::kMalformed);
  CHECK(status_of({0x30, 0x80, 0, 0}) == CertificateStatus::kMalformed);  // a marked end: BER
  CHECK(status_of({0x30, 0x85, 0, 0, 0, 0, 0}) == CertificateStatus::kMalformed);
  CHECK(status_of({0x3f, 0x30, 0}) == CertificateStatus::kMalformed);
  CHECK(status_of(join(CertificateParts().bytes(), u8(0))) == CertificateStatus::kMalformed);
  CHECK(status_of(sequence(sequence({}))) == CertificateStatus::kMalformed);
}

TEST_CASE("no prefix of a certificate is one, but each has its digest") {
  const Octets whole = openssl_certificate();
  for (std::size_t count = 0; count < whole.size(); ++count) {
    const Octets part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(count));
    const ExactBytes exact(part);
    Certificate certificate;
    CHECK(read_certificate(exact.bytes(), certificate) == CertificateStatus::kMalformed);
    CHECK(certificate.sha256 == sha256(exact.bytes()));
  }
}

TEST_CASE("certificates with random bytes keep promises") {
  const Octets whole = openssl_certificate();
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(kSeed, round);
    Octets bytes = whole;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] =
          static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 0x38);
    const ExactBytes exact(bytes);
    Certificate certificate;
    const CertificateStatus status = read_certificate(exact.bytes(), certificate);
    CHECK(status != CertificateStatus::kNone);
    for (const std::string_view name : {certificate.subject.view(), certificate.issuer.view()})
      CHECK(
          std::all_of(name.begin(), name.end(), [](char c) { return static_cast<std::uint8_t>(c) >= 0x20; }));
    CHECK(certificate.dns_names.size() <= certificate.dns_names.seen());
  }
}

}  // namespace tapline::test
