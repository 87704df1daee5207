#include "tests/content/http_samples.hpp"

#include <fmt/format.h>

namespace tapline::test {

std::string http_text(const HttpHead& head) {
  std::string text;
  if (head.kind == HttpKind::kRequest)
    text = fmt::format("|{}|{}|{}|", head.method, head.target, head.version);
  if (head.kind == HttpKind::kResponse)
    text = fmt::format("|{}|{}|{}|", head.version, head.status_code, head.reason);
  const auto add = [&](const char* name, std::string_view value) {
    if (value.data() != nullptr) text += fmt::format(" {} |{}|", name, value);
  };
  add("host", head.host);
  add("agent", head.user_agent);
  add("referer", head.referer);
  add("type", head.content_type);
  if (head.content_length) text += fmt::format(" {} bytes", *head.content_length);
  if (head.has_bad_length) text += " bad length";
  if (head.is_chunked)
    text += " chunked";
  else if (head.has_transfer_encoding)
    text += " encoded";
  if (head.head_bytes > 0) text += fmt::format(" head {}", head.head_bytes);
  return text;
}

namespace {

constexpr HttpStatus kComplete = HttpStatus::kComplete;
constexpr HttpStatus kIncomplete = HttpStatus::kIncomplete;
constexpr HttpStatus kNotHttp = HttpStatus::kNotHttp;

using Samples = std::vector<HttpSample>;
using namespace std::string_literals;

void add_common(Samples& samples) {
  samples.push_back({"get",
                     "GET /a?b=c HTTP/1.1\r\nHost: www.example.com:8080\r\nUser-Agent: curl/8.0 (x; y)\r\n"
                     "Referer: http://r.example/\r\nAccept: */*\r\n\r\n",
                     kComplete,
                     "|GET|/a?b=c|HTTP/1.1| host |www.example.com:8080| agent |curl/8.0 (x; y)| referer "
                     "|http://r.example/| head 121"});
  samples.push_back(
      {"post", "POST / HTTP/1.0\r\nContent-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello",
       kComplete, "|POST|/|HTTP/1.0| type |text/plain; charset=utf-8| 5 bytes head 79"});
  samples.push_back(
      {"response",
       "HTTP/1.1 404 Not Found\r\ncontent-type:text/html\r\nTRANSFER-ENCODING:gzip, Chunked\r\n\r\n",
       kComplete, "|HTTP/1.1|404|Not Found| type |text/html| chunked head 83"});
  samples.push_back({"no_reason", "HTTP/1.1 200 \r\n\r\n", kComplete, "|HTTP/1.1|200|| head 17"});
  samples.push_back({"no_reason_no_space", "HTTP/1.1 200\r\n\r\n", kComplete, "|HTTP/1.1|200|| head 16"});
  samples.push_back({"cr_behind_code", "HTTP/1.1 200\rOK\r\n\r\n", kComplete, "|HTTP/1.1|200|OK| head 19"});
  samples.push_back({"asterisk", "OPTIONS * HTTP/1.1\r\n\r\n", kComplete, "|OPTIONS|*|HTTP/1.1| head 22"});
  samples.push_back({"unknown_method", "M-SEARCH * HTTP/1.1\r\nHOST:239.255.255.250:1900\r\n\r\n", kComplete,
                     "|M-SEARCH|*|HTTP/1.1| host |239.255.255.250:1900| head 50"});
}

void add_targets(Samples& samples) {
  samples.push_back({"absolute", "GET http://u:p@h.example:80/x?http://other/ HTTP/1.1\r\n\r\n", kComplete,
                     "|GET|http://u:p@h.example:80/x?http://other/|HTTP/1.1| host |h.example:80| head 56"});
  samples.push_back({"absolute_with_host", "GET http://h.example HTTP/1.1\r\nHost: other\r\n\r\n", kComplete,
                     "|GET|http://h.example|HTTP/1.1| host |other| head 46"});
  samples.push_back({"absolute_query", "GET http://h.example?q HTTP/1.1\r\nHost:\r\n\r\n", kComplete,
                     "|GET|http://h.example?q|HTTP/1.1| host |h.example| head 42"});
  samples.push_back({"uri_in_query", "GET /x?u=http://other/ HTTP/1.1\r\n\r\n", kComplete,
                     "|GET|/x?u=http://other/|HTTP/1.1| head 35"});
  samples.push_back({"connect", "CONNECT h.example:443 HTTP/1.1\r\n\r\n", kComplete,
                     "|CONNECT|h.example:443|HTTP/1.1| host |h.example:443| head 34"});
}

void add_odd(Samples& samples) {
  samples.push_back(
      {"bare_lf", "GET / HTTP/1.1\nHost: h\nX: y\n\nbody", kComplete, "|GET|/|HTTP/1.1| host |h| head 29"});
  samples.push_back(
      {"mixed_ends", "GET / HTTP/1.1\r\nHost: h\n\r\nbody", kComplete, "|GET|/|HTTP/1.1| host |h| head 26"});
  samples.push_back(
      {"blank_lines_before", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", kComplete, "|GET|/|HTTP/1.1| head 22"});
  samples.push_back({"spaces", "GET  \t /a b\tc   HTTP/1.1  \r\nHost \t:\t h \t\r\n\r\n", kComplete,
                     "|GET|/a b\tc|HTTP/1.1| host |h| head 44"});
  samples.push_back({"fold",
                     "GET / HTTP/1.1\r\n \tX: lost\r\nUser-Agent: a\r\n b\r\n\tc\r\nHost:\r\n h\r\n\r\n",
                     kComplete, "|GET|/|HTTP/1.1| host |h| agent |a\r\n b\r\n\tc| head 63"});
  samples.push_back(
      {"folded_length",
       "HTTP/1.1 200 OK\r\nContent-Length:\r\n 12\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n", kComplete,
       "|HTTP/1.1|200|OK| 12 bytes chunked head 77"});
  samples.push_back({"no_fields", "GET / HTTP/1.1\r\nnonsense\r\n:\r\n: x\r\nHost: h\r\n\r\n", kComplete,
                     "|GET|/|HTTP/1.1| host |h| head 45"});
  samples.push_back({"twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", kComplete,
                     "|GET|/|HTTP/1.1| host |a| head 36"});
  samples.push_back({"any_bytes", "GET /\xff\xc3\xa4 HTTP/1.1\r\nHost: a\0\x01\r\x7f\r\n\r\n"s, kComplete,
                     "|GET|/\xff\xc3\xa4|HTTP/1.1| host |a\0\x01\r\x7f| head 34"s});
}

void add_lengths(Samples& samples) {
  const auto add = [&](const char* name, const std::string& fields, const std::string& text) {
    const std::string bytes = "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n";
    samples.push_back(
        {name, bytes, kComplete, "|HTTP/1.1|200|OK|" + text + fmt::format(" head {}", bytes.size())});
  };
  add("length_twice", "Content-Length: 7, 7\r\ncontent-length: 7", " 7 bytes");
  add("lengths_differ", "Content-Length: 7\r\nContent-Length: 8", " 7 bytes bad length");
  add("length_signed", "Content-Length: +7", " bad length");
  add("length_empty", "Content-Length:", " bad length");
  add("length_hex", "Content-Length: 0x7", " bad length");
  add("length_huge", "Content-Length: 18446744073709551617", " bad length");
  add("length_large", "Content-Length: 115292150460684697", " 115292150460684697 bytes");
  add("identity", "Transfer-Encoding: identity\r\nContent-Length: 1", " 1 bytes");
  add("not_chunked_last", "Transfer-Encoding: chunked, gzip", " encoded");
  add("chunked_later", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", " chunked");
}

void add_unfinished(Samples& samples) {
  samples.push_back({"nothing", "", kIncomplete, ""});
  samples.push_back({"method_alone", "GE", kIncomplete, ""});
  samples.push_back({"first_line_open", "GET / HTTP/1.1\r", kIncomplete, ""});
  samples.push_back({"first_line", "GET / HTTP/1.1\r\n", kIncomplete, "|GET|/|HTTP/1.1|"});
  samples.push_back({"may_be_folded", "GET / HTTP/1.1\r\nHost: h\r\n", kIncomplete, "|GET|/|HTTP/1.1|"});
  samples.push_back({"is_folded", "GET / HTTP/1.1\r\nHost: h\r\n ", kIncomplete, "|GET|/|HTTP/1.1|"});
  samples.push_back(
      {"not_folded", "GET / HTTP/1.1\r\nHost: h\r\n\r", kIncomplete, "|GET|/|HTTP/1.1| host |h|"});
  samples.push_back(
      {"absolute_unfinished", "GET http://h/ HTTP/1.1\r\nX: y\r\n", kIncomplete, "|GET|http://h/|HTTP/1.1|"});
}

void add_not_http(Samples& samples) {
  const auto add = [&](const char* name, const std::string& bytes) {
    samples.push_back({name, bytes, kNotHttp, ""});
  };
  add("tls", "\x16\x03\x01\x02\x00"s);
  add("ssh", "SSH-2");
  add("smtp", "2");
  add("lower_case", "get / HTTP/1.1\r\n\r\n");
  add("method_long", "ABCDEFGHIJKLMNOPQRSTUVWXY");
  add("space_first", " GET / HTTP/1.1\r\n\r\n");
  add("method_line", "QUIT\r\n");
  add("http_0_9", "GET /\r\n");
  add("http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  add("rtsp", "OPTIONS rtsp://h/ RTSP/1.0\r\n");
  add("sip", "INVITE sip:a@b SIP/2.0\r\n");
  add("no_target", "GET HTTP/1.1\r\n");
  add("control_byte", "GET /\x01");
  add("delete_byte", "GET /\x7f");
  add("response_2", "HTTP/2");
  add("response_no_space", "HTTP/1.1x");
  add("status_short", "HTTP/1.1 20\r\n");
  add("status_long", "HTTP/1.1 2000\r\n");
  add("status_low", "HTTP/1.1 099 x\r\n");
  add("blank_lines", "\r\n\r\n\r");
}

Samples make_samples() {
  Samples samples;
  add_common(samples);
  add_targets(samples);
  add_odd(samples);
  add_lengths(samples);
  add_unfinished(samples);
  add_not_http(samples);
  return samples;
}

}  // namespace

const Samples& http_samples() {
  static const Samples samples = make_samples();
  return samples;
}

}  // namespace tapline::test
