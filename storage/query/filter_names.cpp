#include "storage/query/filter_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tapline::query {
namespace {

struct NamedNumber {
  std::string_view name;
  std::uint16_t number;
};

// IANA protocol numbers; the first name of a number is the one printed.
constexpr std::array kIpProtos = {
    NamedNumber{"tcp", 6},       NamedNumber{"udp", 17},       NamedNumber{"icmp", 1},
    NamedNumber{"icmp6", 58},    NamedNumber{"sctp", 132},     NamedNumber{"igmp", 2},
    NamedNumber{"esp", 50},      NamedNumber{"ah", 51},        NamedNumber{"gre", 47},
    NamedNumber{"pim", 103},     NamedNumber{"vrrp", 112},     NamedNumber{"ospf", 89},
    NamedNumber{"eigrp", 88},    NamedNumber{"ipip", 4},       NamedNumber{"dccp", 33},
    NamedNumber{"udplite", 136}, NamedNumber{"ipv6-icmp", 58}, NamedNumber{"icmpv6", 58}};

// IANA service names that analysts type; the same number for TCP and UDP.
constexpr std::array kServices = {NamedNumber{"ftp-data", 20},
                                  NamedNumber{"ftp", 21},
                                  NamedNumber{"ssh", 22},
                                  NamedNumber{"telnet", 23},
                                  NamedNumber{"smtp", 25},
                                  NamedNumber{"domain", 53},
                                  NamedNumber{"bootps", 67},
                                  NamedNumber{"bootpc", 68},
                                  NamedNumber{"tftp", 69},
                                  NamedNumber{"http", 80},
                                  NamedNumber{"kerberos", 88},
                                  NamedNumber{"pop3", 110},
                                  NamedNumber{"sunrpc", 111},
                                  NamedNumber{"ntp", 123},
                                  NamedNumber{"netbios-ns", 137},
                                  NamedNumber{"netbios-dgm", 138},
                                  NamedNumber{"netbios-ssn", 139},
                                  NamedNumber{"imap2", 143},
                                  NamedNumber{"snmp", 161},
                                  NamedNumber{"snmp-trap", 162},
                                  NamedNumber{"bgp", 179},
                                  NamedNumber{"irc", 194},
                                  NamedNumber{"ldap", 389},
                                  NamedNumber{"https", 443},
                                  NamedNumber{"microsoft-ds", 445},
                                  NamedNumber{"isakmp", 500},
                                  NamedNumber{"syslog", 514},
                                  NamedNumber{"ldaps", 636},
                                  NamedNumber{"imaps", 993},
                                  NamedNumber{"pop3s", 995},
                                  NamedNumber{"ms-sql-s", 1433},
                                  NamedNumber{"radius", 1812},
                                  NamedNumber{"nfs", 2049},
                                  NamedNumber{"mysql", 3306},
                                  NamedNumber{"ms-wbt-server", 3389},
                                  NamedNumber{"sip", 5060},
                                  NamedNumber{"mdns", 5353},
                                  NamedNumber{"postgresql", 5432},
                                  NamedNumber{"x11", 6000},
                                  NamedNumber{"redis", 6379},
                                  NamedNumber{"http-alt", 8080}};

constexpr std::array kEthertypes = {NamedNumber{"ip", 0x0800},   NamedNumber{"ip6", 0x86dd},
                                    NamedNumber{"arp", 0x0806},  NamedNumber{"rarp", 0x8035},
                                    NamedNumber{"lldp", 0x88cc}, NamedNumber{"loopback", 0x9000}};

constexpr std::uint16_t kEthertypeMin = 0x0600;  // below it, the field is a length (IEEE 802.3)

template <std::size_t N>
std::optional<std::uint16_t> find_name(const std::array<NamedNumber, N>& table, std::string_view text) {
  const std::string name = lower_case(text);
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const NamedNumber& row) { return row.name == name; });
  if (found == table.end()) return std::nullopt;
  return found->number;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t largest) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value > largest) return std::nullopt;
  return value;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<std::uint8_t> parse_ip_proto(std::string_view text) {
  if (const auto named = find_name(kIpProtos, text)) return static_cast<std::uint8_t>(*named);
  if (const auto number = parse_number(text, 255)) return static_cast<std::uint8_t>(*number);
  return std::nullopt;
}

std::string ip_proto_text(std::uint8_t ip_proto) {
  for (const NamedNumber& row : kIpProtos) {
    if (row.number == ip_proto) return std::string(row.name);
  }
  return fmt::format("{}", ip_proto);
}

bool is_proto_word(std::string_view text) {
  return find_name(kIpProtos, text).has_value();
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (const auto named = find_name(kServices, text)) return named;
  if (const auto number = parse_number(text, 65535)) return static_cast<std::uint16_t>(*number);
  return std::nullopt;
}

std::optional<std::uint16_t> parse_ethertype(std::string_view text) {
  if (const auto named = find_name(kEthertypes, text)) return named;
  const auto number = parse_number(text, 0xffff);
  if (!number || *number < kEthertypeMin) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace tapline::query
