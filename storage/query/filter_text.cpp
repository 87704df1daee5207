// Terms and trees -> canonical text.

#include <fmt/format.h>

#include "storage/query/filter_ast.hpp"
#include "storage/query/filter_field.hpp"
#include "storage/query/filter_names.hpp"

namespace tapline::query {
namespace {

std::string_view side_text(Side side) {
  switch (side) {
    case Side::kEither:
      return "";
    case Side::kSource:
      return "src ";
    case Side::kDestination:
      return "dst ";
    case Side::kBoth:
      return "src and dst ";
  }
  return "";
}

std::string_view family_text(Family family) {
  switch (family) {
    case Family::kAny:
      return "";
    case Family::kIpv4:
      return "ip ";
    case Family::kIpv6:
      return "ip6 ";
    case Family::kArp:
      return "arp ";
    case Family::kRarp:
      return "rarp ";
  }
  return "";
}

std::string_view relation_text(Relation relation) {
  switch (relation) {
    case Relation::kEqual:
      return "=";
    case Relation::kNotEqual:
      return "!=";
    case Relation::kLess:
      return "<";
    case Relation::kLessEqual:
      return "<=";
    case Relation::kGreater:
      return ">";
    case Relation::kGreaterEqual:
      return ">=";
    case Relation::kAnyBit:
      return "&";
  }
  return "";
}

/// `host 10.0.0.5` or `net 10.0.0.0/8`: a prefix of full length is a host.
std::string network_text(const Term& term, std::string_view host_word, std::string_view net_word) {
  const bool is_host = term.prefix_bits == (term.address.is_v4_mapped() ? 32 : 128);
  return is_host ? fmt::format("{}{}", host_word, format_address(term.address))
                 : fmt::format("{}{}", net_word, format_network(term_network(term)));
}

std::string port_text(const Term& term) {
  const std::string proto = term.ip_proto == 0 ? "" : ip_proto_text(term.ip_proto) + " ";
  const std::string_view side = side_text(term.side);
  if (term.port_low == term.port_high) return fmt::format("{}{}port {}", proto, side, term.port_low);
  return fmt::format("{}{}portrange {}-{}", proto, side, term.port_low, term.port_high);
}

std::string proto_text(const Term& term) {
  const bool is_icmp_word = (term.ip_proto == kIpProtoIcmp && term.family == Family::kIpv4) ||
                            (term.ip_proto == kIpProtoIcmpv6 && term.family == Family::kIpv6);
  std::string name = ip_proto_text(term.ip_proto);
  if (is_icmp_word) return name;
  if (term.family == Family::kAny && is_proto_word(name) && !proto_is_icmp(term.ip_proto)) return name;
  return fmt::format("{}proto {}", family_text(term.family), name);
}

std::string ethertype_text(const Term& term) {
  switch (term.value) {
    case kEtherTypeIpv4:
      return "ip";
    case kEtherTypeIpv6:
      return "ip6";
    case kEtherTypeArp:
      return "arp";
    case kEtherTypeRarp:
      return "rarp";
    default:
      return fmt::format("ether proto {:#06x}", term.value);
  }
}

std::string tag_text(std::string_view word, const Term& term) {
  return term.value < 0 ? std::string(word) : fmt::format("{} {}", word, term.value);
}

std::string endpoint_text(const IpAddress& address, bool has_port, std::uint16_t port) {
  std::string text = format_address(address);
  if (!has_port) return text;
  return address.is_v4_mapped() ? fmt::format("{}:{}", text, port) : fmt::format("[{}]:{}", text, port);
}

std::string five_tuple_text(const Term& term) {
  return fmt::format("{}-{}/{}", endpoint_text(term.address, term.has_port_low, term.port_low),
                     endpoint_text(term.other, term.has_port_high, term.port_high),
                     ip_proto_text(term.ip_proto));
}

std::string field_text(const Term& term, std::string_view value) {
  return fmt::format("{} {} {}", field_spec(term.field, term.side).name, relation_text(term.relation), value);
}

void append_node(const Ast& ast, std::uint32_t index, bool nested, std::string& text) {
  const AstNode& node = ast.nodes[index];
  if (node.negated) text += "not ";
  if (node.kind == AstKind::kTerm) {
    text += term_text(ast.terms[node.term]);
    return;
  }
  const bool parentheses = nested || node.negated;
  if (parentheses) text += '(';
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i != 0) text += node.kind == AstKind::kAnd ? " and " : " or ";
    append_node(ast, node.children[i], true, text);
  }
  if (parentheses) text += ')';
}

}  // namespace

std::string term_text(const Term& term) {
  switch (term.kind) {
    case TermKind::kNetwork: {
      const std::string lead = fmt::format("{}{}", family_text(term.family), side_text(term.side));
      return network_text(term, lead + "host ", lead + "net ");
    }
    case TermKind::kPort:
      return port_text(term);
    case TermKind::kProtocol:
      return proto_text(term);
    case TermKind::kEthertype:
      return ethertype_text(term);
    case TermKind::kVlan:
      return tag_text("vlan", term);
    case TermKind::kMpls:
      return tag_text("mpls", term);
    case TermKind::kLength:
      return fmt::format("{} {}", term.relation == Relation::kLessEqual ? "less" : "greater", term.value);
    case TermKind::kFiveTuple:
      return five_tuple_text(term);
    case TermKind::kUid:
      return field_text(term, format_uid(term_uid(term)));
    case TermKind::kCommunityId:
      return field_text(term, std::string_view(term.community.data(), term.community.size()));
    case TermKind::kAddressField:
      return field_text(term, network_text(term, "", ""));
    case TermKind::kNumberField:
      return field_text(term, field_value_text(term));
  }
  return "";
}

std::string ast_text(const Ast& ast) {
  std::string text;
  if (!ast.matches_all()) append_node(ast, ast.root, false, text);
  return text;
}

}  // namespace tapline::query
