#pragma once
// EventRecord: something that was said within a session: a DNS message, a TLS handshake, a HTTP request with
// its response, an SSH handshake, a file that was named. A row on its own, linked to its session by uid.

#include <array>
#include <cstdint>
#include <string>

#include "capture/base/time.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/texts.hpp"
#include "capture/packet/uid.hpp"

namespace tapline {

/// Numbers are on disk and never reused.
enum class EventKind : std::uint8_t { kDns = 1, kTls, kHttp, kSsh, kFile };
inline constexpr int kEventKindCount = static_cast<int>(EventKind::kFile) + 1;
const char* event_kind_name(EventKind kind);  // "dns", "tls", "http", "ssh", "file"

/// What is counted about an event; each kind has some of them, the others are 0. Numbers are on disk and
/// never reused: column kEventNumberColumns + number.
enum class EventNumber : std::uint8_t {
  kIsResponse,         // dns: 1: an answer, 0: a query
  kDnsId,              // dns: of the message
  kDnsQuestionType,    // dns
  kDnsRcode,           // dns
  kDnsFlags,           // dns: the 16 bits of the header's second word
  kDnsAnswerCount,     // dns: as the header says
  kMessageBytes,       // dns: of the message
  kNotBefore,          // tls: of the certificate, s since 1970
  kNotAfter,           //
  kAlert,              // tls: description + 1 of the first alert in the clear
  kHasEncryptedHello,  // tls: 1: the client sent ECH
  kStatusCode,         // http
  kRequestBytes,       // http: content of the request's body
  kResponseBytes,      // http: content of the response's body
  kMissingBytes,       // http, file: of the content, in gaps
  kIsCut,              // 1: an end of it was not seen, or a text did not fit
  kFileBytes,          // file: of the content, where it was followed
  kRecipientCount,     // file: of mail
  kReplyCode,          // file: of FTP or SMTP
};
inline constexpr int kEventNumberCount = static_cast<int>(EventNumber::kReplyCode) + 1;

struct EventRecord {
  Uid uid;             // of its session
  FlowKey key;         // likewise
  TimeNs time_ns = 0;  // capture time of the packet with which it began
  TimeNs last_ns = 0;  // of the packet with which it was complete, or of the last that was seen
  EventKind kind = EventKind::kDns;
  Direction originator = Direction::kAToB;  // kAToB: A asked, or is the client
  std::uint16_t worker = 0;
  std::array<std::uint64_t, kEventNumberCount> numbers{};
  std::string texts;  // texts.hpp

  std::uint64_t number(EventNumber of) const { return numbers[static_cast<std::size_t>(of)]; }
};

}  // namespace tapline
