#pragma once
// Term: one elementary question of a filter ("port 80", "duration > 5m"), resolved: names are numbers, nets
// are masks. Trivially copyable, so that a compiled filter is one array. Immutable after parsing.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/packet/flow_key.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/uid.hpp"
#include "storage/query/filter_network.hpp"

namespace tapline::query {

enum class TermKind : std::uint8_t {
  // Packet words: answered from the frame; on a session, from its key and counters.
  kNetwork,    // address/mask on a side; a host is a network of full length
  kPort,       // port_low..port_high on a side, of ip_proto or (0) any protocol that has ports
  kProtocol,   // ip_proto, in one family or either
  kEthertype,  // value
  kVlan,       // value, or any tag where it is negative
  kMpls,       // value, or any label where it is negative
  kLength,     // wire bytes against value
  kFiveTuple,  // address:port_low - other:port_high / ip_proto, in either direction
  // Session words: answered from the session record alone.
  kUid,          // address holds the bytes of the uid, or of that of the parent
  kCommunityId,  // community holds the text
  kAddressField,
  kNumberField,
};

inline bool is_session_term(TermKind kind) {
  return kind >= TermKind::kUid;
}

/// Of packets source and destination, of sessions originator and responder. A field without orig_ or resp_:
/// kEither.
enum class Side : std::uint8_t { kEither, kSource, kDestination, kBoth };

enum class Family : std::uint8_t { kAny, kIpv4, kIpv6, kArp, kRarp };

enum class Relation : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kAnyBit,
};

enum class Field : std::uint8_t {
  kNone,
  kFirst,
  kLast,
  kDuration,
  kPackets,
  kFrameBytes,
  kIpBytes,
  kPayloadBytes,
  kAppBytes,
  kRetransmittedPackets,
  kOutOfOrderPackets,
  kDuplicatePackets,
  kGapBytes,
  kStoredPackets,
  kEgress,
  kIngress,
  kPort,
  kAddress,
  kTcpFlags,
  kTtlMin,
  kTtlMax,
  kSeq,
  kFinal,
  kEndReason,
  kOrientRule,
  kOrientConfidence,
  kConnState,
  kRttServer,
  kRttClient,
  kResponseTime,
  kProto,
  kWorker,
  kVlan,
  kTunnel,
  kApp,
  kUid,
  kParentUid,
  kCommunityId,
};

/// "1:" and 20 bytes in base 64.
inline constexpr std::size_t kCommunityIdChars = 30;

struct Term {
  TermKind kind = TermKind::kProtocol;
  Side side = Side::kEither;
  Family family = Family::kAny;
  Relation relation = Relation::kEqual;
  Field field = Field::kNone;
  std::uint8_t ip_proto = 0;
  std::uint8_t prefix_bits = 0;  // of kNetwork and kAddressField, within the family
  bool skips_mapped = false;     // an IPv6 net that, as bits, would contain the IPv4 addresses
  bool has_port_low = false;     // kFiveTuple: the port of `address` was given
  bool has_port_high = false;    // and that of `other`
  std::uint16_t port_low = 0;
  std::uint16_t port_high = 0;
  std::int64_t value = 0;
  IpAddress address;
  IpAddress other;  // the mask of a net; the second endpoint of a five-tuple
  std::array<char, kCommunityIdChars> community{};
};

inline bool proto_is_icmp(std::uint8_t ip_proto) {
  return ip_proto == kIpProtoIcmp || ip_proto == kIpProtoIcmpv6;
}
/// ICMP has type and code in their place.
inline bool key_has_ports(const FlowKey& key) {
  return (key.flags & kKeyFragment) == 0 && (proto_has_ports(key.ip_proto) || proto_is_icmp(key.ip_proto));
}

/// "1:" and 28 characters of base 64.
bool is_community_id(std::string_view text);

/// kNetwork on either side, any family; kUid and kCommunityId with `=`.
Term network_term(const Network& network);
Term uid_term(const Uid& uid);
Term community_id_term(std::string_view text);

Network term_network(const Term& term);
Uid term_uid(const Term& term);

/// The key of a kFiveTuple term that names one flow: both ports, or a protocol that has none. Ports of others
/// are 0.
FlowKey term_flow_key(const Term& term);
bool names_one_flow(const Term& term);

/// The term as a filter would be typed, in its one canonical form.
std::string term_text(const Term& term);

}  // namespace tapline::query
