#include "capture/content/http_stream.hpp"

#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "tests/content/exact_bytes.hpp"
#include "tests/content/http_samples.hpp"

namespace tapline::test {
namespace {

// What a stream reports, one line an event.
struct Report {
  void on_head(const HttpHeadEvent& event) {
    text += fmt::format("{} {}{}{}\n", event.stream_offset, http_text(event.head),
                        event.is_whole ? "" : " cut", event.was_searched ? " searched" : "");
  }
  void on_body(const HttpBodyEvent& event) {
    text += fmt::format("{} body {}", event.stream_offset, event.bytes);
    if (event.bytes_missing > 0) text += fmt::format(" missing {}", event.bytes_missing);
    text += event.is_whole ? "\n" : " cut\n";
  }

  std::string text;
};

struct Stream {
  explicit Stream(HttpExchange& exchange, std::size_t head_bytes_max = 256)
      : buffer(head_bytes_max), stream(buffer, exchange) {}

  Stream& feed(std::string_view text) {
    const ExactBytes exact(text);
    stream.consume(exact.bytes(), report);
    return *this;
  }
  Stream& skip(std::uint64_t bytes) {
    stream.skip(bytes, report);
    return *this;
  }
  std::string finish() {
    stream.finish(report);
    return report.text;
  }

