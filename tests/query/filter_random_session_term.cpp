#include <fmt/format.h>

#include <array>

#include "capture/packet/uid.hpp"
#include "tests/query/filter_random_terms.hpp"

namespace tapline::query::test {
namespace {

RandomFilter of_session(std::string text, std::function<bool(const SessionRecord&)> test) {
  RandomFilter filter;
  filter.text = std::move(text);
  filter.has_session_words = true;
  filter.packet = [=](const PacketTruth&, const SessionRecord& s) { return test(s); };
  filter.session = [=](const SessionRecord& s) { return answer(test(s)); };
  return filter;
}

using Number = std::function<std::optional<std::int64_t>(const SessionRecord&)>;

struct NumberField {
  const char* name;
  Number value;
};

std::vector<NumberField> number_fields() {
  const auto total = [](const DirectionState& d) { return d.total; };
  const auto seen = [](const DirectionState& d, int ttl) {
    return d.total.packets > 0 ? std::optional<std::int64_t>(ttl) : std::nullopt;
  };
  const auto has_ports = [](const SessionRecord& s) { return !is_fragment(s) && s.key.ip_proto != 47; };
  return {
      {"packets", [=](const SessionRecord& s) { return total(s.a_to_b).packets + total(s.b_to_a).packets; }},
      {"orig_packets", [=](const SessionRecord& s) { return total(orig_state(s)).packets; }},
      {"resp_frame_bytes", [=](const SessionRecord& s) { return total(resp_state(s)).frame_bytes; }},
      {"ip_bytes",
       [=](const SessionRecord& s) { return total(s.a_to_b).ip_bytes + total(s.b_to_a).ip_bytes; }},
      {"orig_payload_bytes", [=](const SessionRecord& s) { return total(orig_state(s)).payload_bytes; }},
      {"resp_ttl_min", [=](const SessionRecord& s) { return seen(resp_state(s), resp_state(s).ttl_min); }},
      {"orig_ttl_max", [=](const SessionRecord& s) { return seen(orig_state(s), orig_state(s).ttl_max); }},
      {"app_bytes",
       [=](const SessionRecord& s) {
         const auto of = [](const DirectionState& d) {
           return d.total.payload_bytes - d.tcp.retransmitted_bytes;
         };
         return of(s.a_to_b) + of(s.b_to_a);
       }},
      {"resp_gap_bytes",
       [=](const SessionRecord& s) {
         return s.key.ip_proto == 6 && !is_fragment(s) && !s.untracked
                    ? std::optional<std::int64_t>(resp_state(s).tcp.gap_bytes)
                    : std::nullopt;
       }},
      {"retransmitted_packets",
       [=](const SessionRecord& s) {
         return s.key.ip_proto == 6 && !is_fragment(s) && !s.untracked
                    ? std::optional<std::int64_t>(s.a_to_b.tcp.retransmitted_packets +
                                                  s.b_to_a.tcp.retransmitted_packets)
                    : std::nullopt;
       }},
      {"seq", [](const SessionRecord& s) { return std::int64_t{s.seq}; }},
      {"worker", [](const SessionRecord& s) { return std::int64_t{s.worker}; }},
      {"orient_confidence", [](const SessionRecord& s) { return std::int64_t{s.orient_confidence}; }},
      {"orig_port",
       [=](const SessionRecord& s) {
         return has_ports(s) ? std::optional<std::int64_t>(orig_port(s)) : std::nullopt;
       }},
      {"resp_port",
       [=](const SessionRecord& s) {
         return has_ports(s) ? std::optional<std::int64_t>(resp_port(s)) : std::nullopt;
       }},
  };
}

RandomFilter number_filter(Random& random) {
  static const std::vector<NumberField> fields = number_fields();
  const NumberField& field = fields[below(random, fields.size())];
  const std::string relation = pick(random, kRelations);
  constexpr std::array<std::int64_t, 9> kValues = {0, 1, 2, 51, 61, 80, 120, 180, 51000};
  const std::int64_t value = pick(random, kValues);
  return of_session(fmt::format("{}{}{}", field.name, relation, value), [=](const SessionRecord& s) {
    const std::optional<std::int64_t> seen = field.value(s);
    return seen && compare_as(relation, *seen, value);
  });
}

RandomFilter time_filter(Random& random) {
  const std::string relation = pick(random, kRelations);
  const auto seconds = static_cast<std::int64_t>(below(random, 3));
  switch (below(random, 3)) {
    case 0:
      return of_session(fmt::format("duration {} {}m", relation, seconds), [=](const SessionRecord& s) {
        return compare_as(relation, s.last_ns - s.first_ns, seconds * 60 * kNsPerSecond);
      });
    case 1:
      return of_session(fmt::format("first {} {}", relation, 1'700'000'000 + seconds),
                        [=](const SessionRecord& s) {
                          return compare_as(relation, s.first_ns, (1'700'000'000 + seconds) * kNsPerSecond);
                        });
    default:
      return of_session(fmt::format("last {} 2023-11-14T22:13:2{}Z", relation, seconds),
                        [=](const SessionRecord& s) {
                          return compare_as(relation, s.last_ns, (1'700'000'000 + seconds) * kNsPerSecond);
                        });
  }
}

RandomFilter name_filter(Random& random) {
  const bool equal = one_in(random, 2);
  const char* const relation = equal ? "=" : "!=";
  switch (below(random, 7)) {
    case 0:
      return of_session(fmt::format("final {} true", relation),
                        [=](const SessionRecord& s) { return s.final() == equal; });
    case 1:
      return of_session(fmt::format("end_reason {} idle", relation),
                        [=](const SessionRecord& s) { return (s.end_reason == EndReason::kIdle) == equal; });
    case 2:
      return of_session(fmt::format("orient_rule {} syn_ack", relation), [=](const SessionRecord& s) {
        return (s.orient_rule == OrientRule::kSynAck) == equal;
      });
    case 3:
      return of_session(fmt::format("proto {} tcp", relation),
                        [=](const SessionRecord& s) { return (s.key.ip_proto == kIpProtoTcp) == equal; });
    case 4:
      return of_session(fmt::format("vlan {} 5", relation),
                        [=](const SessionRecord& s) { return session_has_vlan(s, 5) == equal; });
    case 5:
      return of_session("tcp_flags & SF", [=](const SessionRecord& s) {
        return s.key.ip_proto == kIpProtoTcp &&
               ((s.a_to_b.tcp_flags_union | s.b_to_a.tcp_flags_union) & 3) != 0;
      });
    default:
      return of_session(fmt::format("orig_tcp_flags {} 0x12", relation), [=](const SessionRecord& s) {
        return s.key.ip_proto == kIpProtoTcp && (orig_state(s).tcp_flags_union == 0x12) == equal;
      });
  }
}

bool is_private(const IpAddress& a) {
  const IpAddress ten = IpAddress::from_v4(0x0a000000);
  const IpAddress c = IpAddress::from_v4(0xc0a80000);
  if (a.is_v4_mapped()) return same_prefix(a, ten, 8) || same_prefix(a, c, 16);
  return (a.bytes[0] & 0xfe) == 0xfc || (a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80);
}

bool is_group(const IpAddress& a) {
  return a.is_v4_mapped() ? a.v4() >> 28 == 0xe : a.bytes[0] == 0xff;
}

RandomFilter crossing_filter(Random& random) {
  const std::string relation = pick(random, kRelations);
  const bool egress = one_in(random, 2);
  return of_session(
      fmt::format("{} {} 80", egress ? "egress" : "ingress", relation), [=](const SessionRecord& s) {
        std::int64_t bytes = 0;
        const auto add = [&](const IpAddress& from, const IpAddress& to, const DirectionState& d) {
          const bool crosses =
              egress ? is_private(from) && !is_private(to) : !is_private(from) && is_private(to);
          if (crosses && !is_group(from) && !is_group(to))
            bytes += static_cast<std::int64_t>(d.total.ip_bytes);
        };
        add(s.key.address_a, s.key.address_b, s.a_to_b);
        add(s.key.address_b, s.key.address_a, s.b_to_a);
        return compare_as(relation, bytes, 80);
      });
}

RandomFilter identity_filter(Random& random) {
  const SessionRecord other = make_random_session(random);
  const bool equal = one_in(random, 2);
  switch (below(random, 3)) {
    case 0: {
      Uid uid{};
      for (std::uint8_t& byte : uid.bytes) byte = static_cast<std::uint8_t>(below(random, 2));
      return of_session("uid " + format_uid(uid), [=](const SessionRecord& s) { return s.uid == uid; });
    }
    case 1: {
      const std::string id = community_id(other.key, other.originator);
      return of_session(
          fmt::format("community_id {} {}", equal ? "=" : "!=", id),
          [=](const SessionRecord& s) { return (community_id(s.key, s.originator) == id) == equal; });
    }
    default: {
      const IpAddress a = other.key.address_a;
      return of_session(fmt::format("orig_ip {} {}", equal ? "=" : "!=", format_address(a)),
                        [=](const SessionRecord& s) { return (orig_address(s) == a) == equal; });
    }
  }
}

}  // namespace

RandomFilter random_session_term(Random& random) {
  constexpr std::array kTerms = {number_filter, time_filter, name_filter, crossing_filter, identity_filter};
  return pick(random, kTerms)(random);
}

}  // namespace tapline::query::test
