#include "capture/content/tls_records.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "capture/content/tls_names.hpp"
#include "tests/content/tls_builder.hpp"

namespace tapline::test {
namespace {

struct Reader {
  TlsMessageBuffer buffer;

  TlsItem next(const ExactBytes& bytes, const TlsPosition& from = {}) {
    return next_tls_item(bytes.bytes(), from, buffer);
  }
  TlsItemKind kind(const Octets& stream, const TlsPosition& from = {}) {
    return next(ExactBytes(stream), from).kind;
  }
};

Octets copy(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

Octets prefix(const Octets& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// A payload in records of `record_bytes` each.
Octets in_records(const Octets& payload, std::size_t record_bytes) {
  Octets stream;
  for (std::size_t at = 0; at < payload.size(); at += record_bytes) {
    const auto begin = payload.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(record_bytes, payload.size() - at);
    stream = join(stream, record(22, Octets(begin, begin + static_cast<std::ptrdiff_t>(count))));
  }
  return stream;
}

}  // namespace

TEST_CASE("a message in one record lies in the stream") {
  Reader reader;
  const ExactBytes stream(record(22, handshake(1, chrome_hello()), 0x0301));
  const TlsItem item = reader.next(stream);
  CHECK(item.kind == TlsItemKind::kMessage);
  CHECK(item.message_type == kTlsClientHelloType);
  CHECK(item.version == kTls10);
  CHECK(copy(item.body) == chrome_hello());
  CHECK(item.body.data() == stream.bytes().data() + 9);
  CHECK(item.next.record_offset == stream.bytes().size());
  CHECK(item.next.record_used == 0);
  CHECK(item.next.begun);
}

TEST_CASE("a message in records of any length is put together") {
  const Octets message = handshake(1, chrome_hello());
  Reader reader;
  for (std::size_t record_bytes = 2; record_bytes <= message.size(); ++record_bytes) {
    CAPTURE(record_bytes);
    const ExactBytes stream(in_records(message, record_bytes));
    const TlsItem item = reader.next(stream);
    REQUIRE(item.kind == TlsItemKind::kMessage);
    CHECK(copy(item.body) == chrome_hello());
    CHECK(item.next.record_offset == stream.bytes().size());
  }
}

TEST_CASE("messages share records in any way") {
  const Octets hello = server_hello(0x0303, 0xc02f, {});
  const Octets messages = join(handshake(2, hello), handshake(11, Octets(700, 3)), handshake(14, {}));
  Reader reader;
  for (const std::size_t record_bytes : {5u, 70u, 76u, 77u, 78u, 780u, 784u, 785u, 1'000u}) {
    CAPTURE(record_bytes);
    const ExactBytes stream(
        join(in_records(messages, record_bytes), record(20, u8(1)), record(22, Octets(40, 0xe7))));
    TlsItem item = reader.next(stream);
    REQUIRE(item.kind == TlsItemKind::kMessage);
    CHECK(item.message_type == 2);
    CHECK(copy(item.body) == hello);
    item = reader.next(stream, item.next);
    REQUIRE(item.kind == TlsItemKind::kMessage);
    CHECK(item.message_type == 11);
    CHECK(copy(item.body) == Octets(700, 3));
    item = reader.next(stream, item.next);
    REQUIRE(item.kind == TlsItemKind::kMessage);
    CHECK(item.message_type == 14);
    CHECK(item.body.empty());
    CHECK(item.next.record_used == 0);
    item = reader.next(stream, item.next);
    CHECK(item.kind == TlsItemKind::kChangeCipherSpec);
  }
}

TEST_CASE("a prefix of a stream is incomplete until its message is there") {
  Reader reader;
  for (const std::size_t record_bytes : {7u, 100u, 10'000u}) {
    const Octets whole = in_records(handshake(1, chrome_hello()), record_bytes);
    for (std::size_t count = 0; count < whole.size(); ++count) {
      CAPTURE(record_bytes, count);
      const TlsItem item = reader.next(ExactBytes(prefix(whole, count)));
      CHECK(item.kind == TlsItemKind::kIncomplete);
      CHECK(item.next.record_offset == 0);
      CHECK_FALSE(item.next.begun);
    }
  }
}

TEST_CASE("bytes before a position may be dropped") {
  const Octets whole = join(in_records(handshake(2, Octets(60, 1)), 30), record(22, handshake(14, {})));
  Reader reader;
  TlsItem item = reader.next(ExactBytes(whole));
  REQUIRE(item.kind == TlsItemKind::kMessage);
  const Octets rest(whole.begin() + static_cast<std::ptrdiff_t>(item.next.record_offset), whole.end());
  item.next.record_offset = 0;
  item = reader.next(ExactBytes(rest), item.next);
  CHECK(item.kind == TlsItemKind::kMessage);
  CHECK(item.message_type == 14);
}

TEST_CASE("what is not TLS is told by the first byte that shows it") {
  Reader reader;
  CHECK(reader.kind({}) == TlsItemKind::kIncomplete);
  CHECK(reader.kind(text("G")) == TlsItemKind::kNotTls);
  CHECK(reader.kind({25}) == TlsItemKind::kNotTls);
  CHECK(reader.kind({22, 2}) == TlsItemKind::kNotTls);
  CHECK(reader.kind({22, 3, 5}) == TlsItemKind::kNotTls);
  CHECK(reader.kind({22, 3, 1, 0x49}) == TlsItemKind::kNotTls);
  CHECK(reader.kind({22, 3, 1, 0x40, 1}) == TlsItemKind::kNotTls);  // 16,385 bytes
  CHECK(reader.kind({22, 3, 1, 0, 0}) == TlsItemKind::kNotTls);     // an empty record
  CHECK(reader.kind({22, 3, 1, 0, 9, 7}) == TlsItemKind::kNotTls);  // a message that nobody knows
  CHECK(reader.kind({22, 3, 1, 0, 9, 1}) == TlsItemKind::kIncomplete);
}

TEST_CASE("nothing may come between the records of a message") {
  Reader reader;
  const Octets begin = record(22, {1, 0, 1, 0, 7, 7});
  CHECK(reader.kind(join(begin, record(21, {2, 40}))) == TlsItemKind::kNotTls);
  CHECK(reader.kind(join(begin, text("HTTP/1.1"))) == TlsItemKind::kNotTls);
  CHECK(reader.kind(join(begin, u8(22))) == TlsItemKind::kIncomplete);
}

TEST_CASE("a message beyond the limits is too long") {
  Reader reader;
  const Octets longest = handshake(11, Octets(kTlsMessageBytesMax, 1));
  CHECK(reader.kind(in_records(longest, 16'384)) == TlsItemKind::kMessage);
  CHECK(reader.kind(record(22, join(u8(11), number(3, kTlsMessageBytesMax + 1)))) == TlsItemKind::kTooLong);
  const Octets message = handshake(1, Octets(kTlsRecordsPerMessageMax - 4, 1));
  CHECK(reader.kind(in_records(message, 1)) == TlsItemKind::kMessage);
  CHECK(reader.kind(in_records(handshake(1, Octets(kTlsRecordsPerMessageMax - 3, 1)), 1)) ==
        TlsItemKind::kTooLong);
}

TEST_CASE("an alert in the clear has a level and a description") {
  Reader reader;
  const TlsItem item = reader.next(ExactBytes(record(21, {2, 40})));
  CHECK(item.kind == TlsItemKind::kAlert);
  CHECK(item.alert_level == 2);
  CHECK(item.alert_description == 40);
  CHECK(item.next.record_offset == 7);
  CHECK(reader.kind(prefix(record(21, {1, 0}), 6)) == TlsItemKind::kIncomplete);
  CHECK(reader.kind(record(21, {3, 0})) == TlsItemKind::kNotTls);
}

TEST_CASE("what is encrypted is told by the record's header") {
  Reader reader;
  for (const Octets& stream :
       {record(23, Octets(100)), record(21, Octets(26)), record(24, Octets(40)), record(23, {})}) {
    const TlsItem item = reader.next(ExactBytes(prefix(stream, 5)));
    CHECK(item.kind == TlsItemKind::kEncrypted);
    CHECK(item.next.record_offset == stream.size());
    CHECK(reader.kind(prefix(stream, 5), item.next) == TlsItemKind::kIncomplete);
  }
  CHECK(reader.kind(record(20, u8(1))) == TlsItemKind::kChangeCipherSpec);
  CHECK(reader.kind(record(20, u8(2))) == TlsItemKind::kNotTls);
  CHECK(reader.kind(record(20, {1, 1})) == TlsItemKind::kNotTls);
}

TEST_CASE("hellos of SSL 2.0 are recognised at the beginning only") {
  // Two ciphers, no session, a challenge of 16 bytes: 9 + 6 + 16.
  const Octets hello = join(Octets{0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16}, Octets(22, 0x77));
  Reader reader;
  const TlsItem item = reader.next(ExactBytes(hello));
  CHECK(item.kind == TlsItemKind::kSslv2Hello);
  CHECK(item.version == kTls10);
  CHECK(item.next.record_offset == hello.size());
  for (std::size_t count = 0; count < 11; ++count)
    CHECK(reader.kind(prefix(hello, count)) == TlsItemKind::kIncomplete);
  TlsPosition later;
  later.begun = true;
  CHECK(reader.kind(hello, later) == TlsItemKind::kNotTls);
  for (const std::size_t at : {1u, 2u, 3u, 4u, 6u, 8u, 10u}) {
    CAPTURE(at);
    Octets wrong = hello;
    wrong[at] = static_cast<std::uint8_t>(wrong[at] + 7);
    CHECK(reader.kind(wrong) == TlsItemKind::kNotTls);
  }
}

TEST_CASE("streams with random bytes keep promises, and so does every prefix") {
  const Octets whole =
      join(in_records(handshake(2, Octets(90, 1)), 50), record(21, {1, 0}), record(20, u8(1)));
  constexpr unsigned kSeed = 6;
  std::mt19937 random(kSeed);
  Reader reader;
  for (int round = 0; round < 3'000; ++round) {
    CAPTURE(kSeed, round);
    Octets bytes = whole;
    for (unsigned changes = random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] =
          static_cast<std::uint8_t>(random() % 2 == 0 ? random() : 20 + random() % 5);
    const TlsItem full = reader.next(ExactBytes(bytes));
    for (std::size_t count = 0; count < bytes.size(); count += 1 + random() % 5) {
      const TlsItem cut = reader.next(ExactBytes(prefix(bytes, count)));
      if (cut.kind == TlsItemKind::kIncomplete) continue;
      CHECK(cut.kind == full.kind);
      CHECK(cut.next.record_offset == full.next.record_offset);
    }
  }
}

}  // namespace tapline::test
