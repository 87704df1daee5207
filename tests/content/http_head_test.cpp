#include "capture/content/http_head.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/content/exact_bytes.hpp"
#include "tests/content/http_invariants.hpp"
#include "tests/content/http_samples.hpp"

namespace tapline::test {
namespace {

struct Parsed {
  explicit Parsed(std::string_view text) : exact(text), status(parse_http_head(exact.bytes(), head)) {}

  std::string broken() const { return broken_http_invariant(exact.bytes(), status, head); }

  ExactBytes exact;
  HttpHead head;
  HttpStatus status;
};

}  // namespace

TEST_CASE("a head says what its sender wrote") {
  for (const HttpSample& sample : http_samples()) {
    CAPTURE(sample.name);
    const Parsed parsed(sample.bytes);
    CHECK(parsed.status == sample.status);
    CHECK(http_text(parsed.head) == sample.text);
    CHECK(parsed.broken().empty());
  }
}

TEST_CASE("a beginning of a head says nothing that the whole does not") {
  for (const HttpSample& sample : http_samples()) {
    CAPTURE(sample.name);
    const Parsed whole(sample.bytes);
    for (std::size_t count = 0; count < sample.bytes.size(); ++count) {
      CAPTURE(count);
      const Parsed part(std::string_view(sample.bytes).substr(0, count));
      CHECK(part.broken().empty());
      if (whole.status == HttpStatus::kNotHttp) {
        CHECK((part.status == HttpStatus::kNotHttp || part.status == HttpStatus::kIncomplete));
        CHECK(part.head.kind == HttpKind::kNone);
        continue;
      }
      CHECK(broken_http_prefix(part.head, whole.head).empty());
      const bool has_head = whole.status == HttpStatus::kComplete && count >= whole.head.head_bytes;
      CHECK(part.status == (has_head ? HttpStatus::kComplete : HttpStatus::kIncomplete));
    }
  }
}

TEST_CASE("what is not HTTP shows with the byte that is wrong") {
  const auto first_wrong = [](std::string_view text) {
    std::size_t count = 0;
    while (count <= text.size() && Parsed(text.substr(0, count)).status == HttpStatus::kIncomplete) ++count;
    return count;
  };
  CHECK(first_wrong("SSH-2.0-OpenSSH_9.2\r\n") == 5);
  CHECK(first_wrong("220 mail\r\n") == 1);
  CHECK(first_wrong("get / HTTP/1.1") == 1);
  CHECK(first_wrong("HTTP/2 200") == 6);
  CHECK(first_wrong("HTTP/1.12 200") == 9);
  CHECK(first_wrong("EHLO example.com\r\n") == 18);  // nothing before tells it from a request
}

TEST_CASE("a head may be as long as the limit") {
  const std::string begin = "GET http://h/ HTTP/1.1\r\nUser-Agent: a\r\nX: ";
  const auto padded = [&](std::size_t bytes) {
    return begin + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  const Parsed longest(padded(kHttpHeadBytesMax));
  CHECK(longest.status == HttpStatus::kComplete);
  CHECK(longest.head.head_bytes == kHttpHeadBytesMax);

  const Parsed longer(padded(kHttpHeadBytesMax + 1));
  CHECK(longer.status == HttpStatus::kTooLong);
  CHECK(http_text(longer.head) == "|GET|http://h/|HTTP/1.1| host |h| agent |a|");
  CHECK(longer.broken().empty());
  CHECK(Parsed(padded(kHttpHeadBytesMax + 1).substr(0, kHttpHeadBytesMax - 1)).status ==
        HttpStatus::kIncomplete);
  CHECK(Parsed("GET /" + std::string(70000, 'x')).status == HttpStatus::kTooLong);

  HttpHead head;
  const std::string text = padded(200);
  CHECK(parse_http_head(http_bytes(text), head, 200) == HttpStatus::kComplete);
  CHECK(parse_http_head(http_bytes(text), head, 199) == HttpStatus::kTooLong);
  CHECK(head.user_agent == "a");
}

TEST_CASE("a head of random bytes keeps the invariants") {
  const unsigned seed = 20240612;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::string alphabet = std::string("\r\n \t:,/?@HOST\0\x80", 15) + "GET / HTTP/1.1\r\n";
  for (int round = 0; round < 40000; ++round) {
    const HttpSample& sample = http_samples()[random() % http_samples().size()];
    std::string text = sample.bytes;
    for (unsigned edits = random() % 6; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      if (const unsigned kind = random() % 3; kind == 0)
        text[at] = alphabet[random() % alphabet.size()];
      else if (kind == 1)
        text.erase(at, 1 + random() % 3);
      else
        text.insert(at, 1, alphabet[random() % alphabet.size()]);
    }
    CAPTURE(round, sample.name, text);
    const Parsed whole(text);
    const Parsed part(std::string_view(text).substr(0, text.empty() ? 0 : random() % text.size()));
    REQUIRE(whole.broken().empty());
    REQUIRE(part.broken().empty());
    if (whole.status != HttpStatus::kNotHttp) REQUIRE(broken_http_prefix(part.head, whole.head).empty());
  }
}

}  // namespace tapline::test
