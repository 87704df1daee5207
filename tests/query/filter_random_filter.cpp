#include "tests/query/filter_random_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/uid.hpp"

namespace tapline::query::test {
namespace {

using AddressTest = std::function<bool(const IpAddress&)>;

constexpr std::array<const char*, 4> kSides = {"", "src ", "dst ", "src and dst "};
constexpr std::array<const char*, 7> kRelations = {"=", "==", "!=", "<", "<=", ">", ">="};

Answer answer(bool yes) {
  return yes ? Answer::kYes : Answer::kNo;
}

bool combine(std::size_t side, bool source, bool destination) {
  if (side == 1) return source;
  if (side == 2) return destination;
  return side == 3 ? source && destination : source || destination;
}

bool compare_as(std::string_view relation, std::int64_t a, std::int64_t b) {
  if (relation == "=" || relation == "==") return a == b;
  if (relation == "!=") return a != b;
  if (relation == "<") return a < b;
  if (relation == "<=") return a <= b;
  return relation == ">" ? a > b : a >= b;
}

const IpAddress& orig_address(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.address_a : s.key.address_b;
}
const IpAddress& resp_address(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.address_b : s.key.address_a;
}
const DirectionState& orig_state(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.a_to_b : s.b_to_a;
}
const DirectionState& resp_state(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.b_to_a : s.a_to_b;
}
int orig_port(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.port_a : s.key.port_b;
}
int resp_port(const SessionRecord& s) {
  return s.originator == Direction::kAToB ? s.key.port_b : s.key.port_a;
}
bool is_ipv6(const SessionRecord& s) {
  return (s.key.flags & kKeyIpv6) != 0;
}
bool is_fragment(const SessionRecord& s) {
  return (s.key.flags & kKeyFragment) != 0;
}

bool port_proto(std::uint8_t proto) {
  return proto == kIpProtoTcp || proto == kIpProtoUdp || proto == kIpProtoSctp;
}

/// The first `bits` of two addresses are the same; both of one family.
bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  if (a.is_v4_mapped() != b.is_v4_mapped()) return false;
  const unsigned first = a.is_v4_mapped() ? 96 : 0;
  for (unsigned i = first; i < first + bits; ++i) {
    const auto bit = [&](const IpAddress& address) { return address.bytes[i / 8] >> (7 - i % 8) & 1; };
    if (bit(a) != bit(b)) return false;
  }
  return true;
}

IpAddress cut_to_prefix(IpAddress address, unsigned bits) {
  for (unsigned i = (address.is_v4_mapped() ? 96 : 0) + bits; i < 128; ++i) {
    address.bytes[i / 8] &= static_cast<std::uint8_t>(~(1 << (7 - i % 8)));
  }
  return address;
}

RandomFilter address_filter(Random& random, std::string text, std::size_t side, const AddressTest& test) {
  RandomFilter filter;
  constexpr std::array<const char*, 4> kFamilies = {"", "ip ", "ip6 ", "arp "};
  const bool is_ipv6_text = text.find(':') != std::string::npos;
  const std::size_t family =
      one_in(random, 3) ? (is_ipv6_text ? 2 : pick(random, std::array<std::size_t, 2>{1, 3})) : 0;
  filter.text = fmt::format("{}{}{}", kFamilies[family], kSides[side], text);
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    if (!p.has_addresses() || (family == 1 && (!p.is_ip || p.is_ipv6)) || (family == 2 && !p.is_ipv6) ||
        (family == 3 && !p.is_arp)) {
      return false;
    }
    return combine(side, test(p.source), test(p.destination));
  };
  filter.session = [=](const SessionRecord& s) {
    if ((family == 1 && is_ipv6(s)) || (family == 2 && !is_ipv6(s)) || family == 3) return Answer::kNo;
    return answer(combine(side, test(orig_address(s)), test(resp_address(s))));
  };
  return filter;
}

RandomFilter host_filter(Random& random) {
  const IpAddress a = random_address(random, one_in(random, 2));
  return address_filter(random, "host " + format_address(a), below(random, 4),
                        [=](const IpAddress& seen) { return seen == a; });
}

RandomFilter net_filter(Random& random) {
  const IpAddress a = random_address(random, one_in(random, 2));
  const auto bits = static_cast<unsigned>(below(random, a.is_v4_mapped() ? 33 : 129));
  const IpAddress net = cut_to_prefix(a, bits);
  return address_filter(random, fmt::format("net {}/{}", format_address(net), bits), below(random, 4),
                        [=](const IpAddress& seen) { return same_prefix(seen, net, bits); });
}

/// `host A or B`: the second inherits the qualifier.
RandomFilter host_list_filter(Random& random) {
  const IpAddress a = random_address(random, false);
  const IpAddress b = random_address(random, true);
  const std::size_t side = below(random, 4);
  RandomFilter filter;
  filter.text = fmt::format("({}host {} or {})", kSides[side], format_address(a), format_address(b));
  if (one_in(random, 2)) {
    filter.text = fmt::format("{}host ({} or {})", kSides[side], format_address(a), format_address(b));
  }
  const auto either = [=](const IpAddress& source, const IpAddress& destination) {
    return combine(side, source == a, destination == a) || combine(side, source == b, destination == b);
  };
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    return p.has_addresses() && either(p.source, p.destination);
  };
  filter.session = [=](const SessionRecord& s) { return answer(either(orig_address(s), resp_address(s))); };
  return filter;
}

