#include "tools/os_signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "capture/base/number.hpp"
#include "capture/packet/p0f_names.hpp"

namespace tapline::tools {
namespace {

constexpr std::uint32_t kQuirkMask = (std::uint32_t{1} << kSynQuirkCount) - 1;
// What only one IP version has: a signature for both says nothing about them of the other.
constexpr std::uint32_t kIpv4Quirks = kSynDontFragment | kSynIdWithDontFragment | kSynNoId | kSynIpReserved;
constexpr std::uint32_t kIpv6Quirks = kSynFlowLabel;

Error bad_field(std::string_view name, std::string_view text) {
  return {ErrorCode::kUnsupported, fmt::format("{} '{}'", name, text)};
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint32_t> number_up_to(std::uint32_t greatest, std::string_view text) {
  const Result<std::uint64_t> number = parse_number(text, 0, greatest);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

Status append_option(std::string_view name, OptionLayout& layout) {
  for (std::uint8_t code = OptionLayout::kEnd; code < std::size(kP0fOptionNames); ++code) {
    const bool numbered = code == OptionLayout::kEnd || code == OptionLayout::kOther;
    if (!numbered && name == kP0fOptionNames[code]) {
      layout.append(static_cast<OptionLayout::Code>(code));
      return {};
    }
    std::string_view rest = name;
    if (!numbered || !take_prefix(rest, kP0fOptionNames[code])) continue;
    const auto argument = number_up_to(255, rest);
    if (!argument) break;
    layout.append(static_cast<OptionLayout::Code>(code), static_cast<std::uint8_t>(*argument));
    return {};
  }
  return bad_field("option", name);
}

}  // namespace

std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

Result<OsSignature> OsSignature::parse(std::string_view text) {
  constexpr std::size_t kFields = 8;
  std::array<std::string_view, kFields> fields;
  std::string_view rest = text;
  for (std::size_t i = 0; i < kFields; ++i) {
    const bool last = i + 1 == kFields;
    if (last != (rest.find(':') == std::string_view::npos)) return bad_field("not eight fields:", text);
    fields[i] = take_part(rest, ':');
  }
  OsSignature signature;
  TAPLINE_TRY(signature.parse_version_and_ttl(fields[0], fields[1]));
  TAPLINE_TRY(signature.parse_sizes(fields[2], fields[3], fields[4]));
  TAPLINE_TRY(signature.parse_options(fields[5]));
  TAPLINE_TRY(signature.parse_quirks(fields[6]));
  TAPLINE_TRY(signature.parse_payload(fields[7]));
  return signature;
}

// TTL: `64`, `54+10` (observed and distance), or `64-` (random up to this).
Status OsSignature::parse_version_and_ttl(std::string_view version, std::string_view ttl) {
  if (version != "*" && version != "4" && version != "6") return bad_field("version", version);
  if (version != "*") ipv6_ = version == "6";
  std::string_view rest = ttl;
  ttl_is_random_ = rest.ends_with('-');
  if (ttl_is_random_) rest.remove_suffix(1);
  const bool has_distance = rest.find('+') != std::string_view::npos;
  const auto observed = number_up_to(255, take_part(rest, '+'));
  const auto distance = has_distance ? number_up_to(255, rest) : 0;
  if (!observed || !distance || *observed + *distance == 0 || *observed + *distance > 255)
    return bad_field("TTL", ttl);
  ttl_ = static_cast<std::uint8_t>(*observed + *distance);
  return {};
}

Status OsSignature::parse_sizes(std::string_view ip_options, std::string_view mss,
                                std::string_view window_and_scale) {
  const auto bytes = number_up_to(255, ip_options);
  if (!bytes) return bad_field("length of IP options", ip_options);
  ip_options_bytes_ = static_cast<std::uint8_t>(*bytes);
  if (mss != "*") {
    const auto number = number_up_to(65535, mss);
    if (!number) return bad_field("MSS", mss);
    mss_ = static_cast<std::uint16_t>(*number);
  }
  std::string_view scale = window_and_scale;
  TAPLINE_TRY(parse_window(take_part(scale, ',')));
  if (scale == "*") return {};
  const auto number = number_up_to(255, scale);
  if (!number) return bad_field("window and scale", window_and_scale);
  scale_ = static_cast<std::uint8_t>(*number);
  return {};
}

Status OsSignature::parse_window(std::string_view text) {
  if (text == "*") return {};
  std::string_view rest = text;
  window_ = Window::kValue;
  if (take_prefix(rest, "mss*")) window_ = Window::kMss;
  if (take_prefix(rest, "mtu*")) window_ = Window::kMtu;
  if (take_prefix(rest, "%")) window_ = Window::kModulo;
  const auto number = number_up_to(65535, rest);
  if (!number || (window_ != Window::kValue && *number == 0)) return bad_field("window", text);
  window_number_ = static_cast<std::uint16_t>(*number);
  return {};
}

Status OsSignature::parse_options(std::string_view text) {
  while (!text.empty()) TAPLINE_TRY(append_option(take_part(text, ','), options_));
  return {};
}

Status OsSignature::parse_quirks(std::string_view text) {
  while (!text.empty()) {
    const std::string_view name = take_part(text, ',');
    const auto* const found = std::find(std::begin(kP0fQuirkNames), std::end(kP0fQuirkNames), name);
    if (found == std::end(kP0fQuirkNames)) return bad_field("quirk", name);
    quirks_ |= std::uint32_t{1} << (found - std::begin(kP0fQuirkNames));
  }
  return {};
}

Status OsSignature::parse_payload(std::string_view text) {
  if (text != "*" && text != "0" && text != "+") return bad_field("payload class", text);
  if (text != "*") payload_ = text == "+";
  return {};
}

OsMatch OsSignature::match(const SynSignature& signature,
                           const std::optional<WindowMultiple>& multiple) const {
  if (ipv6_ && *ipv6_ != signature.has(kSynIpv6)) return OsMatch::kNone;
  if (!(options_ == signature.options) || ip_options_bytes_ != signature.ip_options_bytes)
    return OsMatch::kNone;
  if ((mss_ && *mss_ != signature.mss) || (scale_ && *scale_ != signature.window_scale) ||
      (payload_ && *payload_ != signature.has(kSynPayload)))
    return OsMatch::kNone;
  if (!matches_window(signature, multiple)) return OsMatch::kNone;
  return std::min(match_quirks(signature), match_ttl(signature.ttl));
}

bool OsSignature::matches_window(const SynSignature& signature,
                                 const std::optional<WindowMultiple>& multiple) const {
  const auto is_multiple_of = [&](WindowMultiple::Unit unit) {
    return multiple && multiple->unit == unit && multiple->factor == window_number_;
  };
  switch (window_) {
    case Window::kAny:
      return true;
    case Window::kValue:
      return signature.window == window_number_;
    case Window::kModulo:
      return signature.window % window_number_ == 0;
    case Window::kMss:
      return is_multiple_of(WindowMultiple::kMss);
    case Window::kMtu:
      return is_multiple_of(WindowMultiple::kMtu);
  }
  return false;
}

OsMatch OsSignature::match_quirks(const SynSignature& signature) const {
  constexpr std::uint32_t kMayDisappear = kSynDontFragment | kSynIdWithDontFragment;
  constexpr std::uint32_t kMayAppear = kSynNoId | kSynEcn;
  const std::uint32_t seen = signature.flags & kQuirkMask;
  const std::uint32_t expected =
      ipv6_ ? quirks_ : quirks_ & ~(signature.has(kSynIpv6) ? kIpv4Quirks : kIpv6Quirks);
  if (seen == expected) return OsMatch::kExact;
  const bool possible = (expected & ~seen & ~kMayDisappear) == 0 && (seen & ~expected & ~kMayAppear) == 0;
  return possible ? OsMatch::kFuzzy : OsMatch::kNone;
}

OsMatch OsSignature::match_ttl(std::uint8_t ttl) const {
  constexpr std::uint8_t kHopsMax = 35;
  if (ttl_is_random_) return ttl <= ttl_ ? OsMatch::kExact : OsMatch::kNone;
  return ttl <= ttl_ && ttl_ - ttl <= kHopsMax ? OsMatch::kExact : OsMatch::kFuzzy;
}

}  // namespace tapline::tools
