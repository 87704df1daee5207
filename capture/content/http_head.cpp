#include "capture/content/http_head.hpp"

#include <algorithm>

namespace tapline {
namespace {

constexpr std::size_t kMethodBytesMax = 24;       // the longest registered is UPDATEREDIRECTREF (17)
constexpr std::size_t kBlankBytesMax = 4;         // two empty lines before a head: RFC 9112, section 2.2
constexpr std::string_view kVersion = "HTTP/1.";  // and one digit

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// With what a fold brings into a value.
bool is_space(char c) {
  return is_blank(c) || c == '\r' || c == '\n';
}

// RFC 9110 has any token; all methods that are registered or common are of these, and nginx takes no others.
// Nothing else tells HTTP from other protocols this early.
bool is_method_byte(char c) {
  return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() && std::equal(text.begin(), text.end(), lower_case.begin(),
                                                        [](char a, char b) { return lower(a) == b; });
}

// Cuts the first line off `rest`, without its LF or CR LF. False where it has no end.
bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  rest.remove_prefix(end + 1);
  return true;
}

// Whether a first line can begin so; the shorter the text, the more can.
bool may_begin_request(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_method_byte(text[at])) ++at;
  if (at > kMethodBytesMax) return false;
  return at == text.size() || (at > 0 && is_blank(text[at]));
}

bool may_begin_response(std::string_view text) {
  const std::size_t common = std::min(text.size(), kVersion.size());
  if (text.substr(0, common) != kVersion.substr(0, common)) return false;
  if (text.size() <= kVersion.size()) return true;
  if (!is_digit(text[kVersion.size()])) return false;
  return text.size() == kVersion.size() + 1 || is_blank(text[kVersion.size() + 1]);
}

bool may_begin_head(std::string_view text) {
  if (!may_begin_request(text) && !may_begin_response(text)) return false;
  const std::string_view line = text.substr(0, text.find('\n'));
  return std::none_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return (byte < 0x20 && !is_space(c)) || byte == 0x7f;
  });
}

bool is_version(std::string_view text) {
  return text.size() == kVersion.size() + 1 && text.substr(0, kVersion.size()) == kVersion &&
         is_digit(text.back());
}

// method SP target SP version; the target is whatever stands between (RFC 9112, section 3: "lenient").
bool read_request_line(std::string_view line, HttpHead& head) {
  line = trimmed(line);
  const std::size_t method_end = line.find_first_of(" \t");
  const std::size_t target_end = line.find_last_of(" \t");
  if (method_end == std::string_view::npos || !is_version(line.substr(target_end + 1))) return false;
  const std::string_view target = trimmed(line.substr(method_end, target_end - method_end));
  if (target.empty()) return false;
  head.kind = HttpKind::kRequest;
  head.method = line.substr(0, method_end);
  head.target = target;
  head.version = line.substr(target_end + 1);
  return true;
}

