#include "capture/content/quic_initial.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "capture/content/quic_packet.hpp"
#include "tests/content/quic_protect.hpp"

namespace tapline::test {
namespace {

class Reader {
 public:
  QuicInitialStatus read(const Octets& datagram) {
    const ExactBytes exact(datagram);
    return reader_.read(exact.bytes(), state, hello);
  }
  void forget() { state = {}; }

  QuicInitialState state;
  TlsClientHello hello;

 private:
  QuicInitialReader reader_ = std::move(*QuicInitialReader::open());
};

Octets hello_message() {
  return handshake(1, chrome_hello());
}

// RFC 9001, appendix A.2: the CRYPTO frame; 917 bytes of padding follow.
Octets rfc_payload() {
  return join(from_hex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
                       "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
                       "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
                       "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
                       "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
                       "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
                       "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
                       "75300901100f088394c8f03e51570806048000ffff"),
              Octets(917));
}

bool begins(const Octets& bytes, std::string_view hex) {
  const Octets expected = from_hex(hex);
  return std::equal(expected.begin(), expected.end(), bytes.begin());
}
bool ends(const Octets& bytes, std::string_view hex) {
  const Octets expected = from_hex(hex);
  return std::equal(expected.rbegin(), expected.rend(), bytes.rbegin());
}

void check_rfc_hello(Reader& reader) {
  CHECK(reader.hello.server_name.view() == "example.com");
  REQUIRE(reader.hello.alpn.size() == 1);
  CHECK(reader.hello.alpn[0] == "alpn");
  CHECK(reader.hello.offered_version == kTls13);
  CHECK(reader.hello.ja4.view().substr(0, 10) == "q13d0211an");
}

}  // namespace

TEST_CASE("keys are those of the RFCs' vectors") {
  const Octets id = from_hex("8394c8f03e515708");
  const auto equal = [](const auto& key, std::string_view hex) {
    return Octets(key.begin(), key.end()) == from_hex(hex);
  };
  const QuicKeys v1 = quic_client_keys(kQuicV1, id);  // RFC 9001, appendix A.1
  CHECK(equal(v1.key, "1f369613dd76d5467730efcbe3b1a22d"));
  CHECK(equal(v1.iv, "fa044b2f42a3fd3b46fb255c"));
  CHECK(equal(v1.header_key, "9f50449e04a0e810283a1e9933adedd2"));
  const QuicKeys v2 = quic_client_keys(kQuicV2, id);  // RFC 9369, appendix A.1
  CHECK(equal(v2.key, "8b1a0bc121284290a29e0971b5cd045d"));
  CHECK(equal(v2.iv, "91f73e2351d8fa91660e909f"));
  CHECK(equal(v2.header_key, "45b95e15235d6f45a6b19cbcb0294ba9"));
  const QuicKeys draft = quic_client_keys(kQuicDraft29, id);  // draft-ietf-quic-tls-29, appendix A.1
  CHECK(equal(draft.key, "175257a31eb09dea9366d8bb79ad80ba"));
  CHECK(equal(draft.iv, "6b26114b9cba2b63a9e8dd4f"));
  CHECK(equal(draft.header_key, "9ddd12c994c0698b89374a9c077a3077"));
}

