#pragma once
// OsSignature: one `sig` line of p0f.fp about SYNs or SYN+ACKs. Format and rules: p0f's README, section 5.

#include <optional>
#include <string_view>

#include "capture/base/result.hpp"
#include "capture/packet/syn_signature.hpp"
#include "capture/packet/window_multiple.hpp"

namespace tapline::tools {

enum class OsMatch : std::uint8_t { kNone, kFuzzy, kExact };

class OsSignature {
 public:
  /// `ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass`. kUnsupported names the field.
  static Result<OsSignature> parse(std::string_view text);

  /// `multiple`: window_multiple() of the signature. kFuzzy: but for a quirk that may come or go on the way
  /// (df and id+ may be missing; id- and ecn may be added), or for a TTL from further off than any path.
  OsMatch match(const SynSignature& signature, const std::optional<WindowMultiple>& multiple) const;

 private:
  enum class Window : std::uint8_t { kAny, kValue, kMss, kMtu, kModulo };

  Status parse_version_and_ttl(std::string_view version, std::string_view ttl);
  Status parse_sizes(std::string_view ip_options, std::string_view mss, std::string_view window_and_scale);
  Status parse_window(std::string_view text);
  Status parse_options(std::string_view text);
  Status parse_quirks(std::string_view text);
  Status parse_payload(std::string_view text);
  bool matches_window(const SynSignature& signature, const std::optional<WindowMultiple>& multiple) const;
  OsMatch match_quirks(const SynSignature& signature) const;
  OsMatch match_ttl(std::uint8_t ttl) const;

  std::optional<bool> ipv6_;
  std::optional<std::uint16_t> mss_;
  std::optional<std::uint8_t> scale_;
  std::optional<bool> payload_;
  Window window_ = Window::kAny;
  std::uint16_t window_number_ = 0;
  std::uint8_t ttl_ = 0;  // as sent; a random one: the greatest
  bool ttl_is_random_ = false;
  std::uint8_t ip_options_bytes_ = 0;
  OptionLayout options_;
  std::uint32_t quirks_ = 0;
};

/// The text up to the first `separator`, which is taken away with it.
std::string_view take_part(std::string_view& text, char separator);

}  // namespace tapline::tools
