#include "tests/query/filter_random_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "capture/packet/protocol_numbers.hpp"
#include "tests/query/filter_random_terms.hpp"

namespace tapline::query::test {
namespace {

using AddressTest = std::function<bool(const IpAddress&)>;

constexpr std::array<const char*, 4> kSides = {"", "src ", "dst ", "src and dst "};

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

RandomFilter random_term(Random& random) {
  constexpr std::array kPacketTerms = {host_filter, net_filter,    host_list_filter,
                                       port_filter, proto_filter,  ethertype_filter,
                                       tag_filter,  length_filter, five_tuple_filter};
  return one_in(random, 3) ? random_session_term(random) : pick(random, kPacketTerms)(random);
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
