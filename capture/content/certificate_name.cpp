#include "capture/content/certificate_name.hpp"

#include <algorithm>

#include "capture/content/der.hpp"

namespace tapline {
namespace {

constexpr std::size_t kPartsMax = 32;
constexpr char kHexDigits[] = "0123456789ABCDEF";

// Written by append_whole() only, so that a text without room ends after a whole character.
using NameText = Certificate::NameText;

struct AttributeName {
  std::string_view oid;  // the content of its DER
  std::string_view name;
};

// RFC 4514, section 3, and what OpenSSL and browsers show besides.
constexpr AttributeName kAttributeNames[] = {
    {{"\x55\x04\x03", 3}, "CN"},
    {{"\x55\x04\x04", 3}, "SN"},
    {{"\x55\x04\x05", 3}, "serialNumber"},
    {{"\x55\x04\x06", 3}, "C"},
    {{"\x55\x04\x07", 3}, "L"},
    {{"\x55\x04\x08", 3}, "ST"},
    {{"\x55\x04\x09", 3}, "STREET"},
    {{"\x55\x04\x0a", 3}, "O"},
    {{"\x55\x04\x0b", 3}, "OU"},
    {{"\x55\x04\x0c", 3}, "title"},
    {{"\x55\x04\x0d", 3}, "description"},
    {{"\x55\x04\x0f", 3}, "businessCategory"},
    {{"\x55\x04\x11", 3}, "postalCode"},
    {{"\x55\x04\x29", 3}, "name"},
    {{"\x55\x04\x2a", 3}, "GN"},
    {{"\x55\x04\x2b", 3}, "initials"},
    {{"\x55\x04\x2e", 3}, "dnQualifier"},
    {{"\x55\x04\x41", 3}, "pseudonym"},
    {{"\x55\x04\x61", 3}, "organizationIdentifier"},
    {{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10}, "UID"},
    {{"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10}, "DC"},
    {{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9}, "emailAddress"},
    {{"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", 9}, "unstructuredName"},
    {{"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", 11}, "jurisdictionL"},
    {{"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", 11}, "jurisdictionST"},
    {{"\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", 11}, "jurisdictionC"},
};

void append_hex(NameText& out, std::uint8_t byte) {
  const char digits[] = {kHexDigits[byte >> 4], kHexDigits[byte & 15]};
  out.append_whole({digits, sizeof digits});
}

void append_escape(NameText& out, std::uint8_t byte) {
  const char escape[] = {'\\', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
  out.append_whole({escape, sizeof escape});
}

void append_decimal(NameText& out, std::uint64_t number) {
  char digits[20];
  std::size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  out.append_whole({digits + at, sizeof digits - at});
}

// X.690, section 8.19: seven bits a byte; the first number stands for two. False of numbers beyond 63 bits
// and of one that does not end.
bool append_oid(NameText& out, Bytes oid) {
  std::uint64_t number = 0;
  bool first = true;
  bool inside = false;
  for (const std::uint8_t byte : oid) {
    if (number >> 56 != 0) return false;
    number = number << 7 | (byte & 0x7f);
    inside = (byte & 0x80) != 0;
    if (inside) continue;
    if (first) {
      const std::uint64_t root = number < 40 ? 0 : number < 80 ? 1 : 2;
      append_decimal(out, root);
      number -= root * 40;
    }
    out.append_whole(".");
    append_decimal(out, number);
    number = 0;
    first = false;
  }
  return !first && !inside;
}

// In UTF-8, with a backslash before it where it needs one.
void append_code(NameText& out, std::uint32_t code, bool backslash) {
  char bytes[5] = {'\\'};
  std::size_t count = 1;
  if (code < 0x80) {
    bytes[count++] = static_cast<char>(code);
  } else if (code < 0x800) {
    bytes[count++] = static_cast<char>(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    bytes[count++] = static_cast<char>(0xe0 | code >> 12);
    bytes[count++] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
  } else {
    bytes[count++] = static_cast<char>(0xf0 | code >> 18);
    bytes[count++] = static_cast<char>(0x80 | (code >> 12 & 0x3f));
    bytes[count++] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
  }
  if (code >= 0x80) bytes[count++] = static_cast<char>(0x80 | (code & 0x3f));
  out.append_whole(std::string_view(bytes, count).substr(backslash ? 0 : 1));
}

// RFC 4514, section 2.4: what has a meaning gets a backslash; control characters are written in hex, so that
// the text is one line whatever a sender puts in it.
void append_character(NameText& out, std::uint32_t code, bool first, bool last) {
  constexpr std::string_view kSpecial = "\"+,;<>\\";
  if (code < 0x20 || code == 0x7f) return append_escape(out, static_cast<std::uint8_t>(code));
  const bool is_special = code < 0x80 && kSpecial.find(static_cast<char>(code)) != std::string_view::npos;
  append_code(out, code, is_special || (first && (code == '#' || code == ' ')) || (last && code == ' '));
}

bool is_scalar(std::uint32_t code) {
  return code < 0x110000 && (code < 0xd800 || code > 0xdfff);
}

// The length of the UTF-8 sequence at the beginning of `text` (RFC 3629, section 4), and its code; 0 of none.
std::size_t decode_utf8(Bytes text, std::uint32_t& code) {
  const std::uint8_t lead = text[0];
  code = lead;
  if (lead < 0x80) return 1;
  const std::size_t count = lead >= 0xc2 && lead < 0xe0   ? 2
                            : (lead & 0xf0) == 0xe0       ? 3
                            : lead >= 0xf0 && lead < 0xf5 ? 4
                                                          : 0;
  if (count == 0 || text.size() < count) return 0;
  code = lead & (0x7fu >> count);
  for (std::size_t i = 1; i < count; ++i) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3fu);
  }
  const std::uint32_t least = count == 2 ? 0x80 : count == 3 ? 0x800 : 0x10000;
  return code >= least && is_scalar(code) ? count : 0;
}

void append_bytes_text(NameText& out, Bytes text) {
  for (std::size_t i = 0; i < text.size() && !out.cut();) {
    std::uint32_t code = 0;
    const std::size_t count = decode_utf8(text.subspan(i), code);
    if (count > 0)
      append_character(out, code, i == 0, i + count == text.size());
    else
      append_escape(out, text[i]);
    i += std::max<std::size_t>(count, 1);
  }
}

std::uint32_t wide_code(Bytes character) {
  std::uint32_t code = 0;
  for (const std::uint8_t byte : character) code = code << 8 | byte;
  return code;
}

// Characters of a fixed width. False, and nothing written, where they are none.
bool append_wide_text(NameText& out, Bytes text, std::size_t width) {
  if (text.size() % width != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += width)
    if (!is_scalar(wide_code(text.subspan(i, width)))) return false;
  for (std::size_t i = 0; i < text.size(); i += width)
    append_character(out, wide_code(text.subspan(i, width)), i == 0, i + width == text.size());
  return true;
}

bool is_byte_string(std::uint8_t tag) {
  constexpr std::uint8_t kNumericString = 0x12;
  constexpr std::uint8_t kPrintableString = 0x13;
  constexpr std::uint8_t kIa5String = 0x16;
  constexpr std::uint8_t kVisibleString = 0x1a;
  return tag == kDerUtf8String || tag == kDerT61String || tag == kNumericString || tag == kPrintableString ||
         tag == kIa5String || tag == kVisibleString;
}

bool append_string(NameText& out, const DerElement& value) {
  if (is_byte_string(value.tag)) {
    append_bytes_text(out, value.content);
    return true;
  }
  const std::size_t width = value.tag == kDerBmpString ? 2 : value.tag == kDerUniversalString ? 4 : 0;
  return width != 0 && append_wide_text(out, value.content, width);
}

// AttributeTypeAndValue (RFC 5280, section 4.1.2.4).
bool append_attribute(NameText& out, Bytes attribute) {
  DerReader in(attribute);
  const Bytes oid = in.next(kDerOid);
  const DerElement value = in.next();
  if (!in.ok() || in.more()) return false;
  std::string_view name;
  for (const AttributeName& known : kAttributeNames)
    if (known.oid == as_text(oid)) name = known.name;
  out.append_whole(name);
  if (name.empty() && !append_oid(out, oid)) return false;
  out.append_whole("=");
  if (!name.empty() && append_string(out, value)) return true;
  out.append_whole("#");
  for (std::size_t i = 0; i < value.whole.size() && !out.cut(); ++i) append_hex(out, value.whole[i]);
  return true;
}

// RelativeDistinguishedName: one attribute or, rarely, several.
bool append_part(NameText& out, Bytes part) {
  DerReader attributes(part);
  bool first = true;
  while (attributes.more()) {
    const Bytes attribute = attributes.next(kDerSequence);
    if (!attributes.ok()) return false;
    if (!first) out.append_whole("+");
    if (!append_attribute(out, attribute)) return false;
    first = false;
  }
  return attributes.ok() && !first;
}

}  // namespace

bool read_name(Bytes name, Certificate::NameText& text) noexcept {
  std::array<Bytes, kPartsMax> parts;
  std::size_t count = 0;
  DerReader in(name);
  for (; in.more(); ++count) parts[count % kPartsMax] = in.next(kDerSet);
  bool sound = in.ok();
  for (std::size_t i = 0; i < std::min(count, kPartsMax) && sound; ++i) {
    if (i > 0) text.append_whole(",");
    sound = append_part(text, parts[(count - 1 - i) % kPartsMax]);
  }
  if (count > kPartsMax) text.cut_off();
  return sound;
}

}  // namespace tapline