RandomFilter port_filter(Random& random) {
  RandomFilter filter;
  constexpr std::array<std::uint8_t, 4> kNumbers = {0, kIpProtoTcp, kIpProtoUdp, kIpProtoSctp};
  constexpr std::array<const char*, 4> kNames = {"", "tcp ", "udp ", "sctp "};
  const std::size_t proto = below(random, 4);
  const std::size_t side = below(random, 4);
  int low = random_port(random);
  int high = one_in(random, 2) ? random_port(random) : low;
  filter.text = low == high ? fmt::format("{}{}port {}", kNames[proto], kSides[side], low)
                            : fmt::format("{}{}portrange {}-{}", kNames[proto], kSides[side], low, high);
  if (low > high) std::swap(low, high);
  const auto test = [=](std::uint8_t ip_proto, int source, int destination) {
    if (!port_proto(ip_proto) || (proto != 0 && ip_proto != kNumbers[proto])) return false;
    return combine(side, source >= low && source <= high, destination >= low && destination <= high);
  };
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    return p.source_port && test(p.ip_proto, *p.source_port, *p.destination_port);
  };
  filter.session = [=](const SessionRecord& s) {
    return answer(!is_fragment(s) && test(s.key.ip_proto, orig_port(s), resp_port(s)));
  };
  return filter;
}

RandomFilter proto_filter(Random& random) {
  struct Word {
    const char* text;
    int proto;
    int family;  // 4, 6 or 0
  };
  constexpr std::array kWords = {Word{"tcp", 6, 0},
                                 Word{"udp", 17, 0},
                                 Word{"icmp", 1, 4},
                                 Word{"icmp6", 58, 6},
                                 Word{"sctp", 132, 0},
                                 Word{"proto 47", 47, 0},
                                 Word{"ip proto \\tcp", 6, 4},
                                 Word{"ip6 proto 17", 17, 6},
                                 Word{"proto 1", 1, 0},
                                 Word{"ip", -1, 4},
                                 Word{"ip6", -1, 6}};
  const Word word = pick(random, kWords);
  RandomFilter filter;
  filter.text = word.text;
  const auto test = [=](std::uint8_t proto, bool ipv6) {
    return (word.proto < 0 || proto == word.proto) && (word.family == 0 || ipv6 == (word.family == 6));
  };
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    return p.is_ip && test(p.ip_proto, p.is_ipv6);
  };
  filter.session = [=](const SessionRecord& s) { return answer(test(s.key.ip_proto, is_ipv6(s))); };
  return filter;
}

RandomFilter ethertype_filter(Random& random) {
  struct Word {
    const char* text;
    int ethertype;
  };
  const Word word =
      pick(random, std::array{Word{"arp", 0x0806}, Word{"rarp", 0x8035}, Word{"ether proto 0x88cc", 0x88cc},
                              Word{"ether proto \\ip6", 0x86dd}});
  RandomFilter filter;
  filter.text = word.text;
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) { return p.ethertype == word.ethertype; };
  filter.session = [=](const SessionRecord& s) { return answer(word.ethertype == 0x86dd && is_ipv6(s)); };
  return filter;
}

bool session_has_vlan(const SessionRecord& s, int vlan) {
  const std::array seen = {s.a_to_b.vlan_outer, s.a_to_b.vlan_inner, s.b_to_a.vlan_outer,
                           s.b_to_a.vlan_inner};
  return std::any_of(seen.begin(), seen.end(),
                     [=](int id) { return id > 0 && (vlan < 0 || id - 1 == vlan); });
}

RandomFilter tag_filter(Random& random) {
  RandomFilter filter;
  if (one_in(random, 2)) {
    const int vlan = one_in(random, 3) ? -1 : random_vlan(random);
    filter.text = vlan < 0 ? "vlan" : fmt::format("vlan {}", vlan);
    filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
      return vlan < 0 ? !p.vlans.empty() : std::count(p.vlans.begin(), p.vlans.end(), vlan) > 0;
    };
    filter.session = [=](const SessionRecord& s) { return answer(session_has_vlan(s, vlan)); };
    return filter;
  }
  const bool any = one_in(random, 3);
  filter.text = any ? "mpls" : "mpls 1000";
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    return !p.labels.empty() && (any || p.labels.front() == 1000);
  };
  filter.session = [=](const SessionRecord& s) {
    return answer(any ? s.mpls_label > 0 : s.mpls_label == 1001);
  };
  return filter;
}

