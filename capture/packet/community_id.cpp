#include <algorithm>
#include <array>
#include <utility>

#include "capture/base/bytes.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/icmp_counterpart.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/sha1.hpp"

namespace tapline {
namespace {

std::string base64(Bytes bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? bytes[at + i] : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

// Protocols whose ports (ICMP: type and counterpart or code) take part. Fragments without ports have none to
// give.
bool hashes_ports(const FlowKey& key) {
  if ((key.flags & kKeyFragment) != 0) return false;
  return key.ip_proto == kIpProtoTcp || key.ip_proto == kIpProtoUdp || key.ip_proto == kIpProtoSctp ||
         key.ip_proto == kIpProtoIcmp || key.ip_proto == kIpProtoIcmpv6;
}

bool icmp_one_way(const FlowKey& key, std::uint16_t source_port) {
  const auto type = static_cast<std::uint8_t>(source_port);
  if (key.ip_proto == kIpProtoIcmp) return icmp_counterpart(type) < 0;
  return key.ip_proto == kIpProtoIcmpv6 && icmpv6_counterpart(type) < 0;
}

}  // namespace

std::string community_id(const FlowKey& key, Direction direction, std::uint16_t seed) {
  const IpAddress* first = &key.address_a;
  const IpAddress* second = &key.address_b;
  std::uint16_t first_port = key.port_a;
  std::uint16_t second_port = key.port_b;
  // The key is sorted as the specification sorts. One-way ICMP goes back to source first.
  const bool with_ports = hashes_ports(key);
  if (with_ports && direction == Direction::kBToA && icmp_one_way(key, key.port_b)) {
    std::swap(first, second);
    std::swap(first_port, second_port);
  }

  std::array<std::uint8_t, 2 + 16 + 16 + 2 + 4> message{};
  store_be16(message.data(), seed);
  std::size_t at = 2;
  const std::size_t address_skip = (key.flags & kKeyIpv6) != 0 ? 0 : 12;  // IPv4: the last four bytes
  for (const IpAddress* address : {first, second}) {
    std::memcpy(message.data() + at, address->bytes.data() + address_skip, 16 - address_skip);
    at += 16 - address_skip;
  }
  message[at] = key.ip_proto;
  at += 2;  // one byte of padding
  if (with_ports) {
    store_be16(message.data() + at, first_port);
    store_be16(message.data() + at + 2, second_port);
    at += 4;
  }
  return "1:" + base64(sha1(Bytes(message.data(), at)));
}

}  // namespace tapline
