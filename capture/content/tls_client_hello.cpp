#include "capture/content/tls_client_hello.hpp"

#include "capture/content/tls_reader.hpp"

namespace tapline {
namespace {

constexpr std::size_t kRandomBytes = 32;

// Versions of DTLS count downwards (RFC 6347, section 4.1).
bool is_higher(std::uint16_t version, std::uint16_t than, TlsTransport transport) {
  return transport == TlsTransport::kDtls ? version < than : version > than;
}

// RFC 6066, section 3.
bool read_server_name(Bytes data, TlsClientHello& hello) {
  constexpr std::uint8_t kHostName = 0;
  TlsReader extension(data);
  TlsReader list(extension.vector16());
  bool found = false;
  while (list.more()) {
    const std::uint8_t type = list.u8();
    const Bytes name = list.vector16();
    if (!list.ok() || type != kHostName || found) continue;
    hello.server_name.assign(as_text(name));
    found = true;
  }
  return extension.ok() && extension.remaining() == 0 && list.ok() && found && !hello.server_name.cut() &&
         !hello.server_name.empty();
}

// RFC 7301, section 3.1.
bool read_alpn(Bytes data, TlsClientHello& hello, Ja4Input& ja4) {
  TlsReader extension(data);
  TlsReader list(extension.vector16());
  bool sound = list.more();
  while (list.more()) {
    const Bytes name = list.vector8();
    if (!list.ok()) break;
    sound = sound && !name.empty();
    if (hello.alpn.seen() == 0) ja4.first_alpn = name;
    hello.alpn.add(as_text(name));
  }
  return sound && extension.ok() && extension.remaining() == 0 && list.ok();
}

// RFC 8446, section 4.2.1.
bool read_supported_versions(Bytes data, TlsTransport transport, TlsClientHello& hello) {
  TlsReader extension(data);
  const Bytes list = extension.vector8();
  std::uint16_t highest = 0;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
    const std::uint16_t version = load_be16(list.data() + i);
    if (is_tls_grease(version)) continue;
    if (highest == 0 || is_higher(version, highest, transport)) highest = version;
  }
  if (highest != 0) hello.offered_version = highest;
  return extension.ok() && extension.remaining() == 0 && list.size() % 2 == 0 && highest != 0;
}

// RFC 8446, section 4.2.3.
bool read_signature_algorithms(Bytes data, Ja4Input& ja4) {
  TlsReader extension(data);
  const Bytes list = extension.vector16();
  ja4.signature_algorithms.add_pairs(list);
  return extension.ok() && extension.remaining() == 0 && list.size() % 2 == 0;
}

bool read_extension(std::uint16_t type, Bytes data, TlsClientHello& hello, Ja4Input& ja4) {
  switch (type) {
    case kTlsServerName:
      hello.has_server_name = true;
      return read_server_name(data, hello);
    case kTlsAlpn:
      return read_alpn(data, hello, ja4);
    case kTlsSupportedVersions:
      return read_supported_versions(data, ja4.transport, hello);
    case kTlsSignatureAlgorithms:
      return read_signature_algorithms(data, ja4);
    case kTlsEncryptedHello:
      hello.has_encrypted_hello = true;
      return true;
    default:
      return true;
  }
}

// Each type once (RFC 8446, section 4.2): the second of a type that is read here is odd and does not count.
bool read_extensions(Bytes list, TlsClientHello& hello, Ja4Input& ja4) {
  TlsReader extensions(list);
  std::uint64_t seen = 0;
  while (extensions.more()) {
    const std::uint16_t type = extensions.u16();
    const Bytes data = extensions.vector16();
    if (!extensions.ok()) return false;
    ja4.extensions.add(type);
    const bool again = type < 64 && (seen >> type & 1) != 0;
    if (type < 64) seen |= std::uint64_t{1} << type;
    if (again || !read_extension(type, data, hello, ja4)) hello.odd_extension = true;
  }
  return true;
}

bool read_hello(Bytes body, TlsClientHello& hello, Ja4Input& ja4) {
  TlsReader in(body);
  hello.legacy_version = in.u16();
  hello.offered_version = hello.legacy_version;
  in.take(kRandomBytes);
  in.vector8();                                            // session id
  if (ja4.transport == TlsTransport::kDtls) in.vector8();  // cookie
  const Bytes ciphers = in.vector16();
  const Bytes compressions = in.vector8();
  if (!in.ok() || ciphers.size() % 2 != 0 || compressions.empty()) return false;
  ja4.ciphers.add_pairs(ciphers);
  if (in.remaining() == 0) return true;  // up to TLS 1.2 extensions may be absent
  const Bytes extensions = in.vector16();
  return in.ok() && in.remaining() == 0 && read_extensions(extensions, hello, ja4);
}

}  // namespace

TlsHelloStatus read_tls_client_hello(Bytes body, TlsTransport transport, TlsClientHello& hello) noexcept {
  hello = {};
  Ja4Input ja4;
  ja4.transport = transport;
  if (!read_hello(body, hello, ja4)) {
    hello = {};
    return TlsHelloStatus::kMalformed;
  }
  hello.cipher_count = ja4.ciphers.count();
  hello.extension_count = ja4.extensions.count();
  ja4.version = hello.offered_version;
  ja4.has_server_name = hello.has_server_name;
  hello.ja4 = ja4_text(ja4);
  return TlsHelloStatus::kOk;
}

}  // namespace tapline
