#include "capture/content/tls_server_hello.hpp"

#include <algorithm>

#include "capture/content/tls_reader.hpp"

namespace tapline {
namespace {

constexpr std::size_t kRandomBytes = 32;

// SHA-256 of "HelloRetryRequest" stands for the random (RFC 8446, section 4.1.3).
constexpr std::uint8_t kRetryRandom[kRandomBytes] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

// Drafts 18 to 21 of TLS 1.3, which browsers spoke in 2017, had the chosen version in the place of the legacy
// one, and neither session id nor compression.
bool is_short_draft(std::uint16_t version) {
  return version >= 0x7f12 && version <= 0x7f15;
}

bool read_extension(std::uint16_t type, Bytes data, TlsServerHello& hello) {
  TlsReader extension(data);
  if (type == kTlsSupportedVersions) {
    const std::uint16_t version = extension.u16();
    if (extension.ok()) hello.version = version;
    return extension.ok() && extension.remaining() == 0;
  }
  if (type == kTlsAlpn) {  // a list of exactly one name: RFC 7301, section 3.1
    TlsReader list(extension.vector16());
    const Bytes name = list.vector8();
    hello.alpn.assign(as_text(name));
    return list.ok() && list.remaining() == 0 && extension.ok() && extension.remaining() == 0 &&
           !name.empty();
  }
  return true;
}

bool read_hello(Bytes body, TlsServerHello& hello) {
  TlsReader in(body);
  hello.legacy_version = in.u16();
  hello.version = hello.legacy_version;
  const Bytes random = in.take(kRandomBytes);
  const bool is_short = is_short_draft(hello.legacy_version);
  if (!is_short) in.vector8();  // session id
  hello.cipher = in.u16();
  if (!is_short) in.u8();  // compression
  if (!in.ok()) return false;
  hello.is_retry_request = std::equal(random.begin(), random.end(), kRetryRandom);
  if (in.remaining() == 0) return true;  // up to TLS 1.2 extensions may be absent
  TlsReader extensions(in.vector16());
  if (!in.ok() || in.remaining() != 0) return false;
  while (extensions.more()) {
    const std::uint16_t type = extensions.u16();
    const Bytes data = extensions.vector16();
    if (!extensions.ok()) return false;
    if (!read_extension(type, data, hello)) hello.odd_extension = true;
  }
  return true;
}

}  // namespace

TlsHelloStatus read_tls_server_hello(Bytes body, TlsServerHello& hello) noexcept {
  hello = {};
  if (read_hello(body, hello)) return TlsHelloStatus::kOk;
  hello = {};
  return TlsHelloStatus::kMalformed;
}

}  // namespace tapline
