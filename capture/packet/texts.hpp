#pragma once
// Texts: what a session or an event is called by: server names, hosts, file names. Each has a kind; of a kind
// there is at most one. Packed into one string, so that a record without names costs nothing: kind, two bytes
// of length (little endian), bytes; again and again. Bytes are as they were sent, or as the parsers' headers
// say; whoever shows them escapes them.

#include <cstdint>
#include <string>
#include <string_view>

namespace tapline {

/// Numbers are on disk and never reused: column kTextColumns + kind.
enum class TextKind : std::uint8_t {
  kSni = 1,      // server name of a ClientHello
  kAlpn,         // protocol that the server chose, else the client's first offer
  kJa4,          // fingerprint of the ClientHello
  kTlsVersion,   // negotiated: "1.2", "1.3"
  kCipher,       // negotiated, by its IANA name or as 0x1301
  kSubject,      // of the server's certificate
  kIssuer,       //
  kFingerprint,  // SHA-256 of it, hex digits
  kDnsName,      // question
  kDnsType,      // "A", "TXT"
  kDnsRcode,     // "NXDOMAIN"
  kDnsAnswers,   // addresses and names, separated by ", "
  kMethod,       // of a HTTP request
  kHost,         // without its port
  kUri,          // target of a HTTP request, as sent
  kUserAgent,    //
  kReferer,      //
  kStatus,       // of a HTTP response, three digits
  kContentType,  // of a HTTP response
  kSshClient,    // software of an SSH identification
  kSshServer,    //
  kHassh,        // MD5 of the client's algorithms
  kHasshServer,  // of the server's
  kUser,         // login name of FTP
  kCommand,      // of FTP, SMTP, SMB: "STOR", "RCPT", "CREATE"
  kFileName,     // that was named in a transfer
  kShare,        // path of an SMB tree
  kMailFrom,     // of the envelope
  kMailTo,       // first recipient of the envelope
  kMailSubject,  //
  kRespName,     // name that DNS answers, seen before, gave the responder's address
};
inline constexpr int kTextKindCount = static_cast<int>(TextKind::kRespName) + 1;
const char* text_kind_name(TextKind kind);  // "sni", "alpn", ...: the name of the field

inline constexpr std::size_t kTextHeaderBytes = 3;
inline constexpr std::size_t kTextBytesMax = 1024;  // of one; longer ones are cut
/// Of all texts of a record.
inline constexpr std::size_t kTextsBytesMax = 8192;

/// Calls take(TextKind, std::string_view) for each text. False where the bytes are not what append_text()
/// makes; what was right before that has been given.
template <class Take>
bool for_each_text(std::string_view packed, const Take& take) {
  while (!packed.empty()) {
    if (packed.size() < kTextHeaderBytes) return false;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(packed[i]); };
    const std::size_t bytes = byte(1) | std::size_t{byte(2)} << 8;
    if (byte(0) == 0 || byte(0) >= kTextKindCount || packed.size() - kTextHeaderBytes < bytes) return false;
    take(static_cast<TextKind>(byte(0)), packed.substr(kTextHeaderBytes, bytes));
    packed.remove_prefix(kTextHeaderBytes + bytes);
  }
  return true;
}

/// "" where there is none.
std::string_view find_text(std::string_view packed, TextKind kind);

/// Without a text of this kind before; an empty one is left out, one that is too long cut.
void append_text(std::string& packed, TextKind kind, std::string_view text);

/// Those of `further` that `packed` does not have.
void add_missing_texts(std::string& packed, std::string_view further);

}  // namespace tapline
