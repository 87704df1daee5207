#include "storage/query/filter_keywords.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "storage/query/filter_error.hpp"
#include "storage/query/filter_field.hpp"
#include "storage/query/filter_names.hpp"

namespace tapline::query {
namespace {

constexpr std::array<std::string_view, 21> kKeywords = {
    "and", "or",  "not",  "host",  "net",  "port", "portrange", "src",     "dst", "proto", "ip",
    "ip6", "arp", "rarp", "ether", "vlan", "mpls", "less",      "greater", "uid", "mask"};

// Words of tcpdump that mean nothing to a session, or that are not kept: better named than called unknown.
constexpr std::array<std::string_view, 20> kUnsupported = {
    "broadcast", "multicast", "gateway", "inbound",    "outbound", "pppoed", "pppoes",
    "geneve",    "vxlan",     "wlan",    "llc",        "decnet",   "iso",    "stp",
    "atalk",     "ipx",       "ifname",  "protochain", "fddi",     "tr"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool is_keyword(std::string_view word) {
  return is_one_of(kKeywords, word);
}

std::optional<Family> family_word(std::string_view word) {
  if (word == "ip") return Family::kIpv4;
  if (word == "ip6") return Family::kIpv6;
  if (word == "arp") return Family::kArp;
  if (word == "rarp") return Family::kRarp;
  return std::nullopt;
}

std::optional<IdType> id_type_word(std::string_view word) {
  if (word == "host") return IdType::kHost;
  if (word == "net") return IdType::kNet;
  if (word == "port") return IdType::kPort;
  if (word == "portrange") return IdType::kPortRange;
  if (word == "proto") return IdType::kProto;
  return std::nullopt;
}

std::optional<Side> side_word(std::string_view word) {
  if (word == "src") return Side::kSource;
  if (word == "dst") return Side::kDestination;
  return std::nullopt;
}

std::optional<Relation> relation_sign(std::string_view sign) {
  if (sign == "=" || sign == "==") return Relation::kEqual;
  if (sign == "!=") return Relation::kNotEqual;
  if (sign == "<") return Relation::kLess;
  if (sign == "<=") return Relation::kLessEqual;
  if (sign == ">") return Relation::kGreater;
  if (sign == ">=") return Relation::kGreaterEqual;
  if (sign == "&") return Relation::kAnyBit;
  return std::nullopt;
}

std::string explain_unknown_field(const std::string& name) {
  if (name.find('[') != std::string::npos) {
    return "byte offsets into packets are not supported: for TCP flags use the session field tcp_flags";
  }
  if (is_unrecorded_field(name)) return fmt::format("'{}' is not recorded by this version", name);
  if (name == "len") return "write 'less N' (at most) or 'greater N' (at least) for a frame's length";
  const std::string near = did_you_mean(name, field_names());
  if (!near.empty()) return fmt::format("no session field '{}'{}", name, near);
  return fmt::format("no session field '{}'; there are {}", name, fmt::join(field_names(), ", "));
}

std::string explain_unknown_word(const std::string& word) {
  if (word.find('[') != std::string::npos || is_unrecorded_field(word)) return explain_unknown_field(word);
  if (find_field(word) != nullptr) {
    return fmt::format("'{}' is a session field: compare it, like '{} = ...'", word, word);
  }
  if (is_one_of(kUnsupported, word)) return fmt::format("tcpdump's '{}' is not supported", word);
  if (parse_address(word).ok()) return fmt::format("write 'host {}'", word);
  if (word.find('/') != std::string::npos && parse_network(word).ok())
    return fmt::format("write 'net {}'", word);
  if (parse_number(word, UINT64_MAX)) return fmt::format("what is {}? write 'port {}'", word, word);
  std::vector<std::string_view> known(kKeywords.begin(), kKeywords.end());
  known.insert(known.end(), {"tcp", "udp", "icmp", "icmp6", "sctp"});
  known.insert(known.end(), field_names().begin(), field_names().end());
  const std::string near = did_you_mean(word, known);
  return fmt::format("unknown word '{}'{}", word,
                     near.empty() ? "; use words like host, net, port, tcp, or a session field" : near);
}

}  // namespace tapline::query
