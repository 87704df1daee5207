#pragma once
// SynSignature: what a SYN or SYN+ACK tells about the operating system that sent it, in 24 bytes: everything
// of which p0f 3 makes its `raw_sig`. Fields are as observed; what p0f works out from them (the distance from
// the TTL, the window as a multiple of the segment size) is worked out when it is shown. The rules are those
// of p0f's README, section 5, and of what version 3.09b prints (tests/oracle/p0f_signatures).

#include <cstdint>
#include <string>

#include "capture/packet/frame.hpp"
#include "capture/packet/option_layout.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline {

/// p0f's quirks, in the order in which it prints them, and what else is yes or no. Numbers are on disk.
enum SynFlag : std::uint32_t {
  kSynDontFragment = 1 << 0,        // df
  kSynIdWithDontFragment = 1 << 1,  // id+: although DF is set
  kSynNoId = 1 << 2,                // id-: although DF is not set
  kSynEcn = 1 << 3,                 // ecn: in the IP or the TCP header
  kSynIpReserved = 1 << 4,          // 0+: IPv4's reserved flag
  kSynFlowLabel = 1 << 5,           // flow
  kSynSeqZero = 1 << 6,             // seq-
  kSynAckWithoutFlag = 1 << 7,      // ack+
  kSynAckZero = 1 << 8,             // ack-: with the flag
  kSynUrgentWithoutFlag = 1 << 9,   // uptr+
  kSynUrgent = 1 << 10,             // urgf+
  kSynPush = 1 << 11,               // pushf+
  kSynTimestampZero = 1 << 12,      // ts1-: the sender's own
  kSynPeerTimestamp = 1 << 13,      // ts2+: the other's, although it has not said anything
  kSynOptionsAfterEnd = 1 << 14,    // opt+: what follows the end of options is not zero
  kSynScaleExcessive = 1 << 15,     // exws: a window scale above 14
  kSynOptionsBad = 1 << 16,         // bad: options that contradict themselves

  kSynIpv6 = 1 << 24,
  kSynPayload = 1 << 25,
  kSynTimestamp = 1 << 26,  // the sender's own, not zero
};
inline constexpr int kSynQuirkCount = 17;  // the first flags

struct SynSignature {
  std::uint32_t flags = 0;   // SynFlag
  std::uint16_t mss = 0;     // 0: no such option
  std::uint16_t window = 0;  // as in the header
  std::uint8_t ttl = 0;      // as observed
  std::uint8_t window_scale = 0;
  std::uint8_t ip_options_bytes = 0;  // of IPv4; of IPv6 its extension headers, at most 255
  std::uint8_t tcp_header_bytes = 0;  // 20 to 60; 0: there is no signature
  OptionLayout options;

  bool has(SynFlag flag) const { return (flags & flag) != 0; }
  bool exists() const { return tcp_header_bytes != 0; }
  friend bool operator==(const SynSignature&, const SynSignature&) = default;
};
static_assert(sizeof(SynSignature) == 24);

/// Of a frame with SYN and neither RST nor FIN whose TCP header was captured as a whole; none of others and
/// of fragments. Never reads past the captured bytes.
SynSignature read_syn_signature(const Frame& frame, const PacketMeta& meta);

/// p0f's raw_sig, `ver:ittl:olen:mss:wsize,scale:olayout:quirks:pclass`; "" where there is none. Of a SYN+ACK
/// `syn` is the signature of the SYN that it answers, by whose segment size its window may have been chosen;
/// null otherwise.
std::string p0f_text(const SynSignature& signature, const SynSignature* syn = nullptr);

}  // namespace tapline
