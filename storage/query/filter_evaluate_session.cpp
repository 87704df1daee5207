#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tunnel_id.hpp"
#include "storage/query/filter_evaluate.hpp"

namespace tapline::query {
namespace {

/// The session seen from its originator.
struct Ends {
  const IpAddress& orig_address;
  const IpAddress& resp_address;
  std::uint16_t orig_port;
  std::uint16_t resp_port;
  const DirectionState& orig;
  const DirectionState& resp;

  explicit Ends(const SessionRecord& s) : Ends(s, s.originator == Direction::kAToB) {}

 private:
  Ends(const SessionRecord& s, bool a)
      : orig_address(a ? s.key.address_a : s.key.address_b),
        resp_address(a ? s.key.address_b : s.key.address_a),
        orig_port(a ? s.key.port_a : s.key.port_b),
        resp_port(a ? s.key.port_b : s.key.port_a),
        orig(a ? s.a_to_b : s.b_to_a),
        resp(a ? s.b_to_a : s.a_to_b) {}
};

std::int64_t saturated(std::uint64_t value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMax));
}

std::int64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return saturated(__builtin_add_overflow(a, b, &sum) ? ~std::uint64_t{0} : sum);
}

/// What a counter says of the originator, the responder or both.
std::int64_t counter(const Ends& ends, Side side, std::uint64_t DirectionCounters::*member) {
  if (side == Side::kSource) return saturated(ends.orig.total.*member);
  if (side == Side::kDestination) return saturated(ends.resp.total.*member);
  return saturated_sum(ends.orig.total.*member, ends.resp.total.*member);
}

std::uint64_t DirectionCounters::*counter_member(Field field) {
  switch (field) {
    case Field::kFrameBytes:
      return &DirectionCounters::frame_bytes;
    case Field::kIpBytes:
      return &DirectionCounters::ip_bytes;
    case Field::kPayloadBytes:
      return &DirectionCounters::payload_bytes;
    case Field::kDuplicatePackets:
      return &DirectionCounters::duplicate_packets;
    default:
      return &DirectionCounters::packets;
  }
}

std::int64_t app_bytes(const Ends& ends, Side side) {
  if (side == Side::kSource) return saturated(ends.orig.app_bytes());
  if (side == Side::kDestination) return saturated(ends.resp.app_bytes());
  return saturated_sum(ends.orig.app_bytes(), ends.resp.app_bytes());
}

std::uint64_t TcpCounters::*tcp_member(Field field) {
  if (field == Field::kRetransmittedPackets) return &TcpCounters::retransmitted_packets;
  return field == Field::kGapBytes ? &TcpCounters::gap_bytes : &TcpCounters::out_of_order_packets;
}

/// Of sessions whose TCP segments were followed.
std::optional<std::int64_t> tcp_counter(const SessionRecord& session, const Ends& ends, const Term& term) {
  if (!session.has_tcp_counters()) return std::nullopt;
  const auto member = tcp_member(term.field);
  if (term.side == Side::kSource) return saturated(ends.orig.tcp.*member);
  if (term.side == Side::kDestination) return saturated(ends.resp.tcp.*member);
  return saturated_sum(ends.orig.tcp.*member, ends.resp.tcp.*member);
}

/// A round trip or a response time.
std::optional<std::int64_t> measured(Field field, const SessionRecord& session) {
  const TimeNs ns = field == Field::kRttServer   ? session.rtt_server_ns
                    : field == Field::kRttClient ? session.rtt_client_ns
                                                 : session.response_ns;
  return ns == 0 ? std::nullopt : std::optional<std::int64_t>(ns);
}

std::optional<std::int64_t> ttl(const Ends& ends, Side side, bool is_min) {
  const auto of = [&](const DirectionState& direction) -> std::optional<std::int64_t> {
    if (direction.total.packets == 0) return std::nullopt;
    return is_min ? direction.ttl_min : direction.ttl_max;
  };
  const auto orig = of(ends.orig);
  const auto resp = of(ends.resp);
  if (side == Side::kSource || (side == Side::kEither && !resp)) return orig;
  if (side == Side::kDestination || !orig) return resp;
  return is_min ? std::min(*orig, *resp) : std::max(*orig, *resp);
}

std::optional<std::int64_t> tcp_flags(const SessionRecord& session, const Ends& ends, Side side) {
  if (session.key.ip_proto != kIpProtoTcp) return std::nullopt;
  const std::uint8_t orig = side == Side::kDestination ? 0 : ends.orig.tcp_flags_union;
  const std::uint8_t resp = side == Side::kSource ? 0 : ends.resp.tcp_flags_union;
  return orig | resp;
}

