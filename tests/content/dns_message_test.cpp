#include "capture/content/dns_message.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/content/dns_invariants.hpp"
#include "tests/content/dns_samples.hpp"
#include "tests/content/exact_bytes.hpp"

namespace tapline::test {
namespace {

struct Parsed {
  explicit Parsed(Bytes bytes) : exact(bytes), status(parse_dns_message(exact.bytes(), message)) {}

  ExactBytes exact;
  DnsMessage message;
  DnsStatus status;
};

}  // namespace

TEST_CASE("a DNS message says what its sender wrote") {
  for (const DnsSample& sample : dns_samples()) {
    CAPTURE(sample.name);
    const Parsed parsed(sample.bytes);
    CHECK(parsed.status == sample.status);
    CHECK(dns_text(parsed.message) == sample.text);
    CHECK(broken_dns_invariant(sample.bytes, parsed.status, parsed.message).empty());
  }
}

TEST_CASE("a beginning of a DNS message says nothing that the whole does not") {
  for (const DnsSample& sample : dns_samples()) {
    CAPTURE(sample.name);
    const Parsed whole(sample.bytes);
    for (std::size_t count = 0; count < sample.bytes.size(); ++count) {
      CAPTURE(count);
      const Parsed part(Bytes(sample.bytes).first(count));
      CHECK(broken_dns_invariant(part.exact.bytes(), part.status, part.message).empty());
      CHECK(broken_dns_prefix(part.message, whole.message).empty());
      if (whole.status == DnsStatus::kComplete)
        CHECK((part.status == DnsStatus::kComplete) == (count >= whole.message.message_bytes));
      if (part.status == DnsStatus::kNotDns) CHECK(whole.status == DnsStatus::kNotDns);
    }
  }
}

TEST_CASE("a result does not depend on what was there before") {
  DnsMessage used;
  for (const DnsSample& before : dns_samples()) {
    for (const DnsSample& sample : dns_samples()) {
      parse_dns_message(before.bytes, used);
      CHECK(parse_dns_message(sample.bytes, used) == sample.status);
      CHECK(dns_text(used) == sample.text);
    }
  }
}

TEST_CASE("the longest text of a name fits") {
  DnsBuilder builder(0, 0, {1, 1, 0, 0});
  for (const std::size_t length : {63u, 63u, 63u, 61u}) builder.label(std::string(length, '\0'));
  builder.u8(0).question(1).u8(0).record(5, 0, 2).pointer(kDnsHeaderBytes);
  const Parsed parsed(builder.bytes());
  CHECK(parsed.status == DnsStatus::kComplete);
  CHECK(parsed.message.question_name.bytes == kDnsNameTextBytesMax);
  CHECK(parsed.message.text(parsed.message.answers[0].text) ==
        parsed.message.text(parsed.message.question_name));
}

TEST_CASE("a name has at most 127 labels") {
  const auto labels = [](std::size_t count) {
    DnsBuilder builder(0, 0, {1, 0, 0, 0});
    for (std::size_t i = 0; i < count; ++i) builder.label("a");
    return Parsed(builder.u8(0).question(1).bytes()).status;
  };
  CHECK(labels(127) == DnsStatus::kComplete);
  CHECK(labels(128) == DnsStatus::kNotDns);
}

TEST_CASE("answers without room are counted") {
  DnsBuilder many(0, 0x8000, {0, 40, 0, 1});
  for (unsigned i = 0; i < 40; ++i) many.u8(0).record(1, i, 4).u32(i);
  many.u8(0).record(41, 0, 0, 4096);
  const Parsed first(many.bytes());
  CHECK(first.status == DnsStatus::kComplete);
  CHECK(first.message.answers_kept == kDnsAnswersMax);
  CHECK(first.message.answers_left_out == 8);
  CHECK(first.message.answers[31].ttl_s == 31);
  CHECK(first.message.edns_udp_bytes == 4096);

  DnsBuilder texts(0, 0x8000, {0, 20, 0, 0});
  for (unsigned i = 0; i < 20; ++i)
    texts.u8(0)
        .record(i == 18 ? 1 : 16, i, i == 18 ? 4 : 256)
        .u8(i == 18 ? 0 : 255)
        .raw(std::string(i == 18 ? 3 : 255, 't'));
  const Parsed second(texts.bytes());
  CHECK(second.status == DnsStatus::kComplete);
  CHECK(second.message.answers_kept == kDnsTextBytesMax / 255);
  CHECK(second.message.answers_left_out == 20 - kDnsTextBytesMax / 255);  // with the address behind them
  CHECK(second.message.text_bytes == kDnsTextBytesMax / 255 * 255);
}

TEST_CASE("an answer without room is read all the same") {
  DnsBuilder texts(0, 0x8000, {0, 17, 0, 0});
  for (unsigned i = 0; i < 16; ++i) texts.u8(0).record(16, i, 256).u8(255).raw(std::string(255, 't'));
  texts.u8(0).record(5, 0, 2).pointer(texts.size() + 13);
  CHECK(Parsed(texts.bytes()).status == DnsStatus::kNotDns);
}

TEST_CASE("pointers to pointers are followed 127 times") {
  const auto chain = [](std::size_t pointers) {
    DnsBuilder builder(0, 0x8000, {1, 1, 1, 0});
    builder.name("end").question(1);
    const std::size_t owner = builder.size();
    // The pointers lie in a record that is passed over, before the one that is read.
    builder.u8(0).record(10, 0, pointers * 2);
    std::size_t to = kDnsHeaderBytes;
    for (std::size_t i = 0; i < pointers; ++i) {
      const std::size_t here = builder.size();
      builder.pointer(to);
      to = here;
    }
    DnsBytes bytes = builder.u8(0).record(5, 0, 2).pointer(to).bytes();
    bytes[7] = 2;  // both records are answers
    bytes[9] = 0;
    CHECK(owner == 21);
    const Parsed parsed(bytes);
    const DnsText text = parsed.message.answers[1].text;
    return parsed.status == DnsStatus::kComplete && parsed.message.text(text) == "end";
  };
  CHECK(chain(1));
  CHECK(chain(126));
  CHECK_FALSE(chain(127));
}

TEST_CASE("64 KiB of pointers are read like any message") {
  // As many answers as fit, each a name that is a pointer to the name before, in whose place there is one
  // more.
  constexpr std::uint16_t kRecords = 5000;
  DnsBuilder chained(0, 0x8000, {1, kRecords, 0, 0});
  chained.name("loop").question(1);
  std::size_t to = kDnsHeaderBytes;
  for (std::size_t i = 0; i < kRecords; ++i) {
    chained.pointer(to & 0x3fff).record(10, 0, 1).u8(0);
    if (chained.size() < 0x3fff) to = chained.size() - 13;
  }
  REQUIRE(chained.size() < 65536);
  for (int i = 0; i < 100; ++i) CHECK(Parsed(chained.bytes()).status == DnsStatus::kComplete);

  DnsBytes loop = DnsBuilder(0, 0x8000, {1, 0, 0, 0}).bytes();
  while (loop.size() < 65535) loop.push_back(loop.size() % 2 == 0 ? 0xc0 : 0x0c);
  for (int i = 0; i < 100; ++i) CHECK(Parsed(loop).status == DnsStatus::kNotDns);
}

TEST_CASE("a DNS message of random bytes keeps the invariants") {
  const unsigned seed = 20240611;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 40000; ++round) {
    const DnsSample& sample = dns_samples()[random() % dns_samples().size()];
    DnsBytes bytes = sample.bytes;
    for (unsigned edits = random() % 8; edits > 0 && !bytes.empty(); --edits) {
      const std::size_t at = random() % bytes.size();
      if (const unsigned kind = random() % 4; kind == 0)
        bytes[at] = static_cast<std::uint8_t>(random());
      else if (kind == 1)
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1u << random() % 8);
      else if (kind == 2)
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
      else
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), {0xc0, 0x0c});
    }
    const Parsed whole(bytes);
    const std::size_t count = bytes.empty() ? 0 : random() % bytes.size();
    const Parsed part(Bytes(bytes).first(count));
    CAPTURE(round, sample.name, count);
    REQUIRE(broken_dns_invariant(bytes, whole.status, whole.message).empty());
    REQUIRE(broken_dns_invariant(part.exact.bytes(), part.status, part.message).empty());
    REQUIRE(broken_dns_prefix(part.message, whole.message).empty());
  }
}

TEST_CASE("DNS types and response codes have the names of IANA") {
  CHECK(dns_type_name(1) == "A");
  CHECK(dns_type_name(65) == "HTTPS");
  CHECK(dns_type_name(257) == "CAA");
  CHECK(dns_type_name(32769) == "DLV");
  CHECK(dns_type_name(0).empty());
  CHECK(dns_type_name(54).empty());
  CHECK(dns_type_name(65535).empty());
  CHECK(dns_rcode_name(0) == "NOERROR");
  CHECK(dns_rcode_name(3) == "NXDOMAIN");
  CHECK(dns_rcode_name(23) == "BADCOOKIE");
  CHECK(dns_rcode_name(12).empty());
  for (unsigned number = 1; number < 65536; ++number) {  // of two entries with one number one is not found
    const std::string_view name = dns_type_name(static_cast<std::uint16_t>(number));
    if (!name.empty()) CHECK(name != dns_type_name(static_cast<std::uint16_t>(number - 1)));
  }
}

}  // namespace tapline::test
