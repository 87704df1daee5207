#pragma once
// The classic BPF program by which the kernel chooses a worker for each frame (PACKET_FANOUT_CBPF): a hash of
// the pair of addresses, the same for both directions and for all fragments of a datagram. The kernel takes
// the returned value modulo the number of workers.
//
//   IPv4   source ^ destination             IPv6   the eight words of both addresses, XORed
//
// behind up to three VLAN tags, then PPPoE sessions or up to four MPLS labels; then mixed (MurmurHash3's
// fmix32), so that the low bits depend on all of them. Anything else, and what ends before its addresses: 0,
// which is worker 0.

#include <linux/filter.h>

#include <vector>

#include "capture/packet/frame.hpp"

namespace tapline {

/// `link_type`: kLinkEthernet, or kLinkRaw for IP without a link header.
std::vector<sock_filter> address_pair_program(LinkType link_type);

}  // namespace tapline
