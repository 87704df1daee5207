// What is accepted and how it reads in canonical form; what is refused, with the column and the remedy.

#include <algorithm>
#include <catch2/catch.hpp>

#include "storage/query/filter.hpp"

namespace tapline::query {
namespace {

struct Accepted {
  const char* text;
  const char* canonical;
};

constexpr Accepted kAccepted[] = {
    {"", ""},
    {"  \t\n", ""},
    // tcpdump's words
    {"host 10.0.0.5", "host 10.0.0.5"},
    {"HOST 2001:DB8:0:0::1", "host 2001:db8::1"},
    {"src 10.0.0.5", "src host 10.0.0.5"},
    {"dst host 10.0.0.5", "dst host 10.0.0.5"},
    {"src or dst host 10.0.0.5", "host 10.0.0.5"},
    {"dst and src net 10", "src and dst net 10.0.0.0/8"},
    {"ip6 src host fe80::1", "ip6 src host fe80::1"},
    {"arp host 10.0.0.1", "arp host 10.0.0.1"},
    {"net 10", "net 10.0.0.0/8"},
    {"net 10.1", "net 10.1.0.0/16"},
    {"net 192.168.1", "net 192.168.1.0/24"},
    {"net 192.168.1.0", "host 192.168.1.0"},
    {"net 10/8", "net 10.0.0.0/8"},
    {"net 10.0.0.0 mask 255.240.0.0", "net 10.0.0.0/12"},
    {"net 0.0.0.0/0", "net 0.0.0.0/0"},
    {"net 2001:db8::/32", "net 2001:db8::/32"},
    {"net ::/0", "net ::/0"},
    {"net 10 or 11.0.0.0/8", "net 10.0.0.0/8 or net 11.0.0.0/8"},
    {"port 80", "port 80"},
    {"port https", "port 443"},
    {"tcp port 80 or 443", "tcp port 80 or tcp port 443"},
    {"tcp dst port (80 or 443 or not 22)", "tcp dst port 80 or tcp dst port 443 or not tcp dst port 22"},
    {"udp src or dst port 53", "udp port 53"},
    {"portrange 6008-6000", "portrange 6000-6008"},
    {"portrange 80", "port 80"},
    {"sctp src portrange 1-1", "sctp src port 1"},
    {"host 10.0.0.1 and (10.0.0.2 or 10.0.0.3)", "host 10.0.0.1 and (host 10.0.0.2 or host 10.0.0.3)"},
    {"not host 10.0.0.1 and 10.0.0.2", "not host 10.0.0.1 and host 10.0.0.2"},
    {"tcp", "tcp"},
    {"icmp or icmp6", "icmp or icmp6"},
    {"esp", "esp"},
    {"proto 6", "tcp"},
    {"proto icmp", "proto icmp"},
    {"ip proto 1", "icmp"},
    {"ip6 proto \\tcp", "ip6 proto tcp"},
    {"proto 253", "proto 253"},
    {"ip and not arp and not rarp", "ip and not arp and not rarp"},
    {"ether proto 0x86dd", "ip6"},
    {"ether proto \\arp", "arp"},
    {"ether proto lldp", "ether proto 0x88cc"},
    {"vlan", "vlan"},
    {"vlan 100 and tcp", "vlan 100 and tcp"},
    {"mpls 0x10", "mpls 16"},
    {"less 64 or greater 1500", "less 64 or greater 1500"},
    // operators
    {"tcp&&port 80", "tcp and port 80"},
    {"tcp || udp or icmp", "tcp or udp or icmp"},
    {"!tcp", "not tcp"},
    {"not not tcp", "tcp"},
    {"not (not tcp)", "tcp"},
    {"((tcp))", "tcp"},
    {"tcp and (udp and icmp)", "tcp and udp and icmp"},
    {"tcp and port 80 or udp", "(tcp and port 80) or udp"},
    {"not tcp and not (udp or icmp)", "not tcp and not (udp or icmp)"},
    {"!(tcp and !(udp or icmp))", "not (tcp and not (udp or icmp))"},
    // identities
    {"10.0.0.5:51000-203.0.113.9:80/tcp", "10.0.0.5:51000-203.0.113.9:80/tcp"},
    {"[2001:db8::1]:443-[2001:db8::2]:5000/17", "[2001:db8::1]:443-[2001:db8::2]:5000/udp"},
    {"10.0.0.1-10.0.0.2/icmp", "10.0.0.1-10.0.0.2/icmp"},
    {"10.0.0.1-10.0.0.2:443/tcp", "10.0.0.1-10.0.0.2:443/tcp"},
    {"2001:db8::1-2001:db8::2/icmp6", "2001:db8::1-2001:db8::2/icmp6"},
    {"[2001:db8::1]-[2001:db8::2]/58", "2001:db8::1-2001:db8::2/icmp6"},
    {"10.0.0.1:0-10.0.0.2:0/gre", "10.0.0.1-10.0.0.2/gre"},
    {"1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "community_id = 1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"not 1:LQU9qZlK+B5F3KDmev6m5PMibrg= and tcp",
     "not community_id = 1:LQU9qZlK+B5F3KDmev6m5PMibrg= and tcp"},
    {"uid 01HF7YAT00J4RWCH9AB4GQN1F2", "uid = 01HF7YAT00J4RWCH9AB4GQN1F2"},
    {"01hf7yat00j4rwch9ab4gqn1f2", "uid = 01HF7YAT00J4RWCH9AB4GQN1F2"},
    // session fields
    {"resp_ip_bytes = 0 and egress > 100MiB", "resp_ip_bytes = 0 and egress > 104857600"},
    {"duration>=5m", "duration >= 300000000000ns"},
    {"first > -1h", "first > 2023-11-14T21:13:20.000000000Z"},
    {"last < 2026-01-01T00:00:00+02:00", "last < 2025-12-31T22:00:00.000000000Z"},
    {"first = \"2026-01-01T00:00:00Z\"", "first = 2026-01-01T00:00:00.000000000Z"},
    {"orig_ip = 10.0.0.0/8 and resp_ip != 192.0.2.1", "orig_ip = 10.0.0.0/8 and resp_ip != 192.0.2.1"},
    {"resp_port == https", "resp_port = 443"},
    {"tcp_flags & r", "tcp_flags & R"},
    {"orig_tcp_flags = 0x12", "orig_tcp_flags = SA"},
    {"final", "final = true"},
    {"final != no", "final != false"},
    {"end_reason = Reset", "end_reason = reset"},
    {"orient_rule != first_packet", "orient_rule != first_packet"},
    {"proto = tcp", "proto = tcp"},
    {"proto != 58", "proto != icmp6"},
    {"vlans = 5", "vlan = 5"},
    {"uid != 01HF7YAT00J4RWCH9AB4GQN1F2", "uid != 01HF7YAT00J4RWCH9AB4GQN1F2"},
    {"host 10.0.0.1 or packets > 5", "host 10.0.0.1 or packets > 5"},
};

struct Refused {
  const char* text;
  std::size_t column;
  const char* message;  // all of the first line after the column
};

constexpr Refused kRefused[] = {
    {"tcp and", 8, "something is missing at the end"},
    {"and tcp", 1, "something is missing before 'and'"},
    {"(tcp", 1, "this '(' is never closed"},
    {"tcp)", 4, "this ')' closes nothing"},
    {"()", 2, "something is missing before ')'"},
    {"tcp udp", 5, "'and' or 'or' is missing before 'udp'"},
    {"(tcp udp)", 6, "'and' or 'or' is missing before 'udp'"},
    {"tcp | udp", 5, "a single '|' means nothing here: write 'or' or '||'"},
    {"tcp & udp", 1, "no session field 'tcp'; did you mean tcp_flags, orig_tcp_flags, resp_tcp_flags?"},
    {"first > '2026", 9, "the quote ' is never closed"},
    {"'tcp'", 1, "only the value of a field may stand in quotes"},
    {"tcp or udp and port 80", 12,
     "'and' after 'or' has two readings: write '(A or B) and C', as tcpdump reads it, or 'A or (B and C)'"},
    {"host", 5, "an address, net, port or protocol is missing here"},
    {"host and tcp", 6, "an address, net, port or protocol is missing here"},
    {"host example.com", 6, "'example.com' is not an IP address (names are not looked up)"},
    {"host 10.0.0.0/8", 6, "'10.0.0.0/8' is a net, not a host: write 'net 10.0.0.0/8'"},
    {"net 10.0.0.5/8", 5, "'10.0.0.5/8' has bits past its prefix: did you mean 10.0.0.0/8?"},
    {"net 10.0.0.0/33", 5, "'10.0.0.0/33': the prefix length must be 0 to 32"},
    {"net 10.0.0.0 mask 255.0.255.0", 5,
     "'255.0.255.0' is not a mask: use contiguous ones, like 255.255.0.0"},
    {"net fe80:: mask 255.0.0.0", 5, "'fe80::' is not a net: use an address and a length, like 10.0.0.0/8"},
    {"ip host fe80::1", 9, "'fe80::1' is not an IPv4 address, as 'ip' asks for"},
    {"ip6 net 10", 9, "'10' is not an IPv6 address, as 'ip6' asks for"},
    {"port 65536", 6, "'65536' is not a port: use 0 to 65535 or a service name"},
    {"port 80 or 10.0.0.1", 12, "'10.0.0.1' is not a port: use 0 to 65535 or a service name"},
    {"src port (80 or port 443)", 17, "an address, net, port or protocol is missing before 'port'"},
    {"port (80 or seq = 1)", 13, "only ids may stand in the parentheses after a qualifier"},
    {"portrange 80-x", 11, "'80-x' is not a range of ports: write it like 6000-6008"},
    {"icmp port 3", 1, "'icmp' has no ports: only tcp, udp and sctp have"},
    {"tcp host 10.0.0.1", 1, "'tcp' cannot stand before this: write 'tcp and ...'"},
    {"ip port 80", 1, "'ip' cannot stand before this: write 'ip and ...'"},
    {"src proto 6", 1, "'proto' has no direction: leave out src and dst"},
    {"arp proto 6", 1, "'arp' carries no IP protocol"},
    {"proto tpc", 7, "'tpc' is not an IP protocol: use a name like tcp, or 0 to 255"},
    {"ether host 02:00:00:00:00:01", 1, "of 'ether' only 'ether proto' is known: MAC addresses are not kept"},
    {"ether proto 0x5ff", 13, "'0x5ff' is not an ethertype: use a name like arp, or 0x0600 to 0xffff"},
    {"ether proto 0x8100", 13, "'0x8100' is a VLAN tag, which ether proto looks behind: write 'vlan'"},
    {"ether proto 0x8847", 13, "'0x8847' is an MPLS label, which ether proto looks behind: write 'mpls'"},
    {"vlan 4096", 6, "'4096' is not a number from 0 to 4095"},
    {"less", 5, "a frame length in bytes is missing here"},
    {"10.0.0.1", 1, "write 'host 10.0.0.1'"},
    {"10.0.0.0/8", 1, "write 'net 10.0.0.0/8'"},
    {"tcp or 80", 8, "what is 80? write 'port 80'"},
    {"tcp[13] & 2 != 0", 1,
     "byte offsets into packets are not supported: for TCP flags use the session field tcp_flags"},
    {"multicast", 1, "tcpdump's 'multicast' is not supported"},
    {"hots 10.0.0.1", 1, "unknown word 'hots'; did you mean host?"},
    {"zzzzzzzz", 1, "unknown word 'zzzzzzzz'; use words like host, net, port, tcp, or a session field"},
    {"10.0.0.1:1-10.0.0.2:2", 22, "a five-tuple ends with its protocol: add /tcp, /udp or the like"},
    {"10.0.0.1:1-10.0.0:2/tcp", 12,
     "'10.0.0:2' is not an endpoint: write 10.0.0.5:51000, [2001:db8::1]:443 or an address alone"},
    {"10.0.0.1:1-[::1]:2/tcp", 12, "one endpoint is IPv4 and the other IPv6"},
    {"10.0.0.1:1-10.0.0.2:2/txp", 23, "'txp' is not an IP protocol: use a name like tcp, or 0 to 255"},
    {"10.0.0.1:1-10.0.0.2:2/gre", 23, "protocol gre has no ports: leave them out"},
    {"orig_bites > 5", 1, "no session field 'orig_bites'; did you mean orig_ip_bytes?"},
    {"egres > 1GB", 1, "no session field 'egres'; did you mean egress?"},
    {"sni = *.example.com", 1, "'sni' is not recorded by this version"},
    {"tcp and dns.query = x", 9, "'dns.query' is not recorded by this version"},
    {"lost_during", 1, "'lost_during' is not recorded by this version"},
    {"len > 100", 1, "write 'less N' (at most) or 'greater N' (at least) for a frame's length"},
    {"packets", 1, "'packets' is a session field: compare it, like 'packets = ...'"},
    {"packets >", 10, "a value for packets is missing here"},
    {"packets > many", 11, "'many' is not a value of packets: use a whole number"},
    {"packets > 99999999999999999999", 11,
     "'99999999999999999999' is not a value of packets: use a whole number"},
    {"duration > 5", 12, "'5' is not a duration: use a number with ns, us, ms, s, m, h, d or w, like 500ms"},
    {"ip_bytes > 1XB", 12, "'1XB' is not a size: use bytes, or a number with a unit like 64KiB, 1.5MB, 10G"},
    {"tcp_flags = XY", 13,
     "'XY' is not a value of tcp_flags: use letters of FSRPAUEC, or a number up to 255"},
    {"tcp_flags > S", 11, "tcp_flags can only be compared with =, != and & (any of)"},
    {"packets & 5", 9, "'&' is for tcp_flags: write 'and' or '&&' between terms"},
    {"orig_ip > 10.0.0.1", 9, "orig_ip can only be compared with = and !="},
    {"final = maybe", 9, "'maybe' is not a value of final: use true or false"},
    {"community_id = 1:abc", 16,
     "'1:abc' is not a value of community_id: use '1:' and 28 characters of base 64"},
};

FilterOptions options() {
  FilterOptions options;
  options.now_ns = 1'700'000'000 * kNsPerSecond;  // 2023-11-14T22:13:20Z
  return options;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST_CASE("accepted filters have one canonical form, which parses back to itself") {
  for (const Accepted& row : kAccepted) {
    INFO(row.text);
    const Result<Filter> filter = Filter::parse(row.text, options());
    if (!filter) FAIL(filter.error().context);
    CHECK(filter->to_string() == row.canonical);
    const Result<Filter> again = Filter::parse(row.canonical, options());
    if (!again) FAIL(again.error().context);
    CHECK(again->to_string() == row.canonical);
  }
}

TEST_CASE("refused filters name the column and the remedy, with a caret below it") {
  for (const Refused& row : kRefused) {
    INFO(row.text);
    const Result<Filter> filter = Filter::parse(row.text, options());
    REQUIRE(!filter.ok());
    CHECK(filter.error().code == ErrorCode::kInvalid);
    const std::vector<std::string> lines = lines_of(filter.error().context);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "filter: column " + std::to_string(row.column) + ": " + row.message);
    CHECK(lines[1] == "  " + std::string(row.text));
    CHECK(lines[2] == std::string(row.column + 1, ' ') + "^");
  }
}

TEST_CASE("an unknown field without a near name lists all") {
  const Result<Filter> filter = Filter::parse("zzzz = 1", options());
  REQUIRE(!filter.ok());
  CHECK(filter.error().context.find("no session field 'zzzz'; there are first, last, duration,") !=
        std::string::npos);
}

TEST_CASE("columns count characters, control characters show as blanks, long expressions are cut") {
  const Result<Filter> utf8 = Filter::parse("host \xc3\xa4\xc3\xb6 or\tfoo", options());
  REQUIRE(!utf8.ok());
  CHECK(lines_of(utf8.error().context)[1] == "  host \xc3\xa4\xc3\xb6 or foo");
  CHECK(lines_of(utf8.error().context)[2] == "       ^");

  std::string text = "tcp";
  for (int i = 0; i < 1000; ++i) text += " or port 80";
  const Result<Filter> cut = Filter::parse(text + " or foo or" + text, options());
  REQUIRE(!cut.ok());
  const std::vector<std::string> lines = lines_of(cut.error().context);
  CHECK(lines[0].find("filter: column 11008: ") == 0);
  CHECK(lines[1].size() == 2 + 3 + 120 + 3);
  CHECK(lines[1].substr(lines[2].find('^'), 3) == "foo");
}

TEST_CASE("limits are errors of their own kind") {
  const auto code_of = [](const std::string& text) {
    const Result<Filter> filter = Filter::parse(text, options());
    REQUIRE(!filter.ok());
    return filter.error().code;
  };
  CHECK(code_of(std::string(kFilterBytesMax + 1, ' ')) == ErrorCode::kLimit);
  CHECK(code_of(std::string(201, '(') + "tcp" + std::string(201, ')')) == ErrorCode::kLimit);
  CHECK(Filter::parse(std::string(200, '(') + "tcp" + std::string(200, ')'), options()).ok());

  std::string ids = "net 1";  // 4 bytes each as typed, 18 written out
  while (ids.size() + 5 < kFilterBytesMax) ids += "||1";
  CHECK(code_of(ids) == ErrorCode::kLimit);

  std::string alternating = "tcp";  // two levels in the tree for one pair of parentheses
  for (int i = 0; i < 150; ++i) alternating = "tcp and (" + alternating + ") or udp";
  CHECK(code_of(alternating) == ErrorCode::kLimit);

  std::string chain = "tcp";
  while (chain.size() + 8 < kFilterBytesMax) chain += " and udp";
  CHECK(Filter::parse(chain, options()).ok());
  CHECK(Filter::parse(std::string(kFilterBytesMax - 3, '!') + "tcp", options()).ok());
}

TEST_CASE("a filter that is one uid or one flow says so") {
  const auto parse = [](const char* text) { return Filter::parse(text, options()).value(); };
  CHECK(format_uid(parse("(uid 01HF7YAT00J4RWCH9AB4GQN1F2)").single_uid().value()) ==
        "01HF7YAT00J4RWCH9AB4GQN1F2");
  CHECK(!parse("not uid 01HF7YAT00J4RWCH9AB4GQN1F2").single_uid());
  CHECK(!parse("uid != 01HF7YAT00J4RWCH9AB4GQN1F2").single_uid());
  CHECK(!parse("uid 01HF7YAT00J4RWCH9AB4GQN1F2 or tcp").single_uid());
  CHECK(!parse("").single_uid());

  const FlowKey flow = parse("203.0.113.9:80-10.0.0.5:51000/tcp").single_flow().value();
  CHECK(format_address(flow.address_a) == "10.0.0.5");
  CHECK(flow.port_a == 51000);
  CHECK(flow.port_b == 80);
  CHECK(flow.flags == 0);
  CHECK(parse("fe80::1-fe80::2/gre").single_flow()->flags == kKeyIpv6);
  CHECK(!parse("10.0.0.1-10.0.0.2/icmp").single_flow());
  CHECK(!parse("10.0.0.1-10.0.0.2:80/tcp").single_flow());
  CHECK(!parse("not 10.0.0.1:1-10.0.0.2:80/tcp").single_flow());
}

TEST_CASE("a filter knows whether it asks packets or sessions") {
  const auto parse = [](const char* text) { return Filter::parse(text, options()).value(); };
  CHECK(!parse("").has_packet_terms());
  CHECK(!parse("").has_session_terms());
  CHECK(parse("port 80 and packets > 5").has_packet_terms());
  CHECK(parse("port 80 and packets > 5").has_session_terms());
  CHECK(!parse("tcp or vlan or greater 5").has_session_terms());
  CHECK(!parse("final").has_packet_terms());
}

TEST_CASE("index queries are as narrow as the words allow") {
  using Kind = IndexQuery::Kind;
  const auto query = [](const char* text) { return Filter::parse(text, options()).value().index_query(); };
  CHECK(query("").kind == Kind::kAll);
  CHECK(query("not tcp").kind == Kind::kAll);
  CHECK(query("packets > 5 or tcp").kind == Kind::kAll);
  CHECK(query("uid 01HF7YAT00J4RWCH9AB4GQN1F2").kind == Kind::kAll);
  const IndexQuery host = query("packets > 5 and src host 10.0.0.5 and not udp");
  CHECK(host.kind == Kind::kKeyRange);
  CHECK(host.range.kind == storage::IndexKeyKind::kIpv4);
  CHECK(host.range.low == 0x0a000005);
  CHECK(host.range.high == 0x0a000005);
  CHECK(query("net 10.1").range.high == 0x0a01ffff);
  CHECK(query("port 80").operands.size() == 3);
  CHECK(query("udp portrange 53-54").range.low == (17 << 16 | 53));
  CHECK(query("udp portrange 53-54").range.high == (17 << 16 | 54));
  CHECK(query("not (not tcp)").range.kind == storage::IndexKeyKind::kIpProto);
  CHECK(query("not (not tcp or not port 80)").kind == Kind::kAnd);
  CHECK(query("10.0.0.1:1-10.0.0.2:2/tcp").operands.size() == 2);  // IPv4, and mapped in IPv6
  CHECK(query("[2001:db8::1]:1-[2001:db8::2]:2/tcp").range.kind == storage::IndexKeyKind::kFlow);
  CHECK(query("10.0.0.1-10.0.0.2:443/tcp").operands.size() == 3);
}

}  // namespace
}  // namespace tapline::query