std::int64_t crossing_bytes(const Ends& ends, const std::vector<Network>& home_nets, bool is_egress) {
  const auto is_home = [&](const IpAddress& address) {
    return std::any_of(home_nets.begin(), home_nets.end(),
                       [&](const Network& net) { return net.contains(address); });
  };
  const bool orig_home = is_home(ends.orig_address);
  const bool resp_home = is_home(ends.resp_address);
  if (orig_home == resp_home || is_group_address(orig_home ? ends.resp_address : ends.orig_address)) return 0;
  return counter(ends, orig_home == is_egress ? Side::kSource : Side::kDestination,
                 &DirectionCounters::ip_bytes);
}

std::int64_t stored_packets(const SessionRecord& session, const Ends& ends) {
  const std::int64_t seen = counter(ends, Side::kEither, &DirectionCounters::packets);
  return std::max<std::int64_t>(0, seen - saturated(session.unstored_packets));
}

std::int64_t duration(const SessionRecord& session) {
  std::int64_t span = 0;
  if (__builtin_sub_overflow(session.last_ns, session.first_ns, &span))
    return std::numeric_limits<std::int64_t>::max();
  return span;
}

/// The field's number; nothing where the session has none: a comparison with it is false whatever the
/// relation.
std::optional<std::int64_t> field_value(const Term& term, const SessionRecord& session,
                                        const std::vector<Network>& home_nets) {
  const Ends ends(session);
  switch (term.field) {
    case Field::kFirst:
      return session.first_ns;
    case Field::kLast:
      return session.last_ns;
    case Field::kDuration:
      return duration(session);
    case Field::kPackets:
    case Field::kFrameBytes:
    case Field::kIpBytes:
    case Field::kPayloadBytes:
    case Field::kDuplicatePackets:
      return counter(ends, term.side, counter_member(term.field));
    case Field::kAppBytes:
      return app_bytes(ends, term.side);
    case Field::kRetransmittedPackets:
    case Field::kOutOfOrderPackets:
    case Field::kGapBytes:
      return tcp_counter(session, ends, term);
    case Field::kStoredPackets:
      return stored_packets(session, ends);
    case Field::kEgress:
      return crossing_bytes(ends, home_nets, true);
    case Field::kIngress:
      return crossing_bytes(ends, home_nets, false);
    case Field::kPort:
      if (!key_has_ports(session.key)) return std::nullopt;
      return term.side == Side::kSource ? ends.orig_port : ends.resp_port;
    case Field::kTcpFlags:
      return tcp_flags(session, ends, term.side);
    case Field::kTtlMin:
      return ttl(ends, term.side, true);
    case Field::kTtlMax:
      return ttl(ends, term.side, false);
    case Field::kSeq:
      return session.seq;
    case Field::kFinal:
      return session.final() ? 1 : 0;
    case Field::kEndReason:
      return static_cast<std::int64_t>(session.end_reason);
    case Field::kOrientRule:
      return static_cast<std::int64_t>(session.orient_rule);
    case Field::kOrientConfidence:
      return session.orient_confidence;
    case Field::kConnState:
      return static_cast<std::int64_t>(session.conn_state);
    case Field::kRttServer:
    case Field::kRttClient:
    case Field::kResponseTime:
      return measured(term.field, session);
    case Field::kProto:
      return session.key.ip_proto;
    case Field::kApp:
      return static_cast<std::int64_t>(session.app);
    case Field::kWorker:
      return session.worker;
    case Field::kNone:
    case Field::kAddress:
    case Field::kVlan:
    case Field::kTunnel:
    case Field::kUid:
    case Field::kParentUid:
    case Field::kCommunityId:
      break;
  }
  return std::nullopt;
}

/// `vlan` -1: any tag.
bool has_vlan(const SessionRecord& session, std::int64_t vlan) {
  for (const DirectionState* direction : {&session.a_to_b, &session.b_to_a}) {
    for (const std::uint16_t id_plus_1 : {direction->vlan_outer, direction->vlan_inner}) {
      if (id_plus_1 != 0 && (vlan < 0 || id_plus_1 == vlan + 1)) return true;
    }
  }
  return false;
}

/// `wanted`: an id, or minus a kind. The keys of one kind of tunnel may be hashed.
bool is_in_tunnel(const SessionRecord& session, std::int64_t wanted) {
  if (wanted > 0) return session.key.tunnel_id == wanted;
  TunnelKind kind = tunnel_kind(session.key.tunnel_id);
  if (kind == TunnelKind::kGreHashed) kind = TunnelKind::kGre;
  return static_cast<std::int64_t>(kind) == -wanted;
}

