#include "capture/packet/window_multiple.hpp"

#include "capture/packet/header_bytes.hpp"

namespace tapline {
namespace {

constexpr std::uint32_t kEthernetMtu = 1500;

/// Tries divisors one after the other; the first one that leaves no rest is it.
class WindowDivider {
 public:
  explicit WindowDivider(std::uint32_t window) : window_(window) {}

  WindowDivider& by(WindowMultiple::Unit unit, std::uint32_t divisor) {
    if (!found_ && divisor != 0 && window_ % divisor == 0) found_ = WindowMultiple{unit, window_ / divisor};
    return *this;
  }
  const std::optional<WindowMultiple>& found() const { return found_; }

 private:
  std::uint32_t window_;
  std::optional<WindowMultiple> found_;
};

}  // namespace

// What p0f 3.09b takes for a multiple, in this order, found by having it look at all windows of many headers:
// the segment size, with and without timestamps; that of Ethernet; the MTU, with the least and the actual
// headers; that of Ethernet; the segment size that the other side named.
std::optional<WindowMultiple> window_multiple(const SynSignature& signature, const SynSignature* syn) {
  constexpr std::uint32_t kMssMin = 100;
  constexpr std::uint32_t kTimestampsBytes = 12;
  constexpr std::uint32_t kMss4 = kEthernetMtu - kIpv4FixedBytes - kTcpFixedBytes;
  constexpr std::uint32_t kMss6 = kEthernetMtu - kIpv6FixedBytes - kTcpFixedBytes;
  using enum WindowMultiple::Unit;
  const std::uint32_t mss = signature.mss;
  if (signature.window == 0 || mss < kMssMin) return std::nullopt;
  const bool ipv6 = signature.has(kSynIpv6);
  const std::uint32_t ip_bytes = ipv6 ? kIpv6FixedBytes : kIpv4FixedBytes + signature.ip_options_bytes;

  WindowDivider window(signature.window);
  window.by(kMss, mss);
  if (signature.has(kSynTimestamp)) window.by(kMss, mss - kTimestampsBytes);
  window.by(kMss, kMss4).by(kMss, kMss4 - kTimestampsBytes);
  if (ipv6) window.by(kMss, kMss6).by(kMss, kMss6 - kTimestampsBytes);
  window.by(kMtu, mss + kIpv4FixedBytes + kTcpFixedBytes);
  window.by(kMtu, mss + ip_bytes + signature.tcp_header_bytes);
  if (ipv6) window.by(kMtu, mss + kIpv6FixedBytes + kTcpFixedBytes);
  window.by(kMtu, kEthernetMtu);
  if (syn != nullptr && syn->mss > kTimestampsBytes)
    window.by(kMss, syn->mss).by(kMss, syn->mss - kTimestampsBytes);
  return window.found();
}

}  // namespace tapline
