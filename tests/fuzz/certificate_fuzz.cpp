// certificate: any bytes as a certificate, and as the body of a Certificate message.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "capture/content/certificate.hpp"
#include "tests/content/exact_bytes.hpp"

namespace {

using namespace tapline;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "certificate_fuzz: %s\n", what);
  std::abort();
}

// Whatever a certificate holds, its names are one line of sound UTF-8, as far as its lead bytes tell.
void check_name(std::string_view name) {
  std::size_t follow = 0;
  for (const char c : name) {
    const auto byte = static_cast<std::uint8_t>(c);
    require(byte >= 0x20 && byte != 0x7f, "a control character in a name");
    require((follow > 0) == ((byte & 0xc0) == 0x80), "a name that is no UTF-8");
    follow = follow > 0 ? follow - 1 : byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
  }
  require(follow == 0, "a name that is cut within a character");
}

void check(CertificateStatus status, const Certificate& certificate) {
  check_name(certificate.subject.view());
  check_name(certificate.issuer.view());
  require(certificate.dns_names.size() <= certificate.dns_names.seen(), "more names than there were");
  for (std::size_t i = 0; i < certificate.dns_names.size(); ++i)
    require(certificate.dns_names[i].size() <= certificate.der_bytes, "a name longer than the certificate");
  require(certificate.serial_hex.view().size() % 2 == 0, "half a byte of a serial");
  require(status == CertificateStatus::kOk || !certificate.not_before_s, "a time of what is no certificate");
  const bool whole = certificate.not_before_s && certificate.not_after_s && !certificate.serial_hex.empty();
  require(status != CertificateStatus::kOk || whole || certificate.odd_field,
          "a field is missing, and nothing is odd");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const test::ExactBytes exact(Bytes(data, size));
  Certificate certificate;
  check(read_certificate(exact.bytes(), certificate), certificate);
  check(read_tls_certificate(exact.bytes(), certificate), certificate);
  return 0;
}