bool has_label(const SessionRecord& session, std::int64_t label) {
  return session.mpls_label != 0 && (label < 0 || session.mpls_label == label + 1);
}

bool in_family(Family family, const FlowKey& key) {
  const bool is_ipv6 = (key.flags & kKeyIpv6) != 0;
  return family == Family::kAny || family == (is_ipv6 ? Family::kIpv6 : Family::kIpv4);
}

bool matches_ethertype(const Term& term, const FlowKey& key) {
  return term.value == ((key.flags & kKeyIpv6) != 0 ? kEtherTypeIpv6 : kEtherTypeIpv4);
}

bool matches_network(const Term& term, const SessionRecord& session) {
  const Ends ends(session);
  return in_family(term.family, session.key) &&
         either_or_both(term.side, in_network(term, ends.orig_address), in_network(term, ends.resp_address));
}

bool matches_port(const Term& term, const SessionRecord& session) {
  const std::uint8_t ip_proto = session.key.ip_proto;
  if (!key_has_ports(session.key) || !proto_has_ports(ip_proto)) return false;
  if (term.ip_proto != 0 && term.ip_proto != ip_proto) return false;
  const Ends ends(session);
  return either_or_both(term.side, ends.orig_port >= term.port_low && ends.orig_port <= term.port_high,
                        ends.resp_port >= term.port_low && ends.resp_port <= term.port_high);
}

bool matches_five_tuple(const Term& term, const FlowKey& key) {
  if (key.ip_proto != term.ip_proto) return false;
  if ((term.has_port_low || term.has_port_high) && !key_has_ports(key)) return false;
  const auto matches = [&](const IpAddress& first, std::uint16_t first_port, const IpAddress& second,
                           std::uint16_t second_port) {
    return first == term.address && second == term.other &&
           (!term.has_port_low || first_port == term.port_low) &&
           (!term.has_port_high || second_port == term.port_high);
  };
  return matches(key.address_a, key.port_a, key.address_b, key.port_b) ||
         matches(key.address_b, key.port_b, key.address_a, key.port_a);
}

bool matches_community_id(const Term& term, const SessionRecord& session) {
  return community_id(session.key, session.originator) ==
         std::string_view(term.community.data(), term.community.size());
}

bool matches_number(const Term& term, const SessionRecord& session, const std::vector<Network>& home_nets) {
  if (term.field == Field::kVlan) return has_vlan(session, term.value) == (term.relation == Relation::kEqual);
  if (term.field == Field::kTunnel)
    return is_in_tunnel(session, term.value) == (term.relation == Relation::kEqual);
  const std::optional<std::int64_t> value = field_value(term, session, home_nets);
  return value && compare(term.relation, *value, term.value);
}

}  // namespace

bool matches_session_term(const Term& term, const SessionRecord& session,
                          const std::vector<Network>& home_nets) {
  const bool wants_equal = term.relation == Relation::kEqual;
  switch (term.kind) {
    case TermKind::kNetwork:
      return matches_network(term, session);
    case TermKind::kPort:
      return matches_port(term, session);
    case TermKind::kProtocol:
      return session.key.ip_proto == term.ip_proto && in_family(term.family, session.key);
    case TermKind::kEthertype:
      return matches_ethertype(term, session.key);
    case TermKind::kVlan:
      return has_vlan(session, term.value);
    case TermKind::kMpls:
      return has_label(session, term.value);
    case TermKind::kLength:
      return true;  // the program of sessions leaves these out
    case TermKind::kFiveTuple:
      return matches_five_tuple(term, session.key);
    case TermKind::kUid:
      return ((term.field == Field::kParentUid ? session.parent_uid : session.uid) == term_uid(term)) ==
             wants_equal;
    case TermKind::kCommunityId:
      return matches_community_id(term, session) == wants_equal;
    case TermKind::kAddressField: {
      const Ends ends(session);
      return in_network(term, term.side == Side::kSource ? ends.orig_address : ends.resp_address) ==
             wants_equal;
    }
    case TermKind::kNumberField:
      return matches_number(term, session, home_nets);
  }
  return false;
}

std::uint64_t crossing_bytes(const SessionRecord& session, const std::vector<Network>& home_nets,
                             bool is_egress) {
  return static_cast<std::uint64_t>(crossing_bytes(Ends(session), home_nets, is_egress));
}

}  // namespace tapline::query
