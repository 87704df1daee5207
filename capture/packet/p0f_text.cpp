// What p0f 3 prints of a signature.

#include <optional>
#include <string_view>

#include "capture/packet/syn_signature.hpp"

namespace tapline {
namespace {

constexpr std::uint32_t kIpv4HeaderBytes = 20;
constexpr std::uint32_t kIpv6HeaderBytes = 40;
constexpr std::uint32_t kTcpHeaderBytes = 20;
constexpr std::uint32_t kEthernetMtu = 1500;

constexpr std::string_view kQuirkNames[kSynQuirkCount] = {"df",   "id+",  "id-",  "ecn",   "0+",    "flow",
                                                          "seq-", "ack+", "ack-", "uptr+", "urgf+", "pushf+",
                                                          "ts1-", "ts2+", "opt+", "exws",  "bad"};

/// A window as a multiple of what its sender may have worked it out from.
struct WindowMultiple {
  const char* unit;
  std::uint32_t factor;
};

/// Tries divisors one after the other; the first one that leaves no rest is it.
class WindowDivider {
 public:
  explicit WindowDivider(std::uint32_t window) : window_(window) {}

  WindowDivider& by(const char* unit, std::uint32_t divisor) {
    if (!found_ && divisor != 0 && window_ % divisor == 0) found_ = WindowMultiple{unit, window_ / divisor};
    return *this;
  }
  const std::optional<WindowMultiple>& found() const { return found_; }

 private:
  std::uint32_t window_;
  std::optional<WindowMultiple> found_;
};

// What p0f 3.09b takes for a multiple, in this order, found by having it look at all windows of many headers:
// the segment size, with and without timestamps; that of Ethernet; the MTU, with the least and the actual
// headers; that of Ethernet; the segment size that the other side named.
std::optional<WindowMultiple> window_multiple(const SynSignature& signature, const SynSignature* syn) {
  constexpr std::uint32_t kMssMin = 100;
  constexpr std::uint32_t kTimestampsBytes = 12;
  constexpr std::uint32_t kMss4 = kEthernetMtu - kIpv4HeaderBytes - kTcpHeaderBytes;
  constexpr std::uint32_t kMss6 = kEthernetMtu - kIpv6HeaderBytes - kTcpHeaderBytes;
  const std::uint32_t mss = signature.mss;
  if (signature.window == 0 || mss < kMssMin) return std::nullopt;
  const bool ipv6 = signature.has(kSynIpv6);
  const std::uint32_t ip_bytes = ipv6 ? kIpv6HeaderBytes : kIpv4HeaderBytes + signature.ip_options_bytes;

  WindowDivider window(signature.window);
  window.by("mss", mss);
  if (signature.has(kSynTimestamp)) window.by("mss", mss - kTimestampsBytes);
  window.by("mss", kMss4).by("mss", kMss4 - kTimestampsBytes);
  if (ipv6) window.by("mss", kMss6).by("mss", kMss6 - kTimestampsBytes);
  window.by("mtu", mss + kIpv4HeaderBytes + kTcpHeaderBytes);
  window.by("mtu", mss + ip_bytes + signature.tcp_header_bytes);
  if (ipv6) window.by("mtu", mss + kIpv6HeaderBytes + kTcpHeaderBytes);
  window.by("mtu", kEthernetMtu);
  if (syn != nullptr && syn->mss > kTimestampsBytes)
    window.by("mss", syn->mss).by("mss", syn->mss - kTimestampsBytes);
  return window.found();
}

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
    text += kQuirkNames[i];
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
  text += multiple ? std::string(multiple->unit) + '*' + std::to_string(multiple->factor)
                   : std::to_string(signature.window);
  text += ',' + std::to_string(signature.window_scale) + ':' + signature.options.text() + ':';
  text += quirks_text(signature);
  text += signature.has(kSynPayload) ? ":+" : ":0";
  return text;
}

}  // namespace tapline
