#pragma once
// TlsServerHello: what a server chose, as far as it says so in the clear (RFC 8446, section 4.1.3; RFC 5246,
// section 7.4.1.3). In TLS 1.3 the ALPN protocol is encrypted. Nothing is allocated; any thread may call.

#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/content/fixed_text.hpp"
#include "capture/content/tls_client_hello.hpp"

namespace tapline {

struct TlsServerHello {
  std::uint16_t legacy_version = 0;
  std::uint16_t version = 0;      // negotiated: of supported_versions where that is there
  std::uint16_t cipher = 0;       // tls_cipher_name() has a name for the common ones
  bool is_retry_request = false;  // a HelloRetryRequest: another ClientHello follows
  bool odd_extension = false;     // the list of extensions is sound, but one that is read here is not
  FixedText<255> alpn;
};

/// Of the body of a ServerHello, without its header. kMalformed where the lengths contradict each other or
/// the end of the message; `hello` is then empty.
[[nodiscard]] TlsHelloStatus read_tls_server_hello(Bytes body, TlsServerHello& hello) noexcept;

}  // namespace tapline
