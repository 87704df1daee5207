// Which index keys the frames have that a filter matches.

#include "storage/query/filter_index.hpp"

#include <algorithm>

#include "capture/packet/protocol_numbers.hpp"
#include "storage/query/filter_ast.hpp"

namespace tapline::query {
namespace {

using storage::IndexKeyKind;

constexpr std::uint64_t kVlanIdMax = 0x0fff;
constexpr std::uint64_t kMplsLabelMax = 0xfffff;

IndexQuery group(IndexQuery::Kind kind, std::vector<IndexQuery> operands) {
  // What makes the whole group true or false, and what changes nothing.
  const bool is_and = kind == IndexQuery::Kind::kAnd;
  const IndexQuery::Kind decides = is_and ? IndexQuery::Kind::kNone : IndexQuery::Kind::kAll;
  const IndexQuery::Kind neutral = is_and ? IndexQuery::Kind::kAll : IndexQuery::Kind::kNone;
  const auto has_kind = [](IndexQuery::Kind wanted) {
    return [wanted](const IndexQuery& operand) { return operand.kind == wanted; };
  };
  IndexQuery result;
  if (std::any_of(operands.begin(), operands.end(), has_kind(decides))) {
    result.kind = decides;
    return result;
  }
  operands.erase(std::remove_if(operands.begin(), operands.end(), has_kind(neutral)), operands.end());
  if (operands.size() == 1) return std::move(operands.front());
  result.kind = operands.empty() ? neutral : kind;
  result.operands = std::move(operands);
  return result;
}

IndexQuery one_value(IndexKeyKind kind, std::uint64_t value) {
  return IndexQuery::keys({kind, value, value});
}

IndexQuery network_query(const Term& term) {
  return IndexQuery::keys(storage::prefix_keys(term.address, term.prefix_bits));
}

IndexQuery port_query(std::uint8_t ip_proto, std::uint16_t low, std::uint16_t high) {
  std::vector<IndexQuery> protocols;
  for (const std::uint8_t candidate : {kIpProtoTcp, kIpProtoUdp, kIpProtoSctp}) {
    if (ip_proto != 0 && ip_proto != candidate) continue;
    protocols.push_back(
        IndexQuery::keys({IndexKeyKind::kProtoPort, storage::proto_port_key_value(candidate, low),
                          storage::proto_port_key_value(candidate, high)}));
  }
  return IndexQuery::disjunction(std::move(protocols));
}

IndexQuery ethertype_query(std::int64_t ethertype) {
  auto of_sessionless = one_value(IndexKeyKind::kEthertype, static_cast<std::uint64_t>(ethertype));
  if (ethertype == kEtherTypeIpv4) {
    return IndexQuery::disjunction({IndexQuery::keys({IndexKeyKind::kIpv4, 0, 0xffffffff}), of_sessionless});
  }
  // An IPv6 frame between two v4-mapped addresses has keys of IPv4 addresses only.
  if (ethertype == kEtherTypeIpv6) return IndexQuery::all();
  return of_sessionless;
}

IndexQuery tag_query(IndexKeyKind kind, std::int64_t value, std::uint64_t largest) {
  return value < 0 ? IndexQuery::keys({kind, 0, largest})
                   : one_value(kind, static_cast<std::uint64_t>(value));
}

/// The fingerprint covers the key's flags: IPv4 addresses may be mapped ones in an IPv6 frame, and fragments
/// count where no port was asked for.
IndexQuery flow_query(const Term& term) {
  FlowKey key = term_flow_key(term);
  std::vector<unsigned> flags = {kKeyIpv6};
  if ((key.flags & kKeyIpv6) == 0) flags.push_back(0);
  if (!term.has_port_low && !term.has_port_high) {
    for (std::size_t i = flags.size(); i > 0; --i) flags.push_back(flags[i - 1] | kKeyFragment);
  }
  std::vector<IndexQuery> keys;
  for (const unsigned value : flags) {
    key.flags = static_cast<std::uint8_t>(value);
    keys.push_back(one_value(IndexKeyKind::kFlow, storage::flow_key_value(flow_fingerprint(key))));
  }
  return IndexQuery::disjunction(std::move(keys));
}

IndexQuery five_tuple_query(const Term& term) {
  if (names_one_flow(term)) return flow_query(term);
  std::vector<IndexQuery> parts = {IndexQuery::key(storage::address_key(term.address)),
                                   IndexQuery::key(storage::address_key(term.other))};
  if (proto_has_ports(term.ip_proto) && term.has_port_low) {
    parts.push_back(port_query(term.ip_proto, term.port_low, term.port_low));
  } else if (proto_has_ports(term.ip_proto) && term.has_port_high) {
    parts.push_back(port_query(term.ip_proto, term.port_high, term.port_high));
  } else {
    parts.push_back(one_value(IndexKeyKind::kIpProto, term.ip_proto));
  }
  return IndexQuery::conjunction(std::move(parts));
}

IndexQuery term_query(const Term& term) {
  switch (term.kind) {
    case TermKind::kNetwork:
      return network_query(term);
    case TermKind::kPort:
      return port_query(term.ip_proto, term.port_low, term.port_high);
    case TermKind::kProtocol:
      return one_value(IndexKeyKind::kIpProto, term.ip_proto);
    case TermKind::kEthertype:
      return ethertype_query(term.value);
    case TermKind::kVlan:
      return tag_query(IndexKeyKind::kVlan, term.value, kVlanIdMax);
    case TermKind::kMpls:
      return tag_query(IndexKeyKind::kMplsLabel, term.value, kMplsLabelMax);
    case TermKind::kFiveTuple:
      return five_tuple_query(term);
    case TermKind::kLength:
    case TermKind::kUid:
    case TermKind::kCommunityId:
    case TermKind::kAddressField:
    case TermKind::kNumberField:
      break;
  }
  return IndexQuery::all();
}

/// `inverted`: under an odd number of negations; `and` and `or` change places there, and a term says nothing.
IndexQuery node_query(const Ast& ast, std::uint32_t index, bool inverted) {
  const AstNode& node = ast.nodes[index];
  if (node.negated) inverted = !inverted;
  if (node.kind == AstKind::kTerm) return inverted ? IndexQuery::all() : term_query(ast.terms[node.term]);
  std::vector<IndexQuery> operands;
  operands.reserve(node.children.size());
  for (const std::uint32_t child : node.children) operands.push_back(node_query(ast, child, inverted));
  return (node.kind == AstKind::kAnd) != inverted ? IndexQuery::conjunction(std::move(operands))
                                                  : IndexQuery::disjunction(std::move(operands));
}

}  // namespace

IndexQuery IndexQuery::none() {
  IndexQuery query;
  query.kind = Kind::kNone;
  return query;
}

IndexQuery IndexQuery::keys(const storage::IndexKeyRange& range) {
  IndexQuery query;
  query.kind = Kind::kKeyRange;
  query.range = range;
  return query;
}

IndexQuery IndexQuery::key(const storage::IndexKey& key) {
  return keys({key.kind, key.value, key.value});
}

IndexQuery IndexQuery::conjunction(std::vector<IndexQuery> operands) {
  return group(Kind::kAnd, std::move(operands));
}

IndexQuery IndexQuery::disjunction(std::vector<IndexQuery> operands) {
  return group(Kind::kOr, std::move(operands));
}

IndexQuery index_query_of(const Ast& ast) {
  return ast.matches_all() ? IndexQuery::all() : node_query(ast, ast.root, false);
}

}  // namespace tapline::query
