#pragma once
// Frame: the bytes of one frame from the wire, as captured. A view: the source owns the bytes, and they stay
// valid until its next poll(). Everything downstream passes spans of at most kBurstFramesMax frames.

#include <cstdint>

#include "capture/base/time.hpp"

namespace tapline {

inline constexpr std::uint32_t kBurstFramesMax = 64;
/// Longest stored frame; what exceeds it is cut and counted (tcpdump's and libpcap's limit, too).
inline constexpr std::uint32_t kFrameBytesMax = 262'144;

/// Link-layer types (LINKTYPE_ values of tcpdump.org/linktypes.html) that are decoded. Others are stored and
/// counted.
enum LinkType : std::uint16_t {
  kLinkNull = 0,
  kLinkEthernet = 1,
  kLinkPpp = 9,
  kLinkFddi = 10,
  kLinkRawBsd = 12,   // kLinkRaw by its number in the BSDs' kernels, seen within PPI and PKTAP
  kLinkPppHdlc = 50,  // PPP or Cisco HDLC
  kLinkRaw = 101,     // raw IP, version from the first nibble
  kLinkCiscoHdlc = 104,
  kLinkWifi = 105,  // IEEE 802.11
  kLinkFrameRelay = 107,
  kLinkLoop = 108,          // OpenBSD loopback: kLinkNull with the family in network order
  kLinkLinuxSll = 113,      // Linux cooked v1
  kLinkWifiPrism = 119,     // 802.11 behind a header of Prism cards, or of AVS
  kLinkWifiRadiotap = 127,  // 802.11 behind radiotap
  kLinkArcnetLinux = 129,
  kLinkWifiAvs = 163,  // 802.11 behind AVS
  kLinkPpi = 192,      // Per-Packet Information, then another of these
  kLinkIpnet = 226,    // Solaris
  kLinkIpv4 = 228,
  kLinkIpv6 = 229,
  kLinkNflog = 239,       // Linux netfilter
  kLinkInfiniband = 242,  // IP over InfiniBand
  kLinkPktap = 258,       // macOS: the interface and process, then another of these
  kLinkLinuxSll2 = 276,   // Linux cooked v2
};

/// Where a frame stands among all frames of its source: the running maximum of capture time, and how many
/// frames came before it while that maximum held (beyond 2^32 of them: order_stamper.hpp). Unique within a
/// source; given before frames are distributed to workers.
struct OrderKey {
  TimeNs time_ns = 0;
  std::uint32_t count = 0;

  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
};

struct Frame {
  const std::uint8_t* data = nullptr;
  TimeNs time_ns = 0;                // capture time, never altered
  std::uint32_t captured_bytes = 0;  // bytes at data
  // Length on the wire, as the source says; may even be less than captured (kept).
  std::uint32_t wire_bytes = 0;
  std::uint16_t link_type = kLinkEthernet;
  std::uint16_t port = 0;       // interface of the source
  bool checksums_open = false;  // sent by the capturing host, whose network card computes them later
  OrderKey order;
};

}  // namespace tapline
