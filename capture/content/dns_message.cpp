#include "capture/content/dns_message.hpp"

#include <algorithm>

namespace tapline {
namespace {

constexpr std::size_t kNameOctetsMax = 255;  // RFC 1035, section 2.3.4: with lengths and the root
constexpr std::size_t kPointersMax = 127;
constexpr std::size_t kMessageBytesMax = 65535;
constexpr std::size_t kQuestionBytesMin = 5;  // the root, type, class
constexpr std::size_t kRecordBytesMin = 11;   // the root, type, class, TTL, length of data

// Appends to the message's texts. What has no room is walked all the same, and not kept.
class TextWriter {
 public:
  explicit TextWriter(DnsMessage& message) : message_(message), at_(message.text_bytes) {}

  bool has_room() const { return has_room_; }

  void add_label(Bytes label) {
    if (at_ > message_.text_bytes) put('.');
    for (const std::uint8_t byte : label) add_byte(byte, byte > 0x20 && byte != '.');
  }
  void add_string(Bytes text) {
    for (const std::uint8_t byte : text) add_byte(byte, true);
  }
  void add_root() {
    if (at_ == message_.text_bytes) put('.');
  }

  // The text is part of the message from here on. Only where has_room().
  DnsText keep() {
    const DnsText text{message_.text_bytes, static_cast<std::uint16_t>(at_ - message_.text_bytes)};
    message_.text_bytes = static_cast<std::uint16_t>(at_);
    return text;
  }

 private:
  void add_byte(std::uint8_t byte, bool plain) {
    if (plain && byte >= 0x20 && byte <= 0x7e && byte != '\\') return put(static_cast<char>(byte));
    put('\\');
    put(static_cast<char>('0' + byte / 100));
    put(static_cast<char>('0' + byte / 10 % 10));
    put(static_cast<char>('0' + byte % 10));
  }
  void put(char c) {
    has_room_ = has_room_ && at_ < message_.text_buffer.size();
    if (has_room_) message_.text_buffer[at_++] = c;
  }

  DnsMessage& message_;
  std::size_t at_;
  bool has_room_ = true;
};

// Moves `at` behind the name there. With a writer its whole text is read, else only what lies in place: the
// work for names that nobody asked for is in proportion to the message.
DnsStatus read_name(Bytes bytes, std::size_t& at, TextWriter* writer) {
  std::size_t position = at;
  std::size_t run_start = at;  // of the labels since the last pointer: the next one must lead before it
  std::size_t end = 0;         // behind the name's bytes in place, once that is known
  std::size_t octets = 1;      // the root
  for (std::size_t pointers = 0;;) {
    if (position >= bytes.size()) return DnsStatus::kTruncated;
    const std::size_t length = bytes[position];
    if (length == 0) break;
    if ((length & 0xc0) == 0xc0) {
      if (bytes.size() - position < 2) return DnsStatus::kTruncated;
      const std::size_t target = load_be16(bytes.data() + position) & 0x3fffu;
      if (target < kDnsHeaderBytes || target >= run_start) return DnsStatus::kNotDns;
      if (end == 0) end = position + 2;
      if (writer == nullptr) break;
      if (++pointers > kPointersMax) return DnsStatus::kNotDns;
      position = run_start = target;
      continue;
    }
    if ((length & 0xc0) != 0) return DnsStatus::kNotDns;  // 01 was given up (RFC 6891, section 5), 10 is free
    octets += length + 1;
    if (octets > kNameOctetsMax) return DnsStatus::kNotDns;
    if (bytes.size() - position - 1 < length) return DnsStatus::kTruncated;
    if (writer != nullptr) writer->add_label(bytes.subspan(position + 1, length));
    position += length + 1;
  }
  if (writer != nullptr) writer->add_root();
  at = end != 0 ? end : position + 1;
  return DnsStatus::kComplete;
}

// A record without its owner's name. `bytes` of the message end where its data ends.
struct Record {
  std::uint16_t type;
  std::uint16_t record_class;
  std::uint32_t ttl;
  Bytes bytes;
  std::size_t data_at;

