#pragma once
// What holds of every PacketMeta, whatever the frame. Shared by the property tests and the fuzz target.

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline::test {

/// The first broken invariant, in words; nullptr: all hold.
inline const char* broken_invariant(const Frame& frame, const PacketMeta& meta) {
  const bool ipv4 = meta.has(kMetaIpv4);
  const bool ipv6 = meta.has(kMetaIpv6);
  const std::uint32_t fixed_bytes = ipv4 ? 20 : 40;
  const auto implies = [](bool premise, bool conclusion) { return !premise || conclusion; };

  if (meta.l3_offset > meta.l4_offset || meta.l4_offset > meta.payload_offset) return "offsets out of order";
  if (meta.payload_offset > frame.captured_bytes) return "payload offset past the captured bytes";
  if ((meta.status == DecodeStatus::kIp) != (ipv4 != ipv6)) return "status ip without exactly one IP version";
  if (meta.status != DecodeStatus::kIp && meta.flags != 0) return "flags without an IP header";
  if (meta.status == DecodeStatus::kArp && meta.l3_offset + 28u > frame.captured_bytes)
    return "arp not captured";
  if (meta.tunnel_id != 0 && meta.envelope_hash == 0) return "in a tunnel, and no envelope hash";
  if (meta.has(kMetaTunnel) && meta.has(kMetaLaterFragment)) return "a tunnel in a later fragment";
  const bool enveloped = meta.vlan_count > 0 || meta.mpls_count > 0 || meta.envelope_hash != 0;
  if (meta.vlan_count + meta.mpls_count > 0 && meta.envelope_hash == 0)
    return "tags without an envelope hash";
  if (meta.pppoe_session != 0 && !enveloped) return "PPPoE session without an envelope hash";
  if (meta.status != DecodeStatus::kIp) return nullptr;

  if (meta.l3_offset + fixed_bytes > frame.captured_bytes) return "IP header not captured";
  if (meta.l4_offset < meta.l3_offset + fixed_bytes) return "transport inside the IP header";
  if (meta.ip_bytes < fixed_bytes) return "IP length below its header";
  if (meta.payload_bytes > meta.ip_bytes - fixed_bytes) return "payload longer than the IP packet";
  if (meta.has(kMetaIpTruncated) != (meta.ip_bytes > frame.captured_bytes - meta.l3_offset))
    return "truncation flag against the lengths";
  if (!implies(meta.has(kMetaPorts), meta.has(kMetaL4))) return "ports without a transport header";
  if (!meta.has(kMetaPorts) && (meta.src_port != 0 || meta.dst_port != 0)) return "ports without their flag";
  if (!implies(meta.has(kMetaLaterFragment), meta.has(kMetaFragment)))
    return "later fragment, not a fragment";
  if (!implies(meta.has(kMetaLaterFragment), !meta.has(kMetaL4)))
    return "transport header in a later fragment";
  if (meta.has(kMetaLaterFragment) != (meta.fragment_offset != 0)) return "fragment offset against its flag";
  if (!implies(meta.has(kMetaIcmpOneWay), meta.has(kMetaL4))) return "one-way ICMP without its header";
  if (!implies(meta.has(kMetaIcmpQuote), meta.has(kMetaIcmpOneWay))) return "a quote in a paired ICMP type";
  const std::uint32_t quote_bytes = meta.ip_proto == 58 ? 40 : 20;
  if (meta.has(kMetaIcmpQuote) && meta.payload_offset + quote_bytes > frame.captured_bytes)
    return "quoted header not captured";
  const std::uint32_t header_bytes = meta.ip_proto == 6     ? 20
                                     : meta.ip_proto == 17  ? 8
                                     : meta.ip_proto == 132 ? 12
                                                            : 4;
  if (meta.has(kMetaL4) && meta.l4_offset + header_bytes > frame.captured_bytes)
    return "transport header not captured";
  return nullptr;
}

}  // namespace tapline::test
