#include <fmt/format.h>

#include <optional>

#include "storage/query/filter_names.hpp"
#include "storage/query/filter_words.hpp"

namespace tapline::query {
namespace {

struct Endpoint {
  IpAddress address;
  std::optional<std::uint16_t> port;
};

/// `address`, `a.b.c.d:port`, `[v6]`, `[v6]:port`.
std::optional<Endpoint> parse_endpoint(std::string_view text) {
  std::string_view address = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && colon == text.rfind(':')) {
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const Result<IpAddress> parsed = parse_address(address);
  if (!parsed) return std::nullopt;
  Endpoint endpoint{*parsed, std::nullopt};
  if (port) {
    endpoint.port = parse_port(*port);
    if (!endpoint.port) return std::nullopt;
  }
  return endpoint;
}

Error not_an_endpoint(std::string_view text) {
  return {ErrorCode::kInvalid,
          fmt::format("'{}' is not an endpoint: write 10.0.0.5:51000, [2001:db8::1]:443 or an address alone",
                      text)};
}

/// Protocols without ports may be given with port 0, as records print them.
Status drop_absent_ports(std::uint8_t ip_proto, Endpoint& a, Endpoint& b) {
  if (proto_has_ports(ip_proto) || proto_is_icmp(ip_proto)) return {};
  for (Endpoint* endpoint : {&a, &b}) {
    if (endpoint->port.value_or(0) != 0) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("protocol {} has no ports: leave them out", ip_proto_text(ip_proto))};
    }
    endpoint->port.reset();
  }
  return {};
}

}  // namespace

bool looks_like_five_tuple(std::string_view word) {
  const std::size_t dash = word.find('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view left = word.substr(0, dash);
  return left.find_first_of(".:") != std::string_view::npos &&
         left.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string_view::npos;
}

Result<Term> parse_five_tuple(std::string_view word, std::size_t& error_offset) {
  const std::size_t dash = word.find('-');
  const std::size_t slash = word.rfind('/');
  error_offset = 0;
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    error_offset = word.size();
    return Error{ErrorCode::kInvalid, "a five-tuple ends with its protocol: add /tcp, /udp or the like"};
  }
  std::optional<Endpoint> a = parse_endpoint(word.substr(0, dash));
  if (!a) return not_an_endpoint(word.substr(0, dash));
  error_offset = dash + 1;
  std::optional<Endpoint> b = parse_endpoint(word.substr(dash + 1, slash - dash - 1));
  if (!b) return not_an_endpoint(word.substr(dash + 1, slash - dash - 1));
  if (a->address.is_v4_mapped() != b->address.is_v4_mapped()) {
    return Error{ErrorCode::kInvalid, "one endpoint is IPv4 and the other IPv6"};
  }
  error_offset = slash + 1;
  const std::optional<std::uint8_t> ip_proto = parse_ip_proto(word.substr(slash + 1));
  if (!ip_proto) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("'{}' is not an IP protocol: use a name like tcp, or 0 to 255", word.substr(slash + 1))};
  }
  TAPLINE_TRY(drop_absent_ports(*ip_proto, *a, *b));
  Term term;
  term.kind = TermKind::kFiveTuple;
  term.ip_proto = *ip_proto;
  term.address = a->address;
  term.other = b->address;
  term.has_port_low = a->port.has_value();
  term.has_port_high = b->port.has_value();
  term.port_low = a->port.value_or(0);
  term.port_high = b->port.value_or(0);
  return term;
}

}  // namespace tapline::query
