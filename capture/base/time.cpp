#include "capture/base/time.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <limits>
#include <optional>

namespace tapline {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

struct Civil {
  std::int64_t year;
  unsigned month;  // 1..12
  unsigned day;    // 1..31
};

// Days are counted from 1970-01-01 in the proleptic Gregorian calendar. Both conversions count in years that
// begin on 1 March, so that the leap day comes last, and in eras of 400 years, which all have the same length
// (the method is Howard Hinnant's, "chrono-compatible low-level date algorithms"). No C library: timegm
// depends on the platform, and locale and TZ have no say in a capture time.
constexpr std::int64_t kDaysPerEra = 146'097;
constexpr std::int64_t kDaysFromEraToEpoch = 719'468;  // 0000-03-01 to 1970-01-01

constexpr std::int64_t days_from_civil(const Civil& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kDaysFromEraToEpoch;
}

constexpr Civil civil_from_days(std::int64_t days) {
  days += kDaysFromEraToEpoch;
  const std::int64_t era = (days >= 0 ? days : days - (kDaysPerEra - 1)) / kDaysPerEra;
  const std::int64_t day_of_era = days - era * kDaysPerEra;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month =
      static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}
static_assert(days_from_civil({1970, 1, 1}) == 0 && days_from_civil({2000, 3, 1}) == 11'017);
static_assert(civil_from_days(-1).year == 1969 && civil_from_days(11'016).day == 29);

constexpr unsigned days_of_month(std::int64_t year, unsigned month) {
  constexpr std::array<std::uint8_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

struct Moment {
  Civil date;
  unsigned hour, minute, second;
  std::uint32_t rest_ns;
};

Moment split(TimeNs time_ns) {
  const std::int64_t seconds = floor_seconds(time_ns);
  const std::int64_t days = (seconds >= 0 ? seconds : seconds - (kSecondsPerDay - 1)) / kSecondsPerDay;
  const auto of_day = static_cast<unsigned>(seconds - days * kSecondsPerDay);
  return {civil_from_days(days), of_day / 3'600, of_day / 60 % 60, of_day % 60, second_rest_ns(time_ns)};
}

/// Nothing where the instant lies outside of TimeNs (1677-09-21 to 2262-04-11).
std::optional<TimeNs> join_ns(std::int64_t seconds, std::int64_t rest_ns) {
  if (seconds < 0 && rest_ns > 0) {  // so that the product stays in range next to the lower limit
    ++seconds;
    rest_ns -= kNsPerSecond;
  }
  TimeNs time_ns = 0;
  if (__builtin_mul_overflow(seconds, kNsPerSecond, &time_ns)) return std::nullopt;
  if (__builtin_add_overflow(time_ns, rest_ns, &time_ns)) return std::nullopt;
  return time_ns;
}

/// A cursor over text; every step says whether it found what it asked for.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view wanted) {
    if (rest_.empty() || wanted.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `count` digits.
  bool number(std::size_t count, unsigned& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return false;
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  /// One or more digits; false where they exceed 64 bits.
  bool number(std::int64_t& value) {
    if (rest_.empty() || !is_digit(rest_.front())) return false;
    value = 0;
    while (!rest_.empty() && is_digit(rest_.front())) {
      if (__builtin_mul_overflow(value, std::int64_t{10}, &value)) return false;
      if (__builtin_add_overflow(value, std::int64_t{rest_.front() - '0'}, &value)) return false;
      rest_.remove_prefix(1);
    }
    return true;
  }
  /// 1 to 9 digits after a point, as billionths. More digits are refused: dropping them would alter a time.
  bool billionths(std::uint32_t& value) {
    value = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      if (digits == 9) return false;
      value = value * 10 + static_cast<std::uint32_t>(rest_[digits] - '0');
    }
    rest_.remove_prefix(digits);
    for (std::size_t i = digits; i < 9; ++i) value *= 10;
    return digits > 0;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::string_view rest_;
};

/// `leap_second`: whether a second of 60 is accepted, as RFC 3339 (5.7) writes one; it means the second after
/// :59.
std::optional<TimeNs> join(const Moment& at, std::int64_t zone_seconds, bool leap_second) {
  const Civil& date = at.date;
  if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > days_of_month(date.year, date.month)) {
    return std::nullopt;
  }
  if (at.hour > 23 || at.minute > 59 || at.second > (leap_second ? 60U : 59U)) return std::nullopt;
  const std::int64_t of_day = std::int64_t{at.hour} * 3'600 + at.minute * 60 + at.second;
  return join_ns(days_from_civil(date) * kSecondsPerDay + of_day - zone_seconds, at.rest_ns);
}

/// `Z`, `+hh:mm` or `+hhmm`; nothing is UTC.
bool scan_zone(Scanner& scan, std::int64_t& zone_seconds) {
  zone_seconds = 0;
  if (scan.done() || scan.take_any("Zz")) return true;
  const bool west = scan.take('-');
  if (!west && !scan.take('+')) return false;
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!scan.number(2, hours)) return false;
  scan.take(':');
  if (!scan.number(2, minutes) || hours > 23 || minutes > 59) return false;
  zone_seconds = std::int64_t{hours} * 3'600 + minutes * 60;
  if (west) zone_seconds = -zone_seconds;
  return true;
}

std::optional<TimeNs> parse_calendar(std::string_view text) {
  Scanner scan(text);
  Moment at{};
  unsigned year = 0;
  if (!scan.number(4, year) || !scan.take('-') || !scan.number(2, at.date.month) || !scan.take('-') ||
      !scan.number(2, at.date.day)) {
    return std::nullopt;
  }
  at.date.year = year;
  std::int64_t zone_seconds = 0;
  if (!scan.done()) {
    if (!scan.take_any("Tt ") || !scan.number(2, at.hour) || !scan.take(':') || !scan.number(2, at.minute)) {
      return std::nullopt;
    }
    if (scan.take(':')) {
      if (!scan.number(2, at.second)) return std::nullopt;
      if (scan.take('.') && !scan.billionths(at.rest_ns)) return std::nullopt;
    }
    if (!scan_zone(scan, zone_seconds) || !scan.done()) return std::nullopt;
  }
  return join(at, zone_seconds, true);
}

/// `1767225600.5`, and before 1970 `-0.25`.
std::optional<TimeNs> parse_epoch(std::string_view text) {
  Scanner scan(text);
  const bool negative = scan.take('-');
  std::int64_t seconds = 0;
  std::uint32_t rest_ns = 0;
  if (!scan.number(seconds)) return std::nullopt;
  if (scan.take('.') && !scan.billionths(rest_ns)) return std::nullopt;
  if (!scan.done()) return std::nullopt;
  return negative ? join_ns(-seconds, -std::int64_t{rest_ns}) : join_ns(seconds, rest_ns);
}

std::optional<std::int64_t> unit_ns(std::string_view unit) {
  struct Unit {
    std::string_view name;
    std::int64_t ns;
  };
  static constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                                  {"us", 1'000},
                                                  {"ms", kNsPerMillisecond},
                                                  {"s", kNsPerSecond},
                                                  {"m", 60 * kNsPerSecond},
                                                  {"h", 3'600 * kNsPerSecond},
                                                  {"d", kSecondsPerDay * kNsPerSecond},
                                                  {"w", 7 * kSecondsPerDay * kNsPerSecond}}};
  for (const Unit& known : kUnits) {
    if (known.name == unit) return known.ns;
  }
  return std::nullopt;
}

std::optional<TimeNs> parse_span(std::string_view text) {
  Scanner scan(text);
  std::int64_t whole = 0;
  std::uint32_t billionths = 0;
  if (!scan.number(whole)) return std::nullopt;
  if (scan.take('.') && !scan.billionths(billionths)) return std::nullopt;
  const std::optional<std::int64_t> unit = unit_ns(scan.rest());
  if (!unit) return std::nullopt;
  // A unit is at most 6.05e14 ns, so part is at most 6.05e14, too: by quotient and rest, nothing overflows.
  const std::int64_t part =
      *unit / kNsPerSecond * billionths + *unit % kNsPerSecond * billionths / kNsPerSecond;
  TimeNs span = 0;
  if (__builtin_mul_overflow(whole, *unit, &span) || __builtin_add_overflow(span, part, &span)) {
    return std::nullopt;
  }
  return span;
}

}  // namespace

std::string format_rfc3339(TimeNs time_ns) {
  const Moment at = split(time_ns);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", at.date.year, at.date.month, at.date.day,
                     at.hour, at.minute, at.second, at.rest_ns);
}

std::string format_compact(TimeNs time_ns) {
  const Moment at = split(time_ns);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}.{:09}Z", at.date.year, at.date.month, at.date.day,
                     at.hour, at.minute, at.second, at.rest_ns);
}

Result<TimeNs> parse_compact(std::string_view text) {
  Scanner scan(text);
  Moment at{};
  unsigned year = 0;
  const bool shape = scan.number(4, year) && scan.number(2, at.date.month) && scan.number(2, at.date.day) &&
                     scan.take('T') && scan.number(2, at.hour) && scan.number(2, at.minute) &&
                     scan.number(2, at.second) && scan.take('.') && scan.number(9, at.rest_ns) &&
                     scan.take('Z') && scan.done();
  at.date.year = year;
  if (shape) {
    if (const std::optional<TimeNs> time_ns = join(at, 0, false)) return *time_ns;
  }
  return Error{ErrorCode::kInvalid, fmt::format("'{}' is not a time like 20260101T000000.000000000Z", text)};
}

Result<TimeNs> parse_time(std::string_view text, TimeNs now_ns) {
  if (text == "now") return now_ns;
  std::optional<TimeNs> time_ns = parse_calendar(text);
  if (!time_ns) time_ns = parse_epoch(text);
  if (!time_ns && text.starts_with('-')) {
    TimeNs before = 0;
    const std::optional<TimeNs> span = parse_span(text.substr(1));
    if (span && !__builtin_sub_overflow(now_ns, *span, &before)) time_ns = before;
  }
  if (time_ns) return *time_ns;
  return Error{
      ErrorCode::kInvalid,
      fmt::format("'{}' is not a time: use 2026-01-31, 2026-01-31T12:00:00.5+01:00, seconds since 1970, "
                  "-3h or now (years 1678 to 2261)",
                  text)};
}

Result<TimeNs> parse_duration(std::string_view text) {
  if (const std::optional<TimeNs> span = parse_span(text)) return *span;
  return Error{
      ErrorCode::kInvalid,
      fmt::format("'{}' is not a duration: use a number with ns, us, ms, s, m, h, d or w, like 500ms", text)};
}

TimeNs wall_clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

TimeNs steady_clock_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace tapline
