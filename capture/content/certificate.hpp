#pragma once
// Certificate: what an X.509 certificate says (RFC 5280), in a structure of fixed size. Read by a walker of
// our own (der.hpp), because OpenSSL's allocates. Nothing is verified: neither signature nor chain nor time;
// all of it is the word of who made it.
//
// Nothing is allocated; one call reads the bytes once and hashes them once: 1.3 us for 623 bytes, 6 us for 12
// KiB (AMD EPYC, g++ 12). Any thread may call.

#include <cstdint>
#include <optional>

#include "capture/base/bytes.hpp"
#include "capture/content/fixed_text.hpp"
#include "capture/content/sha256.hpp"

namespace tapline {

inline constexpr std::size_t kNameTextBytesMax = 512;

struct Certificate {
  using NameText = FixedText<kNameTextBytesMax>;

  NameText subject;  // certificate_name.hpp says how names are written
  NameText issuer;
  std::optional<std::int64_t> not_before_s;  // since 1970; none of a time that is not one
  std::optional<std::int64_t> not_after_s;
  FixedText<80>
      serial_hex;  // upper case, as the bytes are but for a leading 00; 20 bytes at most are allowed
  TextList<64, 2'048> dns_names;  // of subjectAltName, as sent: any bytes
  bool odd_field = false;  // the structure is sound, but a name or an extension that is read here is not
  std::uint32_t der_bytes = 0;
  Sha256Digest sha256{};  // of the DER; known even of a certificate that is malformed
};

enum class CertificateStatus : std::uint8_t {
  kOk,
  kNone,       // an empty list: the client has no certificate
  kMalformed,  // lengths contradict each other; of a single certificate: this is not one
};

/// The first certificate of the body of a Certificate message up to TLS 1.2 (RFC 5246, section 7.4.2), which
/// is the sender's own.
[[nodiscard]] CertificateStatus read_tls_certificate(Bytes body, Certificate& certificate) noexcept;

/// One certificate in DER.
[[nodiscard]] CertificateStatus read_certificate(Bytes der, Certificate& certificate) noexcept;

}  // namespace tapline
