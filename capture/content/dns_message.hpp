#pragma once
// DnsMessage: what one DNS message says: its header, the first question, the first answers, and EDNS. A UDP
// payload, or a TCP message without the two bytes of length before it; mDNS (RFC 6762) and LLMNR (RFC 4795),
// too, but not NetBIOS, whose names are coded another way.
//
// Fixed size, no allocation, no views into the input: a result may outlive the bytes that it was read from.
// Work is bounded by the bytes of the message and by kDnsAnswersMax names of at most 255 octets. Pure: any
// thread may call.
//
// Names are text as in RFC 1035, section 5.1, without the last dot (the root alone is "."), in the case in
// which they were sent. Whatever is not 0x21 to 0x7e, and a dot or a backslash within a label, is \DDD
// (RFC 4343, section 2.1); UTF-8 in names of mDNS is no exception.

#include <array>
#include <cstdint>
#include <string_view>

#include "capture/base/bytes.hpp"

namespace tapline {

inline constexpr std::size_t kDnsHeaderBytes = 12;
inline constexpr std::size_t kDnsAnswersMax = 32;
/// Of a name: 250 octets in four labels, all of them escaped, with three dots between.
inline constexpr std::size_t kDnsNameTextBytesMax = 4 * 250 + 3;
/// Of all texts of a message: the longest question and 32 answers of 96 bytes fit.
inline constexpr std::size_t kDnsTextBytesMax = 4096;

enum class DnsStatus : std::uint8_t {
  kComplete,   // every question and record that the header counts; bytes may follow
  kTruncated,  // the bytes end before that: what was read is right. In a whole message, a contradiction
  kNotDns,     // contradicts itself; what was read before that is kept, but proves little
};

/// Types that the parser knows (RFC 1035, section 3.2.2; RFC 2782, 3596, 6672, 6891).
enum DnsType : std::uint16_t {
  kDnsTypeA = 1,
  kDnsTypeNs = 2,
  kDnsTypeCname = 5,
  kDnsTypePtr = 12,
  kDnsTypeMx = 15,
  kDnsTypeTxt = 16,
  kDnsTypeAaaa = 28,
  kDnsTypeSrv = 33,
  kDnsTypeDname = 39,
  kDnsTypeOpt = 41,
};

/// Part of DnsMessage::text_buffer; no bytes: there is no such text.
struct DnsText {
  std::uint16_t offset = 0;
  std::uint16_t bytes = 0;
};

struct DnsAnswer {
  std::uint32_t ttl_s = 0;  // as sent
  std::uint16_t type = 0;
  bool has_address = false;
  std::array<std::uint8_t, 16> address{};  // of A (as ::ffff:a.b.c.d) and AAAA
  DnsText text;  // of CNAME, DNAME, PTR, NS, MX, SRV the name; of TXT the first string
};

struct DnsHeader {
  std::uint16_t id = 0;
  std::uint16_t rcode = 0;  // 4 bits, 12 with has_edns (RFC 6891, section 6.1.3)
  std::uint8_t opcode = 0;
  bool is_response = false;
  bool aa = false;  // authoritative; of LLMNR: conflict
  bool tc = false;  // truncated by the sender
  bool rd = false;  // recursion desired; of LLMNR: tentative
  bool ra = false;
  bool has_question = false;
  bool has_edns = false;
  std::uint16_t question_count = 0;
  std::uint16_t answer_count = 0;
  std::uint16_t authority_count = 0;
  std::uint16_t additional_count = 0;
  std::uint16_t question_type = 0;   // of the first question, as all three
  std::uint16_t question_class = 0;  // of mDNS the first bit asks for a unicast answer
  DnsText question_name;
  std::uint16_t edns_udp_bytes = 0;
  std::uint16_t answers_kept = 0;      // the first ones of the message
  std::uint16_t answers_left_out = 0;  // read, but without room: past kDnsAnswersMax or kDnsTextBytesMax
  std::uint16_t text_bytes = 0;        // used of the buffer
  std::uint32_t message_bytes = 0;     // up to the end of the last record that was read; 0: not even a header
};

struct DnsMessage : DnsHeader {
  std::array<DnsAnswer, kDnsAnswersMax> answers;     // answers_kept of them are set
  std::array<char, kDnsTextBytesMax> text_buffer{};  // text_bytes of it are set

  std::string_view text(DnsText part) const { return {text_buffer.data() + part.offset, part.bytes}; }
};

/// Fills `message` from scratch, whatever the status. Compression pointers are followed strictly backwards
/// (RFC 1035, section 4.1.4: "a prior occurance"), at most 127 for a name: it has no more labels.
DnsStatus parse_dns_message(Bytes bytes, DnsMessage& message) noexcept;

/// As IANA writes them ("AAAA", "NXDOMAIN"); "" where there is no name (RFC 3597 then writes TYPE65280).
std::string_view dns_type_name(std::uint16_t type) noexcept;
std::string_view dns_rcode_name(std::uint16_t rcode) noexcept;

}  // namespace tapline