  std::size_t data_bytes() const { return bytes.size() - data_at; }
};

DnsStatus read_record(Bytes bytes, std::size_t& at, Record& record) {
  constexpr std::size_t kFixedBytes = 10;
  if (const DnsStatus status = read_name(bytes, at, nullptr); status != DnsStatus::kComplete) return status;
  if (bytes.size() - at < kFixedBytes) return DnsStatus::kTruncated;
  const std::uint8_t* const fixed = bytes.data() + at;
  const std::size_t data_bytes = load_be16(fixed + 8);
  at += kFixedBytes;
  if (bytes.size() - at < data_bytes) return DnsStatus::kTruncated;
  record = {load_be16(fixed), load_be16(fixed + 2), load_be32(fixed + 4), bytes.first(at + data_bytes), at};
  at += data_bytes;
  return DnsStatus::kComplete;
}

// Of the name that fills the record's data from `skipped_bytes` on. It can only lead backwards, so that
// whatever it needs lies before the end of the record; to lack a byte is a contradiction.
bool read_target(const Record& record, std::size_t skipped_bytes, TextWriter& writer) {
  if (record.data_bytes() < skipped_bytes) return false;
  std::size_t at = record.data_at + skipped_bytes;
  return read_name(record.bytes, at, &writer) == DnsStatus::kComplete && at == record.bytes.size();
}

bool read_first_string(const Record& record, TextWriter& writer) {
  const std::size_t string_bytes = record.bytes[record.data_at];
  if (record.data_bytes() - 1 < string_bytes) return false;
  writer.add_string(record.bytes.subspan(record.data_at + 1, string_bytes));
  return true;
}

bool read_address(const Record& record, std::size_t address_bytes, DnsAnswer& answer) {
  if (record.data_bytes() != address_bytes) return false;
  if (address_bytes == 4) answer.address[10] = answer.address[11] = 0xff;
  const Bytes from = record.bytes.last(address_bytes);
  std::copy(from.begin(), from.end(), answer.address.end() - static_cast<std::ptrdiff_t>(address_bytes));
  answer.has_address = true;
  return true;
}

// False: the data is not what the type says.
bool read_answer_data(const Record& record, DnsAnswer& answer, TextWriter& writer) {
  // Conditions of an update have a type and no data (RFC 2136, sections 2.4.1 to 2.4.3).
  if (record.data_bytes() == 0) return true;
  switch (record.type) {
    case kDnsTypeA:
      return read_address(record, 4, answer);
    case kDnsTypeAaaa:
      return read_address(record, 16, answer);
    case kDnsTypeNs:
    case kDnsTypeCname:
    case kDnsTypePtr:
    case kDnsTypeDname:
      return read_target(record, 0, writer);
    case kDnsTypeMx:
      return read_target(record, 2, writer);  // behind the preference
    case kDnsTypeSrv:
      return read_target(record, 6, writer);  // behind priority, weight and port
    case kDnsTypeTxt:
      return read_first_string(record, writer);
    default:
      return true;
  }
}

bool add_answer(const Record& record, DnsMessage& message) {
  // What is kept are the first answers: none is kept behind one that was left out.
  if (message.answers_left_out == 0 && message.answers_kept < kDnsAnswersMax) {
    DnsAnswer answer;
    answer.ttl_s = record.ttl;
    answer.type = record.type;
    TextWriter writer(message);
    if (!read_answer_data(record, answer, writer)) return false;
    if (writer.has_room()) {
      answer.text = writer.keep();
      message.answers[message.answers_kept++] = answer;
      return true;
    }
  }
  ++message.answers_left_out;
  return true;
}

void read_edns(const Record& record, DnsMessage& message) {
  if (record.type != kDnsTypeOpt || message.has_edns) return;
  message.has_edns = true;
  message.edns_udp_bytes = record.record_class;
  message.rcode = static_cast<std::uint16_t>(message.rcode | (record.ttl >> 24 << 4));
}

void read_header(const std::uint8_t* header, DnsMessage& message) {
  const unsigned flags = load_be16(header + 2);
  message.id = load_be16(header);
  message.is_response = (flags & 0x8000) != 0;
  message.opcode = static_cast<std::uint8_t>(flags >> 11 & 15);
  message.aa = (flags & 0x0400) != 0;
  message.tc = (flags & 0x0200) != 0;
  message.rd = (flags & 0x0100) != 0;
  message.ra = (flags & 0x0080) != 0;
  message.rcode = flags & 15;
  message.question_count = load_be16(header + 4);
  message.answer_count = load_be16(header + 6);
  message.authority_count = load_be16(header + 8);
  message.additional_count = load_be16(header + 10);
}

// No message can hold as much as the header counts, wherever the capture ends.
bool counts_too_much(const DnsMessage& message) {
  const std::size_t records =
      std::size_t{message.answer_count} + message.authority_count + message.additional_count;
  return kDnsHeaderBytes + message.question_count * kQuestionBytesMin + records * kRecordBytesMin >
         kMessageBytesMax;
}

DnsStatus read_question(Bytes bytes, std::size_t& at, DnsMessage& message) {
  constexpr std::size_t kFixedBytes = 4;
  TextWriter writer(message);
  const bool is_first = !message.has_question;
  const DnsStatus status = read_name(bytes, at, is_first ? &writer : nullptr);
  if (status != DnsStatus::kComplete) return status;
  if (bytes.size() - at < kFixedBytes) return DnsStatus::kTruncated;
  if (is_first) {
    message.has_question = true;
    message.question_name = writer.keep();
    message.question_type = load_be16(bytes.data() + at);
    message.question_class = load_be16(bytes.data() + at + 2);
  }
  at += kFixedBytes;
  return DnsStatus::kComplete;
}

}  // namespace

DnsStatus parse_dns_message(Bytes bytes, DnsMessage& message) noexcept {
  static_cast<DnsHeader&>(message) = {};
  bytes = bytes.first(std::min(bytes.size(), kMessageBytesMax));
  if (bytes.size() < kDnsHeaderBytes) return DnsStatus::kTruncated;
  read_header(bytes.data(), message);
  message.message_bytes = kDnsHeaderBytes;
  if (counts_too_much(message)) return DnsStatus::kNotDns;

  std::size_t at = kDnsHeaderBytes;
  for (std::uint32_t i = 0; i < message.question_count; ++i) {
    if (const DnsStatus status = read_question(bytes, at, message); status != DnsStatus::kComplete)
      return status;
    message.message_bytes = static_cast<std::uint32_t>(at);
  }
  const std::uint32_t before_additional = std::uint32_t{message.answer_count} + message.authority_count;
  for (std::uint32_t i = 0; i < before_additional + message.additional_count; ++i) {
    Record record;
    if (const DnsStatus status = read_record(bytes, at, record); status != DnsStatus::kComplete)
      return status;
    if (i < message.answer_count && !add_answer(record, message)) return DnsStatus::kNotDns;
    if (i >= before_additional) read_edns(record, message);
    message.message_bytes = static_cast<std::uint32_t>(at);
  }
  return DnsStatus::kComplete;
}

}  // namespace tapline
