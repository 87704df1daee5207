// Values of session fields: text -> number and back.

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "capture/base/size.hpp"
#include "capture/base/time.hpp"
#include "capture/packet/session_record.hpp"
#include "capture/packet/tunnel_id.hpp"
#include "storage/query/filter_field.hpp"
#include "storage/query/filter_names.hpp"
#include "storage/query/filter_network.hpp"

namespace tapline::query {
namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();
constexpr int kEndReasonCount = static_cast<int>(EndReason::kRecovered) + 1;
constexpr int kConnStateCount = static_cast<int>(ConnState::kShr) + 1;
// Bit 0 first (RFC 9293, 3.1; RFC 3168): as tcpdump and Zeek abbreviate them, E for ECE and C for CWR.
constexpr std::string_view kTcpFlagLetters = "FSRPAUEC";

Error invalid(std::string_view field, std::string_view wanted, std::string_view text) {
  return {ErrorCode::kInvalid, fmt::format("'{}' is not a value of {}: {}", text, field, wanted)};
}

template <class Enum>
std::string names_of(const char* (*name_of)(Enum), int count) {
  std::string names;
  for (int i = 0; i < count; ++i)
    names += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(static_cast<Enum>(i)));
  return names;
}

template <class Enum>
std::optional<std::int64_t> parse_name(const char* (*name_of)(Enum), int count, std::string_view text) {
  for (int i = 0; i < count; ++i) {
    if (text == lower_case(name_of(static_cast<Enum>(i)))) return i;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_tcp_flags(std::string_view text) {
  if (const auto number = parse_number(text, 255)) return static_cast<std::int64_t>(*number);
  std::int64_t flags = 0;
  for (const char c : lower_case(text)) {
    const std::size_t bit = lower_case(kTcpFlagLetters).find(c);
    if (bit == std::string_view::npos) return std::nullopt;
    flags |= std::int64_t{1} << bit;
  }
  return text.empty() ? std::nullopt : std::optional(flags);
}

std::optional<std::int64_t> parse_bool(std::string_view text) {
  if (text == "true" || text == "yes" || text == "1") return 1;
  if (text == "false" || text == "no" || text == "0") return 0;
  return std::nullopt;
}

/// `none`, `vxlan:42`: the id; `vxlan`: minus the kind, for any of its numbers.
std::optional<std::int64_t> parse_tunnel(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto kind = parse_name(tunnel_kind_name, kTunnelKindCount, text.substr(0, colon));
  if (!kind) return std::nullopt;
  if (colon == std::string_view::npos) return -*kind;
  const auto number = parse_number(text.substr(colon + 1), kTunnelNumberMax);
  if (!number || *kind == 0) return std::nullopt;
  return make_tunnel_id(static_cast<TunnelKind>(*kind), static_cast<std::uint32_t>(*number));
}

std::string tunnel_text(std::int64_t value) {
  return value > 0 ? format_tunnel_id(static_cast<std::uint32_t>(value))
                   : tunnel_kind_name(static_cast<TunnelKind>(-value));
}

template <class Number>
std::optional<std::int64_t> widened(const std::optional<Number>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

Result<std::int64_t> or_invalid(const std::optional<std::int64_t>& value, const FieldSpec& spec,
                                std::string_view wanted, std::string_view text) {
  if (value) return *value;
  return invalid(spec.name, wanted, text);
}

Result<std::int64_t> parse_bytes(const FieldSpec& spec, std::string_view text) {
  const Result<std::uint64_t> bytes = parse_size(text);
  if (!bytes) return bytes.error();
  if (*bytes > kNumberMax) return invalid(spec.name, "it is past 8 EiB", text);
  return static_cast<std::int64_t>(*bytes);
}

Result<std::int64_t> parse_value(const FieldSpec& spec, std::string_view text, TimeNs now_ns) {
  const std::string lower = lower_case(text);
  switch (spec.type) {
    case FieldType::kCount:
      return or_invalid(widened(parse_number(text, kNumberMax)), spec, "use a whole number", text);
    case FieldType::kBytes:
      return parse_bytes(spec, text);
    case FieldType::kTime:
      return parse_time(text, now_ns);
    case FieldType::kDuration:
      return parse_duration(text);
    case FieldType::kPort:
      return or_invalid(widened(parse_port(text)), spec, "use 0 to 65535 or a service name", text);
    case FieldType::kTcpFlags:
      return or_invalid(parse_tcp_flags(text), spec, "use letters of FSRPAUEC, or a number up to 255", text);
    case FieldType::kBool:
      return or_invalid(parse_bool(lower), spec, "use true or false", text);
    case FieldType::kEndReason:
      return or_invalid(parse_name(end_reason_name, kEndReasonCount, lower), spec,
                        "use one of " + names_of(end_reason_name, kEndReasonCount), text);
    case FieldType::kOrientRule:
      return or_invalid(parse_name(orient_rule_name, kOrientRuleCount, lower), spec,
                        "use one of " + names_of(orient_rule_name, kOrientRuleCount), text);
    case FieldType::kConnState:
      return or_invalid(parse_name(conn_state_name, kConnStateCount, lower), spec,
                        "use one of " + names_of(conn_state_name, kConnStateCount), text);
    case FieldType::kIpProto:
      return or_invalid(widened(parse_ip_proto(text)), spec, "use a protocol name or 0 to 255", text);
    case FieldType::kVlan:
      return or_invalid(widened(parse_number(text, 4095)), spec, "use 0 to 4095", text);
    case FieldType::kApp:
      return or_invalid(parse_name(app_name, kAppCount, lower), spec,
                        "use one of " + names_of(app_name, kAppCount), text);
    case FieldType::kTunnel:
      return or_invalid(parse_tunnel(lower), spec,
                        "use one of " + names_of(tunnel_kind_name, kTunnelKindCount) +
                            ", with its number if need be: vxlan:42",
                        text);
    case FieldType::kAddress:
    case FieldType::kUid:
    case FieldType::kCommunityId:
      break;
  }
  return invalid(spec.name, "it has no number", text);
}

}  // namespace

Result<Term> make_field_term(const FieldSpec& spec, Relation relation, std::string_view text, TimeNs now_ns) {
  Term term;
  if (spec.type == FieldType::kAddress) {
    const Result<Network> network = parse_network(text);
    if (!network) return network.error();
    term = network_term(*network);
    term.kind = TermKind::kAddressField;
  } else if (spec.type == FieldType::kUid) {
    const Result<Uid> uid = parse_uid(text);
    if (!uid) return uid.error();
    term = uid_term(*uid);
  } else if (spec.type == FieldType::kCommunityId) {
    if (!is_community_id(text)) return invalid(spec.name, "use '1:' and 28 characters of base 64", text);
    term = community_id_term(text);
  } else {
    const Result<std::int64_t> value = parse_value(spec, text, now_ns);
    if (!value) return value.error();
    term.kind = TermKind::kNumberField;
    term.value = *value;
  }
  term.field = spec.field;
  term.side = spec.side;
  term.relation = relation;
  return term;
}

std::string tcp_flags_text(std::uint8_t flags) {
  if (flags == 0) return "0";
  std::string text;
  for (std::size_t bit = 0; bit < kTcpFlagLetters.size(); ++bit) {
    if ((flags >> bit & 1) != 0) text += kTcpFlagLetters[bit];
  }
  return text;
}

std::string field_value_text(const Term& term) {
  switch (field_spec(term.field, term.side).type) {
    case FieldType::kTime:
      return format_rfc3339(term.value);
    case FieldType::kDuration:
      return fmt::format("{}ns", term.value);
    case FieldType::kTcpFlags:
      return tcp_flags_text(static_cast<std::uint8_t>(term.value));
    case FieldType::kBool:
      return term.value != 0 ? "true" : "false";
    case FieldType::kEndReason:
      return end_reason_name(static_cast<EndReason>(term.value));
    case FieldType::kOrientRule:
      return orient_rule_name(static_cast<OrientRule>(term.value));
    case FieldType::kConnState:
      return conn_state_name(static_cast<ConnState>(term.value));
    case FieldType::kIpProto:
      return ip_proto_text(static_cast<std::uint8_t>(term.value));
    case FieldType::kTunnel:
      return tunnel_text(term.value);
    case FieldType::kApp:
      return app_name(static_cast<App>(term.value));
    default:
      return fmt::format("{}", term.value);
  }
}

}  // namespace tapline::query
