#pragma once
// TlsClientHello: what a client says before anything is encrypted (RFC 8446, section 4.1.2; RFC 5246, section
// 7.4.1.2; with a cookie in DTLS, RFC 6347, section 4.2.1), in a structure of fixed size. All of it is the
// client's word: a server name need not be the server's, and with ECH (RFC 9849) it is that of the front.
//
// Nothing is allocated; one call reads the message once and sorts and hashes at most three lists of
// kJa4NumbersMax: 0.4 us for a browser's hello, 11 us at most (AMD EPYC, g++ 12). Any thread may call.

#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/content/fixed_text.hpp"
#include "capture/content/ja4.hpp"
#include "capture/content/tls_names.hpp"

namespace tapline {

struct TlsClientHello {
  std::uint16_t legacy_version = 0;
  std::uint16_t offered_version = 0;  // the highest in supported_versions, else the legacy version
  std::uint32_t cipher_count = 0;     // without GREASE, as the next
  std::uint32_t extension_count = 0;
  bool has_server_name = false;  // the extension is there, whatever it holds
  bool has_encrypted_hello = false;
  bool odd_extension = false;  // the list of extensions is sound, but one that is read here is not
  FixedText<255> server_name;  // the first host_name, as sent: any bytes
  TextList<8, 256> alpn;       // protocols in the client's order; the first is always listed
  Ja4Text ja4;                 // "" where a list is beyond ja4.hpp's limit
};

enum class TlsHelloStatus : std::uint8_t { kOk, kMalformed };

/// Of the body of a ClientHello, without its header (in DTLS put together from its fragments). kMalformed
/// where the lengths contradict each other or the end of the message; `hello` is then empty.
[[nodiscard]] TlsHelloStatus read_tls_client_hello(Bytes body, TlsTransport transport,
                                                   TlsClientHello& hello) noexcept;

}  // namespace tapline
