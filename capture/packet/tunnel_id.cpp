#include "capture/packet/tunnel_id.hpp"

#include <fmt/format.h>

namespace tapline {

const char* tunnel_kind_name(TunnelKind kind) {
  switch (kind) {
    case TunnelKind::kNone:
      return "none";
    case TunnelKind::kIp:
      return "ip";
    case TunnelKind::kGre:
    case TunnelKind::kGreHashed:
      return "gre";
    case TunnelKind::kNvgre:
      return "nvgre";
    case TunnelKind::kErspan:
      return "erspan";
    case TunnelKind::kVxlan:
      return "vxlan";
    case TunnelKind::kGeneve:
      return "geneve";
    case TunnelKind::kGtpU:
      return "gtpu";
    case TunnelKind::kTeredo:
      return "teredo";
    case TunnelKind::kL2tp:
      return "l2tp";
    case TunnelKind::kPptp:
      return "pptp";
    case TunnelKind::kMpls:
      return "mpls";
    case TunnelKind::kEtherIp:
      return "etherip";
    case TunnelKind::kAyiya:
      return "ayiya";
  }
  return "unknown";
}

std::string format_tunnel_id(std::uint32_t tunnel_id) {
  if (tunnel_id == 0) return "";
  const TunnelKind kind = tunnel_kind(tunnel_id);
  const std::optional<std::uint32_t> number = tunnel_number(tunnel_id);
  if (!number) return tunnel_kind_name(kind);
  return kind == TunnelKind::kGreHashed ? fmt::format("{}:#{:x}", tunnel_kind_name(kind), *number)
                                        : fmt::format("{}:{}", tunnel_kind_name(kind), *number);
}

}  // namespace tapline
