#pragma once
// HttpHead: what the head of an HTTP/1.x request or response says (RFC 9112), from its first line to the
// empty line that ends it. Every text is a view into the bytes that were parsed, as sent, and may hold any
// byte but LF; a value that was folded over lines (section 5.2) holds their CR LF, too. Whoever shows one
// escapes it.
//
// As lenient as real traffic asks for: bare LF, empty lines before the head, spaces and tabs where one space
// should be, spaces within a target, spaces before a colon, lines that are no fields (passed over).
// HTTP/0.9, which has no head, and HTTP/2 are not HTTP here.
//
// No allocation, no state; work is bounded by kHttpHeadBytesMax. Any thread may call.

#include <cstdint>
#include <optional>
#include <string_view>

#include "capture/base/bytes.hpp"

namespace tapline {

/// The limit of common servers is 8 KiB (Apache, a field) to 16 KiB (Node.js, the head).
inline constexpr std::size_t kHttpHeadBytesMax = 16384;
/// A greater Content-Length or chunk is nonsense; below it no sum of offsets overflows.
inline constexpr std::uint64_t kHttpBodyBytesMax = std::uint64_t{1} << 60;

enum class HttpStatus : std::uint8_t {
  kIncomplete,  // may become a head with more bytes; what whole lines say is given
  kComplete,
  kTooLong,  // head_bytes_max bytes do not hold its end; what whole lines say is given
  kNotHttp,
};

enum class HttpKind : std::uint8_t { kNone, kRequest, kResponse };

struct HttpHead {
  HttpKind kind = HttpKind::kNone;     // kNone: not even the first line was whole
  bool has_transfer_encoding = false;  // other than "identity", which RFC 2616 had
  bool is_chunked = false;             // the last transfer coding
  bool has_bad_length = false;         // a Content-Length that is no number, or two that differ
  std::uint16_t status_code = 0;       // of a response: 100 to 999
  std::optional<std::uint64_t> content_length;
  std::string_view method;   // of a request
  std::string_view target;   // of a request, as sent: a path, a URI, "host:port" of CONNECT, "*"
  std::string_view version;  // "HTTP/1.1"
  std::string_view reason;   // of a response; may be empty
  std::string_view host;     // with its port; of the target where no such field is (sections 3.2.2, 3.2.3)
  std::string_view user_agent;
  std::string_view referer;
  std::string_view content_type;
  std::size_t head_bytes = 0;  // with the empty line, and with those before the head; 0 unless kComplete
};

/// Fills `head` from scratch. Of a field that comes twice the first is taken. More bytes never take back a
/// text that fewer gave. `head_bytes_max`: up to kHttpHeadBytesMax.
HttpStatus parse_http_head(Bytes bytes, HttpHead& head,
                           std::size_t head_bytes_max = kHttpHeadBytesMax) noexcept;

}  // namespace tapline
