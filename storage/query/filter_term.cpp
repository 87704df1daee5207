#include "storage/query/filter_term.hpp"

#include <algorithm>

namespace tapline::query {
namespace {

bool is_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

bool is_community_id(std::string_view text) {
  if (text.size() != kCommunityIdChars || !text.starts_with("1:") || text.back() != '=') return false;
  const std::string_view digits = text.substr(2, kCommunityIdChars - 3);
  return std::all_of(digits.begin(), digits.end(), is_base64);
}

Term network_term(const Network& network) {
  Term term;
  term.kind = TermKind::kNetwork;
  term.prefix_bits = static_cast<std::uint8_t>(network.prefix_bits);
  term.address = network.address;
  term.other = network_mask(network);
  // Does an IPv6 prefix shorter than ::ffff:0:0/96 contain it? Then its bits alone would match IPv4
  // addresses, too.
  IpAddress mapped = IpAddress::from_v4(0);
  for (std::size_t i = 0; i < mapped.bytes.size(); ++i) mapped.bytes[i] &= term.other.bytes[i];
  term.skips_mapped = !network.address.is_v4_mapped() && mapped == network.address;
  return term;
}

Term uid_term(const Uid& uid) {
  Term term;
  term.kind = TermKind::kUid;
  term.field = Field::kUid;
  term.address.bytes = uid.bytes;
  return term;
}

Term community_id_term(std::string_view text) {
  TAPLINE_CHECK(is_community_id(text));
  Term term;
  term.kind = TermKind::kCommunityId;
  term.field = Field::kCommunityId;
  std::copy(text.begin(), text.end(), term.community.begin());
  return term;
}

Network term_network(const Term& term) {
  return {term.address, term.prefix_bits};
}

Uid term_uid(const Term& term) {
  return {term.address.bytes};
}

bool names_one_flow(const Term& term) {
  if (term.kind != TermKind::kFiveTuple) return false;
  if (!proto_has_ports(term.ip_proto) && !proto_is_icmp(term.ip_proto)) return true;
  return term.has_port_low && term.has_port_high;
}

FlowKey term_flow_key(const Term& term) {
  FlowKey key;
  key.address_a = term.address;
  key.address_b = term.other;
  key.port_a = term.port_low;
  key.port_b = term.port_high;
  key.ip_proto = term.ip_proto;
  key.flags = term.address.is_v4_mapped() ? 0 : kKeyIpv6;
  canonicalise(key);
  return key;
}

}  // namespace tapline::query
