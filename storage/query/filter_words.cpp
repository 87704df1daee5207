#include "storage/query/filter_words.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "storage/query/filter_names.hpp"

namespace tapline::query {
namespace {

Error invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

std::string_view family_name(Family family) {
  switch (family) {
    case Family::kIpv4:
      return "ip";
    case Family::kIpv6:
      return "ip6";
    case Family::kArp:
      return "arp";
    case Family::kRarp:
      return "rarp";
    case Family::kAny:
      break;
  }
  return "any";
}

Result<Term> qualified_network(const Qualifier& qualifier, const Result<Network>& network,
                               std::string_view id) {
  if (!network) return network.error();
  const bool wants_ipv6 = qualifier.family == Family::kIpv6;
  if (qualifier.family != Family::kAny && wants_ipv6 == network->address.is_v4_mapped()) {
    return invalid(fmt::format("'{}' is not an {} address, as '{}' asks for", id,
                               wants_ipv6 ? "IPv6" : "IPv4", family_name(qualifier.family)));
  }
  Term term = network_term(*network);
  term.side = qualifier.side;
  term.family = qualifier.family;
  return term;
}

Result<Term> host_term(const Qualifier& qualifier, std::string_view id) {
  if (id.find('/') != std::string_view::npos) {
    return invalid(fmt::format("'{}' is a net, not a host: write 'net {}'", id, id));
  }
  const Result<IpAddress> address = parse_address(id);
  if (!address) {
    return invalid(fmt::format("'{}' is not an IP address (names are not looked up)", id));
  }
  return qualified_network(qualifier, Network{*address, address->is_v4_mapped() ? 32U : 128U}, id);
}

Result<Term> port_term(const Qualifier& qualifier, std::uint16_t low, std::uint16_t high) {
  Term term;
  term.kind = TermKind::kPort;
  term.side = qualifier.side;
  term.ip_proto = qualifier.ip_proto;
  term.port_low = std::min(low, high);  // tcpdump, too, takes a range in either order
  term.port_high = std::max(low, high);
  return term;
}

Result<Term> one_port_term(const Qualifier& qualifier, std::string_view id) {
  const std::optional<std::uint16_t> port = parse_port(id);
  if (!port) return invalid(fmt::format("'{}' is not a port: use 0 to 65535 or a service name", id));
  return port_term(qualifier, *port, *port);
}

Result<Term> port_range_term(const Qualifier& qualifier, std::string_view id) {
  const std::size_t dash = id.find('-');
  const auto low = parse_port(id.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : parse_port(id.substr(dash + 1));
  if (!low || !high) return invalid(fmt::format("'{}' is not a range of ports: write it like 6000-6008", id));
  return port_term(qualifier, *low, *high);
}

Result<Term> proto_term(const Qualifier& qualifier, std::string_view id) {
  const std::optional<std::uint8_t> ip_proto = parse_ip_proto(id);
  if (!ip_proto)
    return invalid(fmt::format("'{}' is not an IP protocol: use a name like tcp, or 0 to 255", id));
  Term term;
  term.kind = TermKind::kProtocol;
  term.family = qualifier.family;
  term.ip_proto = *ip_proto;
  return term;
}

bool is_vlan_ethertype(std::uint16_t ethertype) {
  switch (ethertype) {
    case kEtherTypeVlan:
    case kEtherTypeServiceVlan:
    case kEtherTypeQinq1:
    case kEtherTypeQinq2:
    case kEtherTypeQinq3:
      return true;
    default:
      return false;
  }
}

Result<Term> ether_proto_term(std::string_view id) {
  const std::optional<std::uint16_t> ethertype = parse_ethertype(id);
  if (!ethertype) {
    return invalid(fmt::format("'{}' is not an ethertype: use a name like arp, or 0x0600 to 0xffff", id));
  }
  // The ethertype behind tags and labels is what counts, so these would never match.
  if (is_vlan_ethertype(*ethertype)) {
    return invalid(fmt::format("'{}' is a VLAN tag, which ether proto looks behind: write 'vlan'", id));
  }
  if (*ethertype == kEtherTypeMpls || *ethertype == kEtherTypeMplsMulticast) {
    return invalid(fmt::format("'{}' is an MPLS label, which ether proto looks behind: write 'mpls'", id));
  }
  Term term;
  term.kind = TermKind::kEthertype;
  term.value = *ethertype;
  return term;
}

std::string_view unescaped(std::string_view id) {
  if (id.starts_with('\\')) id.remove_prefix(1);
  return id;
}

}  // namespace

Result<Term> make_id_term(const Qualifier& qualifier, std::string_view id) {
  id = unescaped(id);
  switch (qualifier.type) {
    case IdType::kHost:
      return host_term(qualifier, id);
    case IdType::kNet:
      return qualified_network(qualifier, parse_network(id), id);
    case IdType::kPort:
      return one_port_term(qualifier, id);
    case IdType::kPortRange:
      return port_range_term(qualifier, id);
    case IdType::kProto:
      return proto_term(qualifier, id);
    case IdType::kEtherProto:
      return ether_proto_term(id);
  }
  return invalid("unknown kind of id");
}

Result<Term> make_masked_net_term(const Qualifier& qualifier, std::string_view address,
                                  std::string_view mask) {
  return qualified_network(qualifier, parse_network(address, mask), address);
}

}  // namespace tapline::query
