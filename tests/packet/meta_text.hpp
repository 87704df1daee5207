#pragma once
// One line of text for a PacketMeta, so that expected results can stand beside the packets that have them.
// Parts that say nothing are left out.

#include <fmt/format.h>

#include <string>

#include "capture/packet/packet_meta.hpp"

namespace tapline::test {

inline std::string flag_text(std::uint16_t flags) {
  static constexpr const char* kNames[] = {"v4",        "v6",      "l4",     "ports", "frag",
                                           "laterfrag", "iptrunc", "oneway", "quote"};
  std::string text;
  for (unsigned bit = 0; bit < std::size(kNames); ++bit) {
    if ((flags >> bit & 1) == 0) continue;
    if (!text.empty()) text += '+';
    text += kNames[bit];
  }
  return text;
}

inline std::string envelope_text(const PacketMeta& meta) {
  std::string text;
  if (meta.vlan_count > 0) text += fmt::format(" vlans={}:{}", meta.vlan_count, meta.vlan_tci[0] & 0xfff);
  if (meta.vlan_count > 1) text += fmt::format(",{}", meta.vlan_tci[1] & 0xfff);
  if (meta.mpls_count > 0) text += fmt::format(" labels={}:{}", meta.mpls_count, meta.mpls_label);
  if (meta.pppoe_session > 0) text += fmt::format(" session={}", meta.pppoe_session);
  return text;
}

/// "ip 0800 vlans=1:5 14/34/54 len=60/20 proto=6 ttl=64 id=1 frag@8 v4+l4+ports 1>2 tcp=12:seq,ack,win
/// icmp=8/0"
inline std::string meta_text(const PacketMeta& meta) {
  std::string text = fmt::format("{} {:04x}{} {}/{}/{}", decode_status_name(meta.status), meta.ethertype,
                                 envelope_text(meta), meta.l3_offset, meta.l4_offset, meta.payload_offset);
  if (meta.status != DecodeStatus::kIp) return text;
  text +=
      fmt::format(" len={}/{} proto={} ttl={}", meta.ip_bytes, meta.payload_bytes, meta.ip_proto, meta.ttl);
  if (meta.ip_id != 0) text += fmt::format(" id={:x}", meta.ip_id);
  if (meta.fragment_offset != 0) text += fmt::format(" frag@{}", meta.fragment_offset);
  text += fmt::format(" {}", flag_text(meta.flags));
  if (meta.has(kMetaPorts)) text += fmt::format(" {}>{}", meta.src_port, meta.dst_port);
  if (meta.has(kMetaL4) && meta.ip_proto == 6)
    text += fmt::format(" tcp={:02x}:{},{},{}", meta.tcp_flags, meta.tcp_seq, meta.tcp_ack, meta.tcp_window);
  if (meta.has(kMetaL4) && (meta.ip_proto == 1 || meta.ip_proto == 58))
    text += fmt::format(" icmp={}/{}", meta.icmp_type, meta.icmp_code);
  return text;
}

}  // namespace tapline::test