// version SP status-code [SP reason] (RFC 9112, section 4).
bool read_status_line(std::string_view line, HttpHead& head) {
  constexpr std::size_t kVersionBytes = kVersion.size() + 1;
  constexpr std::size_t kCodeBytes = 3;
  line = trimmed(line);
  if (line.size() < kVersionBytes || !is_version(line.substr(0, kVersionBytes))) return false;
  const std::string_view rest = trimmed(line.substr(kVersionBytes));
  if (rest.size() < kCodeBytes || !std::all_of(rest.begin(), rest.begin() + kCodeBytes, is_digit))
    return false;
  if (rest[0] == '0' || (rest.size() > kCodeBytes && !is_space(rest[kCodeBytes]))) return false;
  head.kind = HttpKind::kResponse;
  head.version = line.substr(0, kVersionBytes);
  head.status_code =
      static_cast<std::uint16_t>((rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0'));
  head.reason = trimmed(rest.substr(kCodeBytes));
  return true;
}

void read_length(std::string_view value, HttpHead& head) {
  while (!head.has_bad_length) {  // "42, 42" is what some proxies make of two fields (RFC 9112, section 6.3)
    const std::size_t comma = value.find(',');
    const std::string_view digits = trimmed(value.substr(0, comma));
    std::uint64_t length = 0;
    head.has_bad_length = digits.empty();
    for (const char c : digits) {
      if (!is_digit(c) || length > kHttpBodyBytesMax / 10) head.has_bad_length = true;
      if (head.has_bad_length) break;
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (head.content_length && *head.content_length != length) head.has_bad_length = true;
    if (!head.has_bad_length) head.content_length = length;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

// The last coding counts, of the last field (RFC 9112, section 6.3).
void read_transfer_encoding(std::string_view value, HttpHead& head) {
  const std::size_t comma = value.rfind(',');
  const std::string_view last = trimmed(comma == std::string_view::npos ? value : value.substr(comma + 1));
  head.is_chunked = equals_ignoring_case(last, "chunked");
  head.has_transfer_encoding = head.is_chunked || !equals_ignoring_case(last, "identity");
}

void keep_first(std::string_view value, std::string_view& field) {
  if (field.data() == nullptr) field = value;
}

// One field, without the end of its last line.
void read_field(std::string_view line, HttpHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = trimmed(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equals_ignoring_case(name, "host")) return keep_first(value, head.host);
  if (equals_ignoring_case(name, "user-agent")) return keep_first(value, head.user_agent);
  if (equals_ignoring_case(name, "referer")) return keep_first(value, head.referer);
  if (equals_ignoring_case(name, "content-type")) return keep_first(value, head.content_type);
  if (equals_ignoring_case(name, "content-length")) return read_length(value, head);
  if (equals_ignoring_case(name, "transfer-encoding")) return read_transfer_encoding(value, head);
}

// Behind the first line. A line that begins with a blank goes on with the field before it, so that a field is
// read only once the byte after it is known. True: the empty line was there.
bool read_fields(std::string_view& rest, HttpHead& head) {
  std::string_view field;
  for (;;) {
    const std::string_view from = rest;
    std::string_view line;
    const bool folded = !from.empty() && is_blank(from.front());
    if (!from.empty() && !folded) {
      read_field(field, head);
      field = {};
    }
    if (!take_line(rest, line)) return false;
    if (line.empty()) return true;
    if (!folded)
      field = line;
    else if (!field.empty())
      field = {field.data(), static_cast<std::size_t>(line.data() + line.size() - field.data())};
  }
}

// RFC 9112, sections 3.2.2 and 3.2.3: scheme "://" [userinfo "@"] host [":" port] path, or host ":" port.
void take_host_from_target(HttpHead& head) {
  if (head.kind != HttpKind::kRequest || !head.host.empty()) return;
  if (head.method == "CONNECT") {
    head.host = head.target;
    return;
  }
  constexpr std::string_view kBeforeAuthority = "://";
  const std::size_t scheme_end = head.target.find(kBeforeAuthority);
  if (scheme_end == std::string_view::npos || head.target.find_first_of("/?#") != scheme_end + 1) return;
  std::string_view authority = head.target.substr(scheme_end + kBeforeAuthority.size());
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at_sign = authority.rfind('@'); at_sign != std::string_view::npos)
    authority.remove_prefix(at_sign + 1);
  head.host = authority;
}

}  // namespace

HttpStatus parse_http_head(Bytes bytes, HttpHead& head, std::size_t head_bytes_max) noexcept {
  head = {};
  head_bytes_max = std::min(head_bytes_max, kHttpHeadBytesMax);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min(bytes.size(), head_bytes_max));
  const bool is_full = text.size() == head_bytes_max;
  const HttpStatus unfinished = is_full ? HttpStatus::kTooLong : HttpStatus::kIncomplete;

  std::string_view rest = text;
  while (!rest.empty() && (rest.front() == '\r' || rest.front() == '\n')) rest.remove_prefix(1);
  if (text.size() - rest.size() > kBlankBytesMax || !may_begin_head(rest)) return HttpStatus::kNotHttp;
  std::string_view line;
  if (!take_line(rest, line)) return unfinished;
  const bool is_request = may_begin_request(line);
  if (!(is_request ? read_request_line(line, head) : read_status_line(line, head)))
    return HttpStatus::kNotHttp;
  if (read_fields(rest, head)) {
    head.head_bytes = text.size() - rest.size();
    take_host_from_target(head);
    return HttpStatus::kComplete;
  }
  if (is_full) take_host_from_target(head);
  return unfinished;
}

}  // namespace tapline
