#include "capture/content/ja4.hpp"

#include <algorithm>

#include "capture/content/sha256.hpp"

namespace tapline {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

std::string_view version_text(std::uint16_t version) {
  switch (version) {
    case kTls13:
      return "13";
    case kTls12:
      return "12";
    case kTls11:
      return "11";
    case kTls10:
      return "10";
    case kSsl3:
      return "s3";
    case kSsl2:
      return "s2";
    case kDtls10:
      return "d1";
    case kDtls12:
      return "d2";
    case kDtls13:
      return "d3";
    default:
      return "00";
  }
}

void append_count(Ja4Text& text, std::uint32_t count) {
  const std::uint32_t shown = std::min(count, 99u);
  const char digits[] = {static_cast<char>('0' + shown / 10), static_cast<char>('0' + shown % 10)};
  text.append({digits, 2});
}

bool is_alphanumeric(std::uint8_t byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

// Where the first or the last byte is neither letter nor digit: the first and the last digit of the name in
// hex.
void append_alpn(Ja4Text& text, Bytes name) {
  if (name.empty()) return text.append("00");
  char shown[] = {static_cast<char>(name.front()), static_cast<char>(name.back())};
  if (!is_alphanumeric(name.front()) || !is_alphanumeric(name.back())) {
    shown[0] = kHexDigits[name.front() >> 4];
    shown[1] = kHexDigits[name.back() & 15];
  }
  text.append({shown, 2});
}

// Lists as the hashes want them: four hex digits each, commas between.
class NumberText {
 public:
  void append(std::span<const std::uint16_t> numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (i > 0) put(',');
      for (int shift = 12; shift >= 0; shift -= 4) put(kHexDigits[numbers[i] >> shift & 15]);
    }
  }
  void put(char c) { text_[bytes_++] = static_cast<std::uint8_t>(c); }
  Bytes bytes() const { return {text_.data(), bytes_}; }

 private:
  static constexpr std::size_t kBytesMax = 2 * (kJa4NumbersMax * 5) + 1;
  std::size_t bytes_ = 0;
  std::array<std::uint8_t, kBytesMax> text_;
};

void append_hash(Ja4Text& text, Bytes hashed) {
  constexpr std::size_t kBytesShown = 6;
  const Sha256Digest digest = sha256(hashed);
  for (std::size_t i = 0; i < kBytesShown; ++i) {
    const char digits[] = {kHexDigits[digest[i] >> 4], kHexDigits[digest[i] & 15]};
    text.append({digits, 2});
  }
}

// What is to be hashed of the numbers: sorted, without two of them.
std::span<const std::uint16_t> sorted_without(const Ja4Numbers& numbers, std::uint16_t one,
                                              std::uint16_t other, std::span<std::uint16_t> out) {
  std::size_t count = 0;
  for (const std::uint16_t number : numbers.view())
    if (number != one && number != other) out[count++] = number;
  std::sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
  return out.first(count);
}

constexpr std::string_view kNothingHashed = "000000000000";

void append_ciphers(Ja4Text& text, const Ja4Numbers& ciphers) {
  std::array<std::uint16_t, kJa4NumbersMax> sorted;
  std::copy(ciphers.view().begin(), ciphers.view().end(), sorted.begin());
  std::sort(sorted.begin(), sorted.begin() + ciphers.count());
  if (ciphers.count() == 0) return text.append(kNothingHashed);
  NumberText list;
  list.append({sorted.data(), ciphers.count()});
  append_hash(text, list.bytes());
}

void append_extensions(Ja4Text& text, const Ja4Input& input) {
  std::array<std::uint16_t, kJa4NumbersMax> sorted;
  const auto extensions = sorted_without(input.extensions, kTlsServerName, kTlsAlpn, sorted);
  if (extensions.empty()) return text.append(kNothingHashed);
  NumberText list;
  list.append(extensions);
  if (input.signature_algorithms.count() > 0) {
    list.put('_');
    list.append(input.signature_algorithms.view());
  }
  append_hash(text, list.bytes());
}

}  // namespace

Ja4Text ja4_text(const Ja4Input& input) noexcept {
  Ja4Text text;
  if (!input.ciphers.complete() || !input.extensions.complete() || !input.signature_algorithms.complete())
    return text;
  constexpr std::string_view kTransports = "tdq";
  text.append(kTransports.substr(static_cast<std::size_t>(input.transport), 1));
  text.append(version_text(input.version));
  text.append(input.has_server_name ? "d" : "i");
  append_count(text, input.ciphers.count());
  append_count(text, input.extensions.count());
  append_alpn(text, input.first_alpn);
  text.append("_");
  append_ciphers(text, input.ciphers);
  text.append("_");
  append_extensions(text, input);
  return text;
}

}  // namespace tapline
