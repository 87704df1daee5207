#include "capture/content/tls_records.hpp"

#include <algorithm>

namespace tapline {
namespace {

constexpr std::uint8_t kTypeChangeCipherSpec = 20;
constexpr std::uint8_t kTypeAlert = 21;
constexpr std::uint8_t kTypeHandshake = 22;
constexpr std::uint8_t kTypeHeartbeat = 24;  // RFC 6520; 23 is application data
constexpr std::size_t kMessageHeaderBytes = 4;
constexpr std::size_t kPlainBytesMax = 1 << 14;                  // RFC 8446, section 5.1
constexpr std::size_t kCipherBytesMax = kPlainBytesMax + 2'048;  // RFC 5246, section 6.2.3

struct RecordHeader {
  TlsItemKind kind = TlsItemKind::kIncomplete;  // kMessage: the header is there and sound
  std::uint8_t type = 0;
  std::uint16_t version = 0;
  std::uint16_t payload_bytes = 0;
};

// RFC 5246, section 6.2.1: only application data may be empty.
bool length_is_sound(std::uint8_t type, std::size_t bytes) {
  switch (type) {
    case kTypeChangeCipherSpec:
      return bytes == 1;
    case kTypeAlert:
      return bytes >= 2 && bytes <= kCipherBytesMax;
    case kTypeHandshake:
      return bytes >= 1 && bytes <= kPlainBytesMax;
    default:
      return bytes <= kCipherBytesMax;
  }
}

// Says kNotTls by the first byte that shows it.
RecordHeader read_header(Bytes rest) {
  RecordHeader header;
  if (rest.empty()) return header;
  header.kind = TlsItemKind::kNotTls;
  header.type = rest[0];
  if (header.type < kTypeChangeCipherSpec || header.type > kTypeHeartbeat) return header;
  if (rest.size() > 1 && rest[1] != 3) return header;
  if (rest.size() > 2 && rest[2] > 4) return header;
  if (rest.size() > 3 && rest[3] > kCipherBytesMax >> 8) return header;
  if (rest.size() < kTlsRecordHeaderBytes) {
    header.kind = TlsItemKind::kIncomplete;
    return header;
  }
  header.version = load_be16(rest.data() + 1);
  header.payload_bytes = load_be16(rest.data() + 3);
  if (length_is_sound(header.type, header.payload_bytes)) header.kind = TlsItemKind::kMessage;
  return header;
}

// IANA, TLS HandshakeType: what is or was in use.
bool is_message_type(std::uint8_t type) {
  constexpr std::uint32_t kKnown = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 |
                                   1u << 8 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << 16 |
                                   1u << 20 | 1u << 21 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25;
  return type == 254 || (type < 32 && (kKnown >> type & 1) != 0);
}

TlsItem item_of(TlsItemKind kind, const TlsPosition& from) {
  TlsItem item;
  item.kind = kind;
  item.next = from;
  return item;
}

// RFC 5246, E.2: two bytes of length with the highest bit set, message type 1, version, then the lengths of
// cipher specs (three bytes each), session id and challenge, which must add up.
TlsItem read_sslv2_hello(Bytes stream, const TlsPosition& from) {
  constexpr std::size_t kLengthBytes = 2;
  constexpr std::size_t kHeaderBytes = 11;
  const auto at = [stream](std::size_t i) { return stream.size() > i ? stream[i] : -1; };
  TlsItem item = item_of(TlsItemKind::kNotTls, from);
  if (at(2) >= 0 && at(2) != 1) return item;
  if (at(3) >= 0 && at(3) != 3 && at(3) != 0) return item;
  if (at(4) >= 0 && (at(3) == 3 ? at(4) > 4 : at(4) != 2)) return item;
  item.kind = TlsItemKind::kIncomplete;
  if (stream.size() < kHeaderBytes) return item;
  const std::size_t bytes = load_be16(stream.data()) & 0x7fff;
  const std::size_t ciphers = load_be16(stream.data() + 5);
  const std::size_t session = load_be16(stream.data() + 7);
  const std::size_t challenge = load_be16(stream.data() + 9);
  item.kind = TlsItemKind::kNotTls;
  if (ciphers == 0 || ciphers % 3 != 0 || challenge < 16 || challenge > 32) return item;
  if (bytes != kHeaderBytes - kLengthBytes + ciphers + session + challenge) return item;
  item.kind = TlsItemKind::kSslv2Hello;
  item.version = load_be16(stream.data() + 3);
  item.next = {from.record_offset + kLengthBytes + bytes, 0, true};
  return item;
}

// The payloads of consecutive handshake records, from a position on, as one run of bytes.
class HandshakeBytes {
 public:
  HandshakeBytes(Bytes stream, const TlsPosition& from) : stream_(stream), at_(from) {}

  /// Copies `count` bytes to `out`, or skips them where it is null. Anything but kMessage says why it cannot.
  TlsItemKind take(std::size_t count, std::uint8_t* out) {
    while (count > 0) {
      if (const TlsItemKind kind = enter_record(); kind != TlsItemKind::kMessage) return kind;
      const std::size_t run = std::min(count, run_bytes());
      if (run == 0) return TlsItemKind::kIncomplete;
      if (out != nullptr) out = std::copy_n(stream_.data() + payload_offset(), run, out);
      at_.record_used = static_cast<std::uint16_t>(at_.record_used + run);
      count -= run;
    }
    return TlsItemKind::kMessage;
  }