  std::vector<std::uint8_t> buffer;
  HttpStream stream;
  Report report;
};

std::string report_of(std::string_view text) {
  HttpExchange exchange;
  return Stream(exchange).feed(text).finish();
}

// With the requests that the responses answer.
std::string responses_to(std::string_view requests, std::string_view responses) {
  HttpExchange exchange;
  Stream(exchange).feed(requests);
  return Stream(exchange).feed(responses).finish();
}

std::string request(std::string_view method) {
  return fmt::format("{} / HTTP/1.1\r\n\r\n", method);
}

}  // namespace

TEST_CASE("requests follow each other, with and without bodies") {
  CHECK(report_of("GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\nGET /3 "
                  "HTTP/1.1\r\n\r\n") ==
        "0 |GET|/1|HTTP/1.1| head 19\n19 body 0\n"
        "19 |POST|/2|HTTP/1.1| 3 bytes head 39\n58 body 3\n"
        "63 |GET|/3|HTTP/1.1| head 19\n82 body 0\n");
}

TEST_CASE("a body in chunks ends with its trailer") {
  CHECK(report_of(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5;name=\"value\"\r\nhello\r\n0A \r\n0123456789\r\n00\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n") ==
        "0 |POST|/|HTTP/1.1| chunked head 47\n47 body 15\n99 |GET|/|HTTP/1.1| head 18\n117 body 0\n");
  CHECK(report_of("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2\nab\n0\n\nGET / HTTP/1.1\n\n") ==
        "0 |POST|/|HTTP/1.1| chunked head 44\n44 body 2\n52 |GET|/|HTTP/1.1| head 16\n68 body 0\n");
}

TEST_CASE("chunks that are none end the body, and the next head is searched") {
  for (const char* bad : {"x\r\n", "\r\n", "1\r\nab", "1x\r\n", "1000000000000001\r\n"}) {
    CAPTURE(bad);
    HttpExchange exchange;
    Stream stream(exchange);
    stream.feed(std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") + bad +
                "GET /no HTTP/1.1\r\n\r\n");
    CHECK(stream.stream.state() == HttpState::kSearching);
    CHECK(stream.stream.last_loss() == HttpLoss::kBadFraming);
    stream.feed("GET / HTTP/1.1\r\n\r\n");
    CHECK(stream.report.text.find(" cut\n") != std::string::npos);
    CHECK(stream.report.text.find("|GET|/|HTTP/1.1| head 18 searched\n") != std::string::npos);
    CHECK(stream.report.text.find("/no") == std::string::npos);
    CHECK(stream.stream.losses() == 1);
  }
}

TEST_CASE("some responses have no body whatever their fields say") {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  const std::string text = "|HTTP/1.1|200|OK| 2 bytes head 38\n";
  CHECK(responses_to(request("HEAD") + request("GET"), head + head + "ab") ==
        "0 " + text + "38 body 0\n38 " + text + "76 body 2\n");
  const std::string next = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  for (const char* code : {"204", "304"}) {
    CAPTURE(code);
    CHECK(
        responses_to(request("GET"), fmt::format("HTTP/1.1 {}\r\nContent-Length: 9\r\n\r\n", code) + next) ==
        fmt::format(
            "0 |HTTP/1.1|{}|| 9 bytes head 35\n35 body 0\n35 |HTTP/1.1|200|OK| 0 bytes head 38\n73 body 0\n",
            code));
  }
  // 100 answers nothing: what follows is what HEAD asked for.
  CHECK(responses_to(request("HEAD"), "HTTP/1.1 100 Continue\r\n\r\n" + head) ==
        "0 |HTTP/1.1|100|Continue| head 25\n25 body 0\n25 " + text + "63 body 0\n");
}

TEST_CASE("a response without a length goes on until the end") {
  CHECK(report_of("HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 is a text here\r\n\r\n") ==
        "0 |HTTP/1.0|200|OK| head 19\n19 body 27\n");
  CHECK(report_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc") ==
        "0 |HTTP/1.1|200|OK| 1 bytes encoded head 63\n63 body 3\n");
  CHECK(report_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") ==
        "0 |HTTP/1.1|200|OK| 9 bytes head 38\n38 body 3 cut\n");
}

TEST_CASE("behind CONNECT and 101 nothing is HTTP") {
  HttpExchange exchange;
  Stream client(exchange);
  Stream server(exchange);
  client.feed("CONNECT h:443 HTTP/1.1\r\n\r\n");
  server.feed("HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx");
  client.feed("CONNECT h:443 HTTP/1.1\r\nX: y\r\n\r\n");
  CHECK(server.stream.state() == HttpState::kHead);
  server.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  client.feed("GET / HTTP/1.1\r\n\r\n").skip(7).feed("x");
  CHECK(server.stream.state() == HttpState::kTunnel);
  CHECK(client.stream.state() == HttpState::kTunnel);
  CHECK(client.stream.stream_offset() == 84);
  CHECK(client.finish() ==
        "0 |CONNECT|h:443|HTTP/1.1| host |h:443| head 26\n26 body 0\n"
        "26 |CONNECT|h:443|HTTP/1.1| host |h:443| head 32\n58 body 0\n");
  CHECK(responses_to(request("GET"), "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") ==
        "0 |HTTP/1.1|101|Switching Protocols| head 36\n36 body 0\n");
}

TEST_CASE("a gap within a body loses only its bytes") {
  HttpExchange exchange;
  Stream stream(exchange);
  stream.feed("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab").skip(5).feed("hijGET / HTTP/1.1\r\n\r\n");
  stream.feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\na").skip(5).feed("\r\n0\r\n\r\n");
  CHECK(stream.stream.state() == HttpState::kHead);
  CHECK(stream.stream.losses() == 0);
  CHECK(stream.finish() ==
        "0 |POST|/|HTTP/1.1| 10 bytes head 39\n39 body 10 missing 5\n49 |GET|/|HTTP/1.1| head 18\n67 body 0\n"
        "67 |POST|/|HTTP/1.1| chunked head 47\n114 body 6 missing 5\n");

  HttpExchange other;
  CHECK(Stream(other).feed("HTTP/1.1 200 OK\r\n\r\nab").skip(1000).feed("c").finish() ==
        "0 |HTTP/1.1|200|OK| head 19\n19 body 1003 missing 1000\n");
}

TEST_CASE("a gap past the end of a body is searched behind") {
  const std::string get = "GET / HTTP/1.1\r\n\r\n";
  HttpExchange exchange;
  Stream stream(exchange);
  stream.feed("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab").skip(9);
  CHECK(stream.stream.state() == HttpState::kSearching);
  CHECK(stream.stream.last_loss() == HttpLoss::kGap);
  stream.feed("x" + get).feed("GET / HTTP/1.1").feed("HTTP/1.1 200 OK\r\n\r\n").feed(get + get);
  CHECK(stream.stream.losses() == 1);
  CHECK(stream.finish() ==
        "0 |POST|/|HTTP/1.1| 10 bytes head 39\n39 body 10 missing 8\n"
        "102 |GET|/|HTTP/1.1| head 18 searched\n120 body 0\n120 |GET|/|HTTP/1.1| head 18\n138 body 0\n");
}

TEST_CASE("of a head that is cut its whole lines are reported") {
  const std::string part = "GET http://h/ HTTP/1.1\r\nUser-Agent: a\r\nReferer: r";
  const std::string text = "0 |GET|http://h/|HTTP/1.1| agent |a| cut\n";
  HttpExchange exchange;
  CHECK(Stream(exchange).feed(part).skip(3).finish() == text + "52 body 0 cut\n");
  CHECK(Stream(exchange).feed(part).finish() == text + "49 body 0 cut\n");
  CHECK(Stream(exchange).feed("GET /").finish().empty());

  Stream small(exchange, 41);
  small.feed(part.substr(0, 10)).feed(part.substr(10) + "\r\n\r\n");
  CHECK(small.stream.last_loss() == HttpLoss::kHeadTooLong);
  CHECK(small.stream.state() == HttpState::kSearching);
  CHECK(small.finish() == "0 |GET|http://h/|HTTP/1.1| host |h| agent |a| cut\n41 body 0 cut\n");

  Stream smaller(exchange, 10);
  smaller.feed(part);
  CHECK(smaller.stream.state() == HttpState::kSearching);
  CHECK(smaller.stream.last_loss() == HttpLoss::kHeadTooLong);
}

TEST_CASE("a stream that does not begin as HTTP is given up at once") {
  for (const char* text : {"\x16\x03\x01", "SSH-2.0-x\r\n", "EHLO h\r\n", "\r\n\r\n\r\n"}) {
    CAPTURE(text);
    HttpExchange exchange;
    Stream stream(exchange);
    for (const char* c = text; *c != '\0'; ++c) stream.feed(std::string(1, *c));
    CHECK(stream.stream.state() == HttpState::kGivenUp);
    CHECK(stream.stream.last_loss() == HttpLoss::kNotHttp);
    CHECK(stream.feed("GET / HTTP/1.1\r\n\r\n").skip(5).finish().empty());
    CHECK(stream.stream.losses() == 1);
  }
}

TEST_CASE("a direction has requests or responses, not both") {
  HttpExchange exchange;
  Stream stream(exchange);
  stream.feed("GET / HTTP/1.1\r\n\r\n").feed("HTTP/1.1 200 OK\r\n\r\n");
  CHECK(stream.stream.kind() == HttpKind::kRequest);
  CHECK(stream.stream.state() == HttpState::kSearching);
  CHECK(stream.stream.last_loss() == HttpLoss::kNotHttp);
}

TEST_CASE("a stream that begins late is searched") {
  HttpExchange exchange;
  Stream stream(exchange);
  stream.stream.begin_late();
  stream.feed("\x01 body\r\n").feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(stream.stream.losses() == 0);
  CHECK(stream.finish() == "8 |HTTP/1.1|200|OK| 0 bytes head 38 searched\n46 body 0\n");
}

TEST_CASE("no body is guessed where a length is none") {
  for (const char* field :
       {"Content-Length: x", "Content-Length: 1\r\nContent-Length: 2", "Transfer-Encoding: gzip"}) {
    CAPTURE(field);
    HttpExchange exchange;
    Stream stream(exchange);
    stream.feed(fmt::format("POST / HTTP/1.1\r\n{}\r\n\r\nGET / HTTP/1.1\r\n\r\n", field));
    CHECK(stream.stream.state() == HttpState::kSearching);
    CHECK(stream.stream.last_loss() == HttpLoss::kBadFraming);
    CHECK(stream.report.text.find("body 0 cut") != std::string::npos);
    CHECK(stream.report.text.find("GET") == std::string::npos);
  }
}

TEST_CASE("requests that wait are answered in order, however many") {
  HttpExchange exchange;
  using Method = HttpExchange::Method;
  for (int i = 0; i < 40; ++i) exchange.add_request(i % 2 == 0 ? Method::kHead : Method::kOther);
  for (int i = 0; i < 40; ++i)
    CHECK(exchange.take_request() == (i % 2 == 0 && i < 32 ? Method::kHead : Method::kOther));
  for (int i = 0; i < 70; ++i) {
    exchange.add_request(Method::kConnect);
    CHECK(exchange.take_request() == Method::kConnect);
  }
  exchange.add_request(Method::kHead);
  exchange.forget_requests();
  CHECK(exchange.take_request() == Method::kOther);
}

TEST_CASE("what a stream reports does not depend on how it is cut") {
  const unsigned seed = 20240613;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::array<std::string, 8> parts = {
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "HEAD /b HTTP/1.1\nHost: h\n\n",
      "\r\nPOST /c HTTP/1.1\r\nContent-Length: 12\r\n\r\nGET / HTTP/1",
      "PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\n\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 304\r\nContent-Type:\r\n folded\r\n\r\n",
      "HTTP/1.0 404 None\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: t\r\n\r\n",
  };
  for (int round = 0; round < 3000; ++round) {
    const std::size_t first = random() % 2 * 4;
    std::string text;
    for (unsigned i = 0; i < 6; ++i) text += parts[first + random() % 4];
    CAPTURE(round, text);
    HttpExchange whole_exchange;
    const std::string whole = Stream(whole_exchange).feed(text).finish();
    REQUIRE(whole.find("cut") == std::string::npos);
    REQUIRE(std::count(whole.begin(), whole.end(), '\n') == 12);
    HttpExchange exchange;
    Stream stream(exchange);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t bytes = std::min<std::size_t>(text.size() - at, 1 + random() % 40);
      stream.feed(std::string_view(text).substr(at, bytes));
      at += bytes;
    }
    REQUIRE(stream.finish() == whole);
    REQUIRE(stream.stream.stream_offset() == text.size());
  }
}

}  // namespace tapline::test
