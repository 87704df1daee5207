// What p0f 3 prints of a signature.

#include "capture/packet/p0f_names.hpp"
#include "capture/packet/window_multiple.hpp"

namespace tapline {
namespace {

// Systems begin at 32, 64, 128 or 255; what has come further than any path on the Internet is not guessed.
std::string ttl_text(std::uint32_t ttl) {
  constexpr std::uint32_t kHopsMax = 35;
  const std::uint32_t initial = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
  const std::uint32_t hops = initial - ttl;
  return std::to_string(ttl) + '+' + (hops > kHopsMax ? "?" : std::to_string(hops));
}

std::string quirks_text(const SynSignature& signature) {
  std::string text;
  for (int i = 0; i < kSynQuirkCount; ++i) {
    if ((signature.flags >> i & 1) == 0) continue;
    if (!text.empty()) text += ',';
    text += kP0fQuirkNames[i];
  }
  return text;
}

}  // namespace

std::string p0f_text(const SynSignature& signature, const SynSignature* syn) {
  if (!signature.exists()) return {};
  const std::optional<WindowMultiple> multiple = window_multiple(signature, syn);
  std::string text = signature.has(kSynIpv6) ? "6:" : "4:";
  text += ttl_text(signature.ttl) + ':' + std::to_string(signature.ip_options_bytes) + ':';
  text += std::to_string(signature.mss) + ':';
  text += multiple
              ? (multiple->unit == WindowMultiple::kMss ? "mss*" : "mtu*") + std::to_string(multiple->factor)
              : std::to_string(signature.window);
  text += ',' + std::to_string(signature.window_scale) + ':' + signature.options.text() + ':';
  text += quirks_text(signature);
  text += signature.has(kSynPayload) ? ":+" : ":0";
  return text;
}

}  // namespace tapline
