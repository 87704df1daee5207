#pragma once
// Capture time: nanoseconds since 1970-01-01T00:00:00Z, signed, so that odd clocks (1970, before it) survive.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"

namespace tapline {

using TimeNs = std::int64_t;

inline constexpr TimeNs kNsPerSecond = 1'000'000'000;
inline constexpr TimeNs kNsPerMillisecond = 1'000'000;

/// Rounds towards minus infinity, so that the nanosecond rest is always 0..999,999,999.
constexpr std::int64_t floor_seconds(TimeNs time_ns) {
  return time_ns / kNsPerSecond - (time_ns % kNsPerSecond < 0 ? 1 : 0);
}
constexpr std::uint32_t second_rest_ns(TimeNs time_ns) {
  // Not time_ns - floor_seconds * kNsPerSecond: that product does not fit next to INT64_MIN.
  const std::int64_t rest = time_ns % kNsPerSecond;
  return static_cast<std::uint32_t>(rest < 0 ? rest + kNsPerSecond : rest);
}

/// First and last nanosecond of a second, within what TimeNs can say.
constexpr TimeNs first_ns_of(std::int64_t second) {
  constexpr std::int64_t kSecondMax = std::numeric_limits<TimeNs>::max() / kNsPerSecond;
  return std::clamp(second, -kSecondMax, kSecondMax) * kNsPerSecond;
}
constexpr TimeNs last_ns_of(std::int64_t second) {
  constexpr TimeNs kLast = std::numeric_limits<TimeNs>::max();
  const TimeNs first_ns = first_ns_of(second);
  return first_ns > kLast - kNsPerSecond ? kLast : first_ns + kNsPerSecond - 1;
}

/// RFC 3339 in UTC with nanoseconds: `2026-01-01T00:00:00.000619000Z`.
std::string format_rfc3339(TimeNs time_ns);

/// The same without separators, for file names; sorts by time within the years 0001 to 9999:
/// `20260101T000000.000619000Z`.
std::string format_compact(TimeNs time_ns);
/// The inverse of format_compact; kInvalid where `text` is not exactly of that shape.
Result<TimeNs> parse_compact(std::string_view text);

/// What users type: RFC 3339 (date alone, or with time, fraction, zone; UTC unless a zone is given), seconds
/// since the epoch with a fraction, `now`, or `-3h` (s, m, h, d, w) relative to `now_ns`. kInvalid names the
/// text.
Result<TimeNs> parse_time(std::string_view text, TimeNs now_ns);

/// `500ms`, `30s`, `5m`, `3h`, `2d`, `1w`; a number alone is an error: units are never guessed.
Result<TimeNs> parse_duration(std::string_view text);

/// The clock, for defaults of the command line and file metadata; never for capture times of files.
TimeNs wall_clock_ns();
/// Never runs backwards and never jumps: for ages and periods. Its zero means nothing.
TimeNs steady_clock_ns();

}  // namespace tapline
