#pragma once
// What holds of every parsed head, whatever its bytes. Functions return "" or what does not hold.

#include <string>

#include "capture/content/http_head.hpp"

namespace tapline::test {

inline std::string broken_http_text(Bytes bytes, std::string_view text) {
  if (text.data() == nullptr) return text.empty() ? "" : "a text from nowhere";
  const auto* const begin = reinterpret_cast<const char*>(bytes.data());
  const bool is_within = text.data() >= begin && text.data() + text.size() <= begin + bytes.size();
  return is_within ? "" : "a text from elsewhere";
}

inline std::string broken_http_invariant(Bytes bytes, HttpStatus status, const HttpHead& head) {
  const bool is_complete = status == HttpStatus::kComplete;
  if (is_complete != (head.head_bytes > 0)) return "a length without a head, or a head without length";
  if (head.head_bytes > bytes.size() || head.head_bytes > kHttpHeadBytesMax) return "a head past its end";
  if (is_complete && bytes[head.head_bytes - 1] != '\n') return "a head that does not end with a line";
  if (status == HttpStatus::kTooLong && bytes.size() < kHttpHeadBytesMax) return "too long, but not long";
  if (status == HttpStatus::kIncomplete && bytes.size() >= kHttpHeadBytesMax) return "long, but not too long";
  if (status == HttpStatus::kNotHttp && head.kind != HttpKind::kNone) return "a first line that is not HTTP";
  if (is_complete && head.kind == HttpKind::kNone) return "a head without a first line";
  if ((head.kind == HttpKind::kRequest) != !head.method.empty())
    return "a method and no request, or without one";
  if (head.method.empty() != head.target.empty()) return "a method without a target";
  if ((head.kind == HttpKind::kResponse) != (head.status_code >= 100))
    return "a code and no response, or without one";
  if (head.status_code > 999) return "a code of four digits";
  if ((head.kind == HttpKind::kNone) != head.version.empty()) return "no version";
  if (head.is_chunked && !head.has_transfer_encoding) return "chunked without an encoding";
  for (const std::string_view text : {head.method, head.target, head.version, head.reason, head.host,
                                      head.user_agent, head.referer, head.content_type}) {
    if (const std::string broken = broken_http_text(bytes, text); !broken.empty()) return broken;
  }
  return "";
}

/// `part` was read from a beginning of what `whole` was read from: its texts are those of the whole.
inline std::string broken_http_prefix(const HttpHead& part, const HttpHead& whole) {
  if (part.kind == HttpKind::kNone) return "";
  if (part.kind != whole.kind || part.status_code != whole.status_code) return "another first line";
  if (part.method != whole.method || part.target != whole.target || part.version != whole.version)
    return "another first line";
  const auto differs = [](std::string_view one, std::string_view other) {
    return one.data() != nullptr && one != other;
  };
  if (differs(part.reason, whole.reason) || differs(part.user_agent, whole.user_agent) ||
      differs(part.referer, whole.referer) || differs(part.content_type, whole.content_type))
    return "another text";
  if (!part.host.empty() && part.host != whole.host) return "another host";
  if (part.content_length && part.content_length != whole.content_length) return "another length";
  if (part.head_bytes != 0 && part.head_bytes != whole.head_bytes) return "another end";
  return "";
}

}  // namespace tapline::test
