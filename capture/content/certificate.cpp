#include "capture/content/certificate.hpp"

#include <algorithm>

#include "capture/content/certificate_name.hpp"
#include "capture/content/der.hpp"
#include "capture/content/tls_reader.hpp"

namespace tapline {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

// Days since 1970 of a date in the proleptic Gregorian calendar, from 0000 on.
std::int64_t days_since_1970(int year, int month, int day) {
  const int shifted_year = month <= 2 ? year - 1 : year;  // years that begin in March end with the leap day
  const int shifted_month = month <= 2 ? month + 9 : month - 3;
  const int leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
  constexpr std::int64_t kDaysFrom0000To1970 = 719'469;  // from 0000-03-00
  return std::int64_t{365} * shifted_year + leap_days + (153 * shifted_month + 2) / 5 + day -
         kDaysFrom0000To1970;
}

int days_of_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Pairs of digits; -1 once one is not.
class DigitPairs {
 public:
  explicit DigitPairs(Bytes text) : rest_(text) {}
  int next() {
    if (rest_.size() < 2 || !is_digit(rest_[0]) || !is_digit(rest_[1])) {
      rest_ = {};
      return -1;
    }
    const int value = (rest_[0] - '0') * 10 + (rest_[1] - '0');
    rest_ = rest_.subspan(2);
    return value;
  }
  Bytes rest() const { return rest_; }

 private:
  static bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }
  Bytes rest_;
};

// RFC 5280, section 4.1.2.5: YYMMDDHHMMSSZ up to 2049, YYYYMMDDHHMMSSZ from 2050 on. Old makers left out the
// seconds of the first form, which DER did not forbid before 1997.
std::optional<std::int64_t> read_time(const DerElement& time) {
  if (time.tag != kDerUtcTime && time.tag != kDerGeneralizedTime) return std::nullopt;
  DigitPairs pairs(time.content);
  int year = pairs.next();
  if (time.tag == kDerGeneralizedTime)
    year = year * 100 + pairs.next();
  else if (year >= 0)
    year += year < 50 ? 2000 : 1900;
  const int month = pairs.next();
  const int day = pairs.next();
  const int hour = pairs.next();
  const int minute = pairs.next();
  const bool no_seconds = time.tag == kDerUtcTime && pairs.rest().size() == 1;
  const int second = no_seconds ? 0 : pairs.next();
  const bool ends = pairs.rest().size() == 1 && pairs.rest()[0] == 'Z';
  if (!ends || year < 0 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
      hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  return days_since_1970(year, month, day) * kSecondsPerDay + hour * 3'600 + minute * 60 + second;
}

void read_serial(Bytes integer, Certificate& certificate) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  if (integer.size() > 1 && integer[0] == 0) integer = integer.subspan(1);
  for (const std::uint8_t byte : integer) {
    const char digits[] = {kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    certificate.serial_hex.append_whole({digits, sizeof digits});
    if (certificate.serial_hex.cut()) return;
  }
}

// GeneralNames (RFC 5280, section 4.2.1.6).
bool read_alternative_names(Bytes value, Certificate& certificate) {
  constexpr std::uint8_t kDnsName = kDerContext | 2;
  DerReader outer(value);
  DerReader names(outer.next(kDerSequence));
  while (outer.ok() && names.more()) {
    const DerElement name = names.next();
    if (names.ok() && name.tag == kDnsName) certificate.dns_names.add(as_text(name.content));
  }
  return outer.ok() && !outer.more() && names.ok();
}

// Extensions (RFC 5280, section 4.1.2.9): an OID, perhaps "critical", and DER in an octet string.
bool read_extensions(Bytes list, Certificate& certificate) {
  constexpr std::string_view kSubjectAltName{"\x55\x1d\x11", 3};
  DerReader extensions(list);
  while (extensions.more()) {
    DerReader extension(extensions.next(kDerSequence));
    const Bytes oid = extension.next(kDerOid);
    if (extension.at(kDerBoolean)) extension.next();
    const Bytes value = extension.next(kDerOctetString);
    if (!extensions.ok() || !extension.ok()) return false;
    if (as_text(oid) == kSubjectAltName && !read_alternative_names(value, certificate)) return false;
  }
  return extensions.ok();
}

// What may follow the public key: two unique identifiers, which nobody uses, and the extensions.
bool read_trailer(DerReader& in, Certificate& certificate) {
  constexpr std::uint8_t kExtensions = kDerContext | kDerConstructed | 3;
  bool sound = true;
  while (in.more()) {
    const DerElement element = in.next();
    if (!in.ok() || element.tag != kExtensions) continue;
    DerReader wrapper(element.content);
    const Bytes list = wrapper.next(kDerSequence);
    sound = wrapper.ok() && read_extensions(list, certificate) && sound;
  }
  return in.ok() && sound;
}

// TBSCertificate (RFC 5280, section 4.1.2).
bool read_signed_part(Bytes content, Certificate& certificate) {
  constexpr std::uint8_t kVersion = kDerContext | kDerConstructed | 0;
  DerReader in(content);
  if (in.at(kVersion)) in.next();
  const Bytes serial = in.next(kDerInteger);
  in.next(kDerSequence);  // the signature's algorithm
  const Bytes issuer = in.next(kDerSequence);
  DerReader validity(in.next(kDerSequence));
  const Bytes subject = in.next(kDerSequence);
  in.next(kDerSequence);  // the public key
  if (!in.ok()) return false;

  read_serial(serial, certificate);
  certificate.not_before_s = read_time(validity.next());
  certificate.not_after_s = read_time(validity.next());
  const bool issuer_sound = read_name(issuer, certificate.issuer);
  const bool subject_sound = read_name(subject, certificate.subject);
  const bool trailer_sound = read_trailer(in, certificate);
  certificate.odd_field = !issuer_sound || !subject_sound || !trailer_sound || serial.empty() ||
                          !certificate.not_before_s || !certificate.not_after_s;
  return true;
}

}  // namespace

CertificateStatus read_certificate(Bytes der, Certificate& certificate) noexcept {
  certificate = {};
  certificate.der_bytes = static_cast<std::uint32_t>(der.size());
  certificate.sha256 = sha256(der);
  DerReader outer(der);
  DerReader in(outer.next(kDerSequence));
  const Bytes signed_part = in.next(kDerSequence);
  in.next(kDerSequence);  // the signature's algorithm and the signature
  in.next();
  if (!outer.ok() || outer.more() || !in.ok() || in.more()) return CertificateStatus::kMalformed;
  return read_signed_part(signed_part, certificate) ? CertificateStatus::kOk : CertificateStatus::kMalformed;
}

CertificateStatus read_tls_certificate(Bytes body, Certificate& certificate) noexcept {
  certificate = {};
  TlsReader in(body);
  const Bytes list = in.vector24();
  if (!in.ok() || in.remaining() != 0) return CertificateStatus::kMalformed;
  if (list.empty()) return CertificateStatus::kNone;
  TlsReader certificates(list);
  const Bytes first = certificates.vector24();
  if (!certificates.ok() || first.empty()) return CertificateStatus::kMalformed;
  return read_certificate(first, certificate);
}

}  // namespace tapline
