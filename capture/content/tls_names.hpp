#pragma once
// Numbers of TLS that IANA keeps (RFC 8447), and their names.

#include <cstdint>
#include <string_view>

namespace tapline {

enum TlsVersion : std::uint16_t {
  kSsl2 = 0x0002,
  kSsl3 = 0x0300,
  kTls10 = 0x0301,
  kTls11 = 0x0302,
  kTls12 = 0x0303,
  kTls13 = 0x0304,
  kDtls10 = 0xfeff,
  kDtls12 = 0xfefd,
  kDtls13 = 0xfefc,
};

enum TlsHandshakeType : std::uint8_t {
  kTlsClientHelloType = 1,
  kTlsServerHelloType = 2,
  kTlsCertificateType = 11,
};

enum TlsExtensionType : std::uint16_t {
  kTlsServerName = 0,            // RFC 6066, section 3
  kTlsSignatureAlgorithms = 13,  // RFC 8446, section 4.2.3
  kTlsAlpn = 16,                 // RFC 7301
  kTlsSupportedVersions = 43,    // RFC 8446, section 4.2.1
  kTlsEncryptedHello = 0xfe0d,   // RFC 9849
};

/// What carries the handshake: DTLS numbers its versions differently and adds a cookie to the ClientHello.
enum class TlsTransport : std::uint8_t { kTcp, kDtls, kQuic };

/// Reserved values that clients send so that servers do not choke on unknown ones: 0x0a0a, 0x1a1a, ... 0xfafa
/// (RFC 8701, section 2).
constexpr bool is_tls_grease(std::uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/// "TLS 1.3"; "" of a number that is none of TlsVersion.
std::string_view tls_version_name(std::uint16_t version);

/// IANA's name of a cipher suite, e.g. "TLS_AES_128_GCM_SHA256"; "" of one that is not in our table of common
/// ones.
std::string_view tls_cipher_name(std::uint16_t cipher);

}  // namespace tapline