TEST_CASE("the packet of RFC 9001, A.2 holds its hello") {
  const Octets packet = quic_initial(rfc_payload());
  // The ends of the packet that the RFC prints: the tag is over all between.
  REQUIRE(packet.size() == 1200);
  CHECK(begins(packet, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"));
  CHECK(ends(
      packet,
      "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934"));
  Reader reader;
  CHECK(reader.read(packet) == QuicInitialStatus::kHello);
  CHECK(reader.state.version == kQuicV1);
  check_rfc_hello(reader);
}

TEST_CASE("the packet of RFC 9369, A.2 holds the same") {
  InitialFields fields;
  fields.version = kQuicV2;
  const Octets packet = quic_initial(rfc_payload(), fields);
  CHECK(begins(packet, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"));
  CHECK(
      ends(packet,
           "6f4c4938ae79324dc402894b44faf8afbab35282ab659d13c93f70412e85cb199a37ddec600545473cfb5a05e08d0b20"
           "9973b2172b4d21fb69745a262ccde96ba18b2faa745b6fe189cf772a9f84cbfc"));
  Reader reader;
  CHECK(reader.read(packet) == QuicInitialStatus::kHello);
  check_rfc_hello(reader);
}

TEST_CASE("draft 29 is read, others are recognised") {
  InitialFields fields;
  fields.version = kQuicDraft29;
  Reader reader;
  CHECK(reader.read(quic_initial(rfc_payload(), fields)) == QuicInitialStatus::kHello);
  check_rfc_hello(reader);
  for (const std::uint32_t version : {0xff00001bu, 0x51303530u, 0x54303531u, 0xfaceb002u, 0x1a2a3a4au}) {
    CAPTURE(version);
    reader.forget();
    const Octets other = join(u8(0xc3), number(4, version), vec8(Octets(8)), vec8({}), Octets(1180));
    CHECK(reader.read(other) == QuicInitialStatus::kOtherVersion);
    CHECK(reader.state.version == version);
  }
}

TEST_CASE("the server's packet of RFC 9001, A.3 tells nothing") {
  const Octets packet = from_hex(
      "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a9"
      "9f5ede4c"
      "f73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d"
      "06edbb7a"
      "af2f58891850abbdca3d20398c276456cbc42158407dd074ee");
  Reader reader;
  CHECK(reader.read(packet) == QuicInitialStatus::kNoInitial);
  CHECK_FALSE(reader.state.has_keys);
}

TEST_CASE("a JA4 of QUIC begins with q") {
  Reader reader;
  CHECK(reader.read(quic_initial(crypto_frame(hello_message()))) == QuicInitialStatus::kHello);
  CHECK(reader.hello.ja4.view() == "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST_CASE("packet numbers have any length") {
  Reader reader;
  for (std::size_t bytes = 1; bytes <= 4; ++bytes) {
    InitialFields fields;
    fields.number_bytes = bytes;
    fields.packet_number = 0x81;
    fields.token = Octets(70, 3);
    fields.source_id = Octets(20, 4);
    reader.forget();
    CHECK(reader.read(quic_initial(crypto_frame(hello_message()), fields)) == QuicInitialStatus::kHello);
  }
}

TEST_CASE("frames of a hello come in any order, between other frames") {
  const Octets message = hello_message();
  const std::size_t half = message.size() / 2;
  const Octets ack =
      join(u8(2), quic_varint(5), quic_varint(300), quic_varint(1), quic_varint(0), u8(1), u8(2));
  const Octets ack_ecn = join(u8(3), u8(5), u8(0), u8(0), u8(0), u8(1), u8(2), u8(3));
  const Octets frames =
      join(Octets(3), crypto_frame(message, half, message.size() - half), ack, u8(1),
           crypto_frame(message, 10, half), ack_ecn, crypto_frame(message, 0, 12), Octets(200));
  Reader reader;
  CHECK(reader.read(quic_initial(frames)) == QuicInitialStatus::kHello);
  CHECK(reader.hello.server_name.view() == "www.example.org");
}

TEST_CASE("a hello is spread over datagrams in any way") {
  const Octets message = hello_message();
  Reader reader;
  for (std::size_t pieces = 2; pieces <= 9; ++pieces) {
    for (const bool backwards : {false, true}) {
      CAPTURE(pieces, backwards);
      reader.forget();
      for (std::size_t i = 0; i < pieces; ++i) {
        const std::size_t piece = backwards ? pieces - 1 - i : i;
        const std::size_t begin = message.size() * piece / pieces;
        const std::size_t end = message.size() * (piece + 1) / pieces;
        InitialFields fields;
        fields.packet_number = static_cast<std::uint32_t>(i);
        const auto status = reader.read(quic_initial(crypto_frame(message, begin, end - begin), fields));
        CHECK(status == (i + 1 < pieces ? QuicInitialStatus::kIncomplete : QuicInitialStatus::kHello));
      }
      CHECK(reader.hello.ja4.view() == "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }
  }
}

TEST_CASE("packets that share a datagram are read, whatever stands between them") {
  const Octets message = hello_message();
  const Octets zero_rtt = join(u8(0xd0), number(4, kQuicV1), vec8(InitialFields().destination_id), vec8({}),
                               quic_varint(30), Octets(30));
  Reader reader;
  CHECK(reader.read(join(quic_initial(crypto_frame(message, 0, 100)), zero_rtt,
                         quic_initial(crypto_frame(message, 100, message.size() - 100)), Octets(100))) ==
        QuicInitialStatus::kHello);
}

TEST_CASE("packets of another connection or version in a datagram are ignored") {
  const Octets message = hello_message();
  InitialFields other_id;
  other_id.destination_id = Octets(8, 0x66);
  InitialFields other_version;
  other_version.version = kQuicV2;
  Reader reader;
  for (const InitialFields& other : {other_id, other_version}) {
    reader.forget();
    CHECK(reader.read(join(quic_initial(crypto_frame(message, 0, 100)),
                           quic_initial(crypto_frame(message), other))) == QuicInitialStatus::kIncomplete);
    CHECK(reader.state.prefix_bytes == 100);
  }
}

TEST_CASE("the server's connection id changes no keys") {
  const Octets message = hello_message();
  InitialFields later;
  later.destination_id = Octets(8, 0x55);
  later.keys_of = InitialFields().destination_id;
  Reader reader;
  CHECK(reader.read(quic_initial(crypto_frame(message, 0, 100))) == QuicInitialStatus::kIncomplete);
  CHECK(reader.read(quic_initial(crypto_frame(message, 100, message.size() - 100), later)) ==
        QuicInitialStatus::kHello);
}

TEST_CASE("after a Retry keys are of the new connection id, and the hello begins anew") {
  const Octets message = hello_message();
  InitialFields again;
  again.destination_id = Octets(18, 0x66);
  Reader reader;
  CHECK(reader.read(quic_initial(crypto_frame(message, 0, 100))) == QuicInitialStatus::kIncomplete);
  const Octets retry = join(u8(0xf0), number(4, kQuicV1), vec8({}), vec8(again.destination_id), Octets(40));
  CHECK(reader.read(retry) == QuicInitialStatus::kNoInitial);
  CHECK(reader.read(quic_initial(crypto_frame(message, 100, 20), again)) == QuicInitialStatus::kIncomplete);
  CHECK(reader.state.prefix_bytes == 0);
  CHECK(reader.read(quic_initial(crypto_frame(message), again)) == QuicInitialStatus::kHello);
}

TEST_CASE("bytes that came first stay") {
  const Octets message = hello_message();
  Octets other = message;
  for (std::uint8_t& byte : other) byte = static_cast<std::uint8_t>(byte ^ 0xff);
  Reader reader;
  const Octets frames = join(crypto_frame(message, 0, 150), crypto_frame(other, 0, 150),
                             crypto_frame(message, 150, message.size() - 150));
  CHECK(reader.read(quic_initial(frames)) == QuicInitialStatus::kHello);
  CHECK(reader.hello.server_name.view() == "www.example.org");
}

TEST_CASE("what a client does not send first is malformed") {
  Reader reader;
  for (const Octets& frames :
       {Octets{4, 1, 2, 3, 4}, Octets{6, 0, 9, 1, 1}, Octets{2, 0, 0, 0x40}, Octets{0x40},
        join(u8(6), u8(0), u8(3), Octets{2, 0, 0}), crypto_frame(handshake(1, Octets(30))),
        crypto_frame(handshake(2, chrome_hello()))}) {
    reader.forget();
    CHECK(reader.read(quic_initial(join(frames, frames.size() < 4 ? Octets{0x40, 0x40, 0x40} : Octets{}))) ==
          QuicInitialStatus::kMalformed);
  }
}

TEST_CASE("a hello beyond the limits is too long") {
  Reader reader;
  CHECK(reader.read(quic_initial(crypto_frame(handshake(1, Octets(kQuicHelloBytesMax - 3)), 0, 100))) ==
        QuicInitialStatus::kTooLong);
  reader.forget();
  CHECK(reader.read(quic_initial(join(u8(6), number(8, 0xc000000000002000), u8(1), u8(1)))) ==
        QuicInitialStatus::kTooLong);
  reader.forget();
  CHECK(reader.read(quic_initial(join(u8(6), number(8, 0xffffffffffffffff), u8(1), u8(1)))) ==
        QuicInitialStatus::kTooLong);
  reader.forget();
  CHECK(reader.read(quic_initial(join(u8(6), quic_varint(kQuicHelloBytesMax - 1), u8(1), u8(1)))) ==
        QuicInitialStatus::kIncomplete);
}

TEST_CASE("the cost of a datagram is bounded") {
  // Four Initial packets that open, each with a piece; the fifth is not looked at.
  const Octets message = hello_message();
  Octets datagram;
  for (std::size_t i = 0; i < 5; ++i)
    datagram = join(datagram, quic_initial(crypto_frame(message, i * 10, 10)));
  Reader reader;
  CHECK(reader.read(datagram) == QuicInitialStatus::kIncomplete);
  CHECK(reader.state.prefix_bytes == 40);
  reader.forget();
  CHECK(reader.read(quic_initial(join(crypto_frame(message), Octets(kQuicPacketBytesMax)))) ==
        QuicInitialStatus::kNoInitial);
}

TEST_CASE("what is not QUIC is told without keys") {
  Reader reader;
  CHECK(reader.read({}) == QuicInitialStatus::kNotQuic);
  CHECK(reader.read(Octets(1200)) == QuicInitialStatus::kNotQuic);
  CHECK(reader.read(Octets(1200, 0x80)) == QuicInitialStatus::kNotQuic);  // RTP
  CHECK(reader.read(join(u8(0x40), number(4, 1), Octets(1200))) ==
        QuicInitialStatus::kNotQuic);  // a short header
  CHECK(reader.read(join(u8(0xc0), number(4, 1), u8(21), Octets(99))) ==
        QuicInitialStatus::kNotQuic);  // an id too long
  CHECK(reader.read(join(u8(0xc0), number(4, 0), Octets(50))) ==
        QuicInitialStatus::kNotQuic);  // version negotiation
}

TEST_CASE("no prefix of a packet tells anything, nor does one with a changed bit") {
  const Octets whole = quic_initial(crypto_frame(hello_message()));
  Reader reader;
  for (std::size_t count = 0; count < whole.size(); ++count) {
    const auto status = reader.read({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(count)});
    CHECK(status == QuicInitialStatus::kNotQuic);
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    Octets changed = whole;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    const auto status = reader.read(changed);
    CHECK((status == QuicInitialStatus::kNotQuic || status == QuicInitialStatus::kNoInitial ||
           status == QuicInitialStatus::kOtherVersion));
    CHECK_FALSE(reader.state.has_keys);
  }
}

TEST_CASE("frames with random bytes keep promises") {
  const Octets message = hello_message();
  const Octets whole = join(crypto_frame(message, 200, message.size() - 200), Octets{2, 5, 1, 0, 1},
                            crypto_frame(message, 0, 200));
  constexpr unsigned kSeed = 8;
  std::mt19937 random(kSeed);
  Reader reader;
  for (int round = 0; round < 10'000; ++round) {
    CAPTURE(kSeed, round);
    Octets frames = whole;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      frames[random() % frames.size()] =
          static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 8);
    reader.forget();
    reader.hello = {};
    const auto status = reader.read(quic_initial(frames));
    CHECK(reader.state.has_keys);
    CHECK(reader.state.prefix_bytes <= kQuicHelloBytesMax);
    CHECK((status == QuicInitialStatus::kHello) == !reader.hello.ja4.empty());
  }
}

TEST_CASE("variable-length integers are those of RFC 9000, A.1") {
  const auto value = [](std::string_view hex) {
    const Octets octets = from_hex(hex);
    Bytes bytes(octets);
    std::uint64_t number = 0;
    CHECK(read_quic_varint(bytes, number));
    CHECK(bytes.empty());
    return number;
  };
  CHECK(value("c2197c5eff14e88c") == 151'288'809'941'952'652);
  CHECK(value("9d7f3e7d") == 494'878'333);
  CHECK(value("7bbd") == 15'293);
  CHECK(value("25") == 37);
  CHECK(value("4025") == 37);
}

}  // namespace tapline::test