RandomFilter length_filter(Random& random) {
  RandomFilter filter;
  const bool less = one_in(random, 2);
  const auto limit = static_cast<std::uint32_t>(60 + below(random, 80));
  filter.text = fmt::format("{} {}", less ? "less" : "greater", limit);
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    return less ? p.wire_bytes <= limit : p.wire_bytes >= limit;
  };
  filter.session = [](const SessionRecord&) { return Answer::kUnknown; };
  return filter;
}

constexpr int kNoPort = -1;

struct Endpoint {
  IpAddress address;
  int port;  // kNoPort: not given

  std::string text() const {
    if (port < 0) return format_address(address);
    const std::string text = format_address(address);
    return address.is_v4_mapped() ? fmt::format("{}:{}", text, port) : fmt::format("[{}]:{}", text, port);
  }
  bool is(const IpAddress& seen, int seen_port) const {
    return seen == address && (port < 0 || seen_port == port);
  }
};

RandomFilter five_tuple_filter(Random& random) {
  const bool ipv6 = one_in(random, 2);
  const std::uint8_t proto = random_proto(random, ipv6);
  const auto endpoint = [&] {
    IpAddress address = random_address(random, ipv6);
    while (address.is_v4_mapped() == ipv6) address = random_address(random, ipv6);
    const int port = proto == 47 || one_in(random, 4) ? kNoPort : int{random_port(random)};
    return Endpoint{address, port};
  };
  const Endpoint a = endpoint();
  const Endpoint b = endpoint();
  RandomFilter filter;
  filter.text = fmt::format("{}-{}/{}", a.text(), b.text(), proto);
  const auto test = [=](const IpAddress& x, int x_port, const IpAddress& y, int y_port) {
    return (a.is(x, x_port) && b.is(y, y_port)) || (a.is(y, y_port) && b.is(x, x_port));
  };
  filter.packet = [=](const PacketTruth& p, const SessionRecord&) {
    const int source_port = p.source_port ? int{*p.source_port} : kNoPort;
    const int destination_port = p.destination_port ? int{*p.destination_port} : kNoPort;
    return p.is_ip && p.ip_proto == proto && test(p.source, source_port, p.destination, destination_port);
  };
  filter.session = [=](const SessionRecord& s) {
    const int a_port = is_fragment(s) ? kNoPort : int{s.key.port_a};
    const int b_port = is_fragment(s) ? kNoPort : int{s.key.port_b};
    return answer(s.key.ip_proto == proto && test(s.key.address_a, a_port, s.key.address_b, b_port));
  };
  return filter;
}

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

RandomFilter random_term(Random& random) {
  constexpr std::array kPacketTerms = {host_filter, net_filter,    host_list_filter,
                                       port_filter, proto_filter,  ethertype_filter,
                                       tag_filter,  length_filter, five_tuple_filter};
  constexpr std::array kSessionTerms = {number_filter, time_filter, name_filter, crossing_filter,
                                        identity_filter};
  return one_in(random, 3) ? pick(random, kSessionTerms)(random) : pick(random, kPacketTerms)(random);
}

RandomFilter negation(Random& random, const RandomFilter& inner) {
  RandomFilter filter = inner;
  filter.text = fmt::format("{}({})", one_in(random, 2) ? "not " : "!", inner.text);
  filter.packet = [=](const PacketTruth& p, const SessionRecord& s) { return !inner.packet(p, s); };
  filter.session = [=](const SessionRecord& s) {
    return static_cast<Answer>(static_cast<int>(Answer::kYes) - static_cast<int>(inner.session(s)));
  };
  return filter;
}

RandomFilter group(Random& random, bool is_and, std::vector<RandomFilter> parts) {
  RandomFilter filter;
  const std::string sign =
      is_and ? pick(random, std::array{" and ", " && "}) : pick(random, std::array{" or ", "||"});
  for (const RandomFilter& part : parts) {
    filter.text += fmt::format("{}({})", filter.text.empty() ? "" : sign, part.text);
    filter.has_session_words |= part.has_session_words;
  }
  filter.packet = [=](const PacketTruth& p, const SessionRecord& s) {
    const auto holds = [&](const RandomFilter& part) { return part.packet(p, s); };
    return is_and ? std::all_of(parts.begin(), parts.end(), holds)
                  : std::any_of(parts.begin(), parts.end(), holds);
  };
  filter.session = [=](const SessionRecord& s) {
    Answer result = is_and ? Answer::kYes : Answer::kNo;
    for (const RandomFilter& part : parts) {
      result = is_and ? std::min(result, part.session(s)) : std::max(result, part.session(s));
    }
    return result;
  };
  return filter;
}

}  // namespace

RandomFilter make_random_filter(Random& random, int depth_max) {
  if (depth_max == 0 || one_in(random, 4)) return random_term(random);
  if (one_in(random, 4)) return negation(random, make_random_filter(random, depth_max - 1));
  std::vector<RandomFilter> parts;
  for (std::uint64_t count = 2 + below(random, 3); count > 0; --count) {
    parts.push_back(make_random_filter(random, depth_max - 1));
  }
  return group(random, one_in(random, 2), std::move(parts));
}

}  // namespace tapline::query::test
