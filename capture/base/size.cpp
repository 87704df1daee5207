#include "capture/base/size.hpp"

#include <fmt/format.h>

#include <optional>

namespace tapline {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::string_view kPrefixes = "KMGTPE";

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Nothing, `B`, or a prefix with an optional `i` and an optional `B`, in any case.
std::optional<std::uint64_t> unit_bytes(std::string_view unit) {
  if (unit.empty()) return 1;
  const std::size_t power = kPrefixes.find(upper(unit.front()));
  std::uint64_t step = 1'000;
  if (power != std::string_view::npos) {
    unit.remove_prefix(1);
    if (!unit.empty() && upper(unit.front()) == 'I') {
      step = 1'024;
      unit.remove_prefix(1);
    }
  }
  if (!unit.empty() && upper(unit.front()) == 'B') unit.remove_prefix(1);
  if (!unit.empty()) return std::nullopt;
  std::uint64_t bytes = 1;
  for (std::size_t i = 0; power != std::string_view::npos && i <= power; ++i) bytes *= step;
  return bytes;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Digits from `at` on, at most 19 of them, so that 64 bits hold them; nothing where there are none or too
/// many.
std::optional<std::uint64_t> digits(std::string_view text, std::size_t& at) {
  constexpr std::size_t kDigitsMax = 19;
  const std::size_t begin = at;
  std::uint64_t value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (at - begin == kDigitsMax) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text[at] - '0');
  }
  if (at == begin) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse(std::string_view text) {
  std::size_t at = 0;
  const std::optional<std::uint64_t> whole = digits(text, at);
  if (!whole) return std::nullopt;
  std::uint64_t fraction = 0;
  std::uint64_t fraction_unit = 1;
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    const std::optional<std::uint64_t> after_point = digits(text, at);
    if (!after_point || at - begin > 9) return std::nullopt;
    fraction = *after_point;
    for (std::size_t i = begin; i < at; ++i) fraction_unit *= 10;
  }
  if (at + 1 < text.size() && text[at] == ' ') ++at;  // as format_size writes it
  const std::optional<std::uint64_t> unit = unit_bytes(text.substr(at));
  if (!unit || (fraction != 0 && *unit == 1)) return std::nullopt;
  const Uint128 bytes = Uint128{*whole} * *unit + Uint128{fraction} * *unit / fraction_unit;
  if (bytes > UINT64_MAX) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  if (const std::optional<std::uint64_t> bytes = parse(text)) return *bytes;
  return Error{
      ErrorCode::kInvalid,
      fmt::format("'{}' is not a size: use bytes, or a number with a unit like 64KiB, 1.5MB, 10G", text)};
}

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1'024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t power = 0;
  for (value /= 1'024; value >= 999.5 && power + 1 < kPrefixes.size(); ++power) value /= 1'024;
  // 1,000 to 1,023 of a unit are given as 0.977 to 0.999 of the next: always three digits.
  const int decimals = value < 0.9995 ? 3 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}iB", value, decimals, kPrefixes[power]);
}

}  // namespace tapline
