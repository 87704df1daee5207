#pragma once
// What holds of every parsed message, whatever its bytes. Functions return "" or what does not hold.

#include <algorithm>
#include <string>

#include "capture/content/dns_message.hpp"

namespace tapline::test {

inline std::string broken_dns_text(const DnsMessage& message, DnsText part) {
  if (std::size_t{part.offset} + part.bytes > message.text_bytes) return "a text past the texts";
  const std::string_view text = message.text(part);
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  return is_plain ? "" : "a text with a byte that is not plain ASCII";
}

inline std::string broken_dns_invariant(Bytes bytes, DnsStatus status, const DnsMessage& message) {
  if (message.message_bytes > bytes.size()) return "more bytes than there are";
  if (message.message_bytes == 0)
    return status == DnsStatus::kTruncated ? "" : "no header, and not truncated";
  if (message.text_bytes > kDnsTextBytesMax) return "texts past their buffer";
  if (message.answers_kept > kDnsAnswersMax) return "answers past their array";
  if (message.answers_kept + message.answers_left_out > message.answer_count)
    return "answers that nobody counted";
  if (status == DnsStatus::kComplete &&
      message.answers_kept + message.answers_left_out != message.answer_count)
    return "answers missing from a complete message";
  if (message.has_question && message.question_count == 0) return "a question that nobody counted";
  if (!message.has_edns && message.rcode > 15) return "an extended rcode without EDNS";
  if (!message.has_question && message.question_name.bytes > 0) return "a name without a question";
  if (message.has_question && message.question_name.bytes == 0) return "a question without a name";
  if (message.question_name.bytes > kDnsNameTextBytesMax) return "a name that is too long";
  if (const std::string broken = broken_dns_text(message, message.question_name); !broken.empty())
    return broken;
  for (std::size_t i = 0; i < message.answers_kept; ++i) {
    const DnsAnswer& answer = message.answers[i];
    if (const std::string broken = broken_dns_text(message, answer.text); !broken.empty()) return broken;
    if (answer.has_address && answer.text.bytes > 0) return "an address with a text";
  }
  return "";
}

/// `part` was read from a beginning of what `whole` was read from: it says nothing that `whole` does not.
inline std::string broken_dns_prefix(const DnsMessage& part, const DnsMessage& whole) {
  if (part.message_bytes == 0) return "";
  if (part.message_bytes > whole.message_bytes) return "more of a message of which less is there";
  if (part.id != whole.id || part.answer_count != whole.answer_count) return "another header";
  if (part.has_question && part.question_type != whole.question_type) return "another question";
  if (part.text(part.question_name) != whole.text(whole.question_name) && part.has_question)
    return "another name";
  if (part.answers_kept > whole.answers_kept) return "an answer too many";
  for (std::size_t i = 0; i < part.answers_kept; ++i) {
    const DnsAnswer& one = part.answers[i];
    const DnsAnswer& other = whole.answers[i];
    if (one.type != other.type || one.ttl_s != other.ttl_s || one.address != other.address ||
        part.text(one.text) != whole.text(other.text))
      return "another answer";
  }
  if (part.has_edns && part.edns_udp_bytes != whole.edns_udp_bytes) return "another EDNS";
  return "";
}

}  // namespace tapline::test