  /// The next `count` bytes where they lie in one piece, else none.
  Bytes peek(std::size_t count) {
    if (enter_record() != TlsItemKind::kMessage || run_bytes() < count) return {};
    return stream_.subspan(payload_offset(), count);
  }

  /// Where the bytes taken end: never at the end of a record, which is the beginning of the next.
  TlsPosition position() const {
    TlsPosition end = at_;
    end.begun = true;
    if (record_.payload_bytes == end.record_used) end = {payload_offset(), 0, true};
    return end;
  }

 private:
  std::size_t payload_offset() const { return at_.record_offset + kTlsRecordHeaderBytes + at_.record_used; }
  // Of the record that is entered, what has come and was not taken.
  std::size_t run_bytes() const {
    return std::min<std::size_t>(record_.payload_bytes - at_.record_used, stream_.size() - payload_offset());
  }

  // Makes record_ the one in which the next byte lies. Records are never empty, so it is at most one step.
  TlsItemKind enter_record() {
    if (entered_ && at_.record_used == record_.payload_bytes) {
      at_ = {payload_offset(), 0, true};
      entered_ = false;
    }
    if (entered_) return TlsItemKind::kMessage;
    record_ = read_header(stream_.subspan(at_.record_offset));
    if (record_.kind != TlsItemKind::kMessage) return record_.kind;
    // RFC 8446, section 5.1: nothing may come between the records of a message.
    if (record_.type != kTypeHandshake || record_.payload_bytes <= at_.record_used)
      return TlsItemKind::kNotTls;
    if (++records_ > kTlsRecordsPerMessageMax) return TlsItemKind::kTooLong;
    if (stream_.size() - at_.record_offset < kTlsRecordHeaderBytes + at_.record_used)
      return TlsItemKind::kIncomplete;
    entered_ = true;
    return TlsItemKind::kMessage;
  }

  Bytes stream_;
  TlsPosition at_;
  RecordHeader record_;
  std::size_t records_ = 0;
  bool entered_ = false;
};

TlsItem read_message(Bytes stream, const TlsPosition& from, TlsMessageBuffer& buffer) {
  HandshakeBytes bytes(stream, from);
  std::uint8_t header[kMessageHeaderBytes] = {};
  TlsItemKind kind = bytes.take(1, header);
  if (kind != TlsItemKind::kMessage) return item_of(kind, from);
  if (!is_message_type(header[0])) return item_of(TlsItemKind::kNotTls, from);
  kind = bytes.take(kMessageHeaderBytes - 1, header + 1);
  if (kind != TlsItemKind::kMessage) return item_of(kind, from);
  const std::size_t body_bytes = load_be32(header) & 0xffffff;
  if (body_bytes > kTlsMessageBytesMax) return item_of(TlsItemKind::kTooLong, from);

  TlsItem item;
  if (body_bytes > 0) item.body = bytes.peek(body_bytes);
  const bool in_one_piece = item.body.size() == body_bytes;
  if (!in_one_piece) {
    HandshakeBytes ahead = bytes;  // nothing is copied before all is there
    kind = ahead.take(body_bytes, nullptr);
    if (kind != TlsItemKind::kMessage) return item_of(kind, from);
    item.body = Bytes(buffer.data(), body_bytes);
  }
  bytes.take(body_bytes, in_one_piece ? nullptr : buffer.data());  // all is there
  item.kind = TlsItemKind::kMessage;
  item.message_type = header[0];
  item.version = load_be16(stream.data() + from.record_offset + 1);
  item.next = bytes.position();
  return item;
}

// A change_cipher_spec, an alert in the clear, or what is encrypted.
TlsItem read_other(Bytes rest, const RecordHeader& header, const TlsPosition& from) {
  constexpr std::size_t kAlertBytes = 2;
  const bool alert = header.type == kTypeAlert && header.payload_bytes == kAlertBytes;
  const bool change = header.type == kTypeChangeCipherSpec;
  TlsItem item = item_of(TlsItemKind::kEncrypted, from);
  item.version = header.version;
  if (alert || change) {
    const Bytes payload = rest.subspan(kTlsRecordHeaderBytes);
    // RFC 5246, sections 7.1 and 7.2: the byte is 1; a level is 1 or 2.
    const bool sound = payload.empty() || payload[0] == 1 || (alert && payload[0] == 2);
    if (!sound) return item_of(TlsItemKind::kNotTls, from);
    if (payload.size() < header.payload_bytes) return item_of(TlsItemKind::kIncomplete, from);
    item.kind = change ? TlsItemKind::kChangeCipherSpec : TlsItemKind::kAlert;
    if (alert) item.alert_level = payload[0];
    if (alert) item.alert_description = payload[1];
  }
  item.next = {from.record_offset + kTlsRecordHeaderBytes + header.payload_bytes, 0, true};
  return item;
}

}  // namespace

TlsItem next_tls_item(Bytes stream, const TlsPosition& from, TlsMessageBuffer& buffer) noexcept {
  if (from.record_offset >= stream.size()) return item_of(TlsItemKind::kIncomplete, from);
  const Bytes rest = stream.subspan(from.record_offset);
  if (!from.begun && (rest[0] & 0x80) != 0) return read_sslv2_hello(rest, from);
  const RecordHeader header = read_header(rest);
  if (header.kind != TlsItemKind::kMessage) return item_of(header.kind, from);
  if (header.type == kTypeHandshake) return read_message(stream, from, buffer);
  return read_other(rest, header, from);
}

}  // namespace tapline
