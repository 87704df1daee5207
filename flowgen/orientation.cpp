#include "flowgen/orientation.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "capture/packet/icmp_counterpart.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "flowgen/flow_phase.hpp"

namespace tapline::flowgen {
namespace {

constexpr std::uint16_t kSystemPortMax = 1023;  // RFC 6335, section 6

// Service ports above the system ports. Only what servers listen on nearly everywhere: a port in the
// ephemeral range would flip as many sessions as it mends.
constexpr std::array<std::uint16_t, 50> kServicePorts = {
    1080, 1194, 1433, 1434, 1521, 1701, 1723, 1812, 1813, 1883, 1900, 2049, 2055, 2083, 2181, 3128, 3268,
    3269, 3306, 3389, 3478, 3544, 4433, 4500, 4739, 4789, 4790, 5060, 5061, 5072, 5222, 5353, 5355, 5432,
    5671, 5672, 5900, 5985, 5986, 6081, 6379, 6443, 6514, 8000, 8080, 8443, 8472, 9092, 9200, 11211};

// A bit for each port: a search mispredicts several branches for every ephemeral port.
constexpr std::array<std::uint64_t, 1024> kIsServicePort = [] {
  std::array<std::uint64_t, 1024> set{};
  const auto add = [&set](std::uint32_t port) { set[port / 64] |= std::uint64_t{1} << port % 64; };
  for (std::uint32_t port = 1; port <= kSystemPortMax; ++port) add(port);
  for (const std::uint16_t port : kServicePorts) add(port);
  return set;
}();

// Requests among the pairs of icmp_counterpart.hpp.
constexpr std::array<std::uint8_t, 5> kIcmpRequests = {8, 10, 13, 15, 17};
constexpr std::array<std::uint8_t, 6> kIcmpv6Requests = {128, 130, 133, 135, 139, 144};

constexpr int kRememberConfidenceMin = 95;  // percent

std::optional<Orientation> by_handshake(const OrientEvidence& evidence) {
  if (evidence.syn_seen == 3) return Orientation{evidence.first_syn_direction, OrientRule::kSyn, 90};
  if (evidence.syn_seen != 0) return Orientation{evidence.first_syn_direction, OrientRule::kSyn, 100};
  if (evidence.syn_ack_seen == bit(Direction::kAToB))
    return Orientation{Direction::kBToA, OrientRule::kSynAck, 98};
  if (evidence.syn_ack_seen == bit(Direction::kBToA))
    return Orientation{Direction::kAToB, OrientRule::kSynAck, 98};
  return std::nullopt;
}

// RFC 5771, RFC 4291 (section 2.7); the limited broadcast address.
bool is_multicast(const IpAddress& address, bool ipv6) {
  if (ipv6) return address.bytes[0] == 0xff;
  return (address.bytes[12] & 0xf0) == 0xe0 || address.v4() == 0xffff'ffff;
}

std::optional<Orientation> by_multicast(const FlowKey& key) {
  const bool ipv6 = (key.flags & kKeyIpv6) != 0;
  const bool a = is_multicast(key.address_a, ipv6);
  const bool b = is_multicast(key.address_b, ipv6);
  if (a == b) return std::nullopt;
  return Orientation{b ? Direction::kAToB : Direction::kBToA, OrientRule::kMulticast, 95};
}

template <class Requests>
bool is_request(const Requests& requests, std::uint16_t type) {
  return std::find(requests.begin(), requests.end(), type) != requests.end();
}

bool has_icmp_header(const FlowKey& key) {
  return (key.ip_proto == kIpProtoIcmp || key.ip_proto == kIpProtoIcmpv6) && (key.flags & kKeyFragment) == 0;
}

// The ports of an ICMP key are type and counterpart, or type and code: PacketMeta::src_port.
std::optional<Orientation> by_icmp_type(const FlowKey& key, const OrientEvidence& evidence,
                                        bool request_seen_only) {
  const bool v6 = key.ip_proto == kIpProtoIcmpv6;
  const auto type_a = static_cast<std::uint8_t>(key.port_a);
  const int counterpart = v6 ? icmpv6_counterpart(type_a) : icmp_counterpart(type_a);
  if (key.port_a != type_a || counterpart != key.port_b)
    return Orientation{evidence.first_direction, OrientRule::kIcmpType, 100};
  const bool a_requests =
      v6 ? is_request(kIcmpv6Requests, key.port_a) : is_request(kIcmpRequests, key.port_a);
  const Direction requester = a_requests ? Direction::kAToB : Direction::kBToA;
  if ((evidence.frames_seen & bit(requester)) != 0) return Orientation{requester, OrientRule::kIcmpType, 100};
  if (request_seen_only) return std::nullopt;
  return Orientation{requester, OrientRule::kIcmpType, 95};
}

bool has_ports(const FlowKey& key) {
  return key.ip_proto == kIpProtoTcp || key.ip_proto == kIpProtoUdp || key.ip_proto == kIpProtoSctp;
}

bool is_service_port(std::uint16_t port) {
  return (kIsServicePort[port / 64] >> port % 64 & 1) != 0;
}

std::optional<Orientation> by_memory(const OrientEvidence& evidence) {
  if (evidence.remembered == 0) return std::nullopt;
  const bool a = evidence.remembered == bit(Direction::kAToB);
  return Orientation{a ? Direction::kAToB : Direction::kBToA, OrientRule::kRemembered, 97};
}

/// Not where both seem to be the client.
std::optional<Orientation> by_application(const OrientEvidence& evidence) {
  if (evidence.clients != bit(Direction::kAToB) && evidence.clients != bit(Direction::kBToA))
    return std::nullopt;
  const bool a = evidence.clients == bit(Direction::kAToB);
  return Orientation{a ? Direction::kAToB : Direction::kBToA, OrientRule::kApplication, 95};
}

std::optional<Orientation> by_port(const FlowKey& key) {
  const bool a = is_service_port(key.port_a);
  const bool b = is_service_port(key.port_b);
  if (a == b) return std::nullopt;
  return Orientation{b ? Direction::kAToB : Direction::kBToA, OrientRule::kPort, 75};
}

}  // namespace

Orientation find_originator(const FlowKey& key, const OrientEvidence& evidence) {
  const bool fragment = (key.flags & kKeyFragment) != 0;
  std::optional<Orientation> found;
  if (!fragment && key.ip_proto == kIpProtoTcp) found = by_handshake(evidence);
  // A reply without its request turns a session round, but never one to a multicast address: listener
  // reports.
  const bool icmp = has_icmp_header(key);
  if (icmp) found = by_icmp_type(key, evidence, true);
  if (!found) found = by_multicast(key);
  if (!found && icmp) found = by_icmp_type(key, evidence, false);
  if (!found) found = by_memory(evidence);
  if (!found) found = by_application(evidence);
  if (!found && !fragment && has_ports(key)) found = by_port(key);
  if (found) return *found;
  const bool new_udp = key.ip_proto == kIpProtoUdp && !fragment;
  return {evidence.first_direction, OrientRule::kFirstPacket, static_cast<std::uint8_t>(new_udp ? 70 : 40)};
}

bool is_to_remember(const SessionRecord& record) {
  const DirectionCounters& a = record.a_to_b.total;
  const DirectionCounters& b = record.b_to_a.total;
  const bool spoken = (a.packets != 0 && b.packets != 0) || (a.payload_bytes | b.payload_bytes) != 0;
  const bool lasting = spoken || record.orient_rule == OrientRule::kRemembered;
  return lasting && record.orient_confidence >= kRememberConfidenceMin && has_tcp_header(record.key);
}

}  // namespace tapline::flowgen
