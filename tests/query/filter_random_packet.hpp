#pragma once
// Random frames over a small world of addresses, ports and tags, each with what was put into it: the truth
// that a naive evaluator looks at, so that the decoder and the filter are tested against something that knows
// neither.

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/index_key.hpp"
#include "storage/query/filter_index_query.hpp"

namespace tapline::query::test {

using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t limit) {
  return random() % limit;
}
inline bool one_in(Random& random, std::uint64_t n) {
  return below(random, n) == 0;
}

template <class Container>
auto pick(Random& random, const Container& from) {
  return from[below(random, std::size(from))];
}

struct PacketTruth {
  bool is_ip = false;
  bool is_ipv6 = false;
  bool is_arp = false;
  bool is_rarp = false;
  std::uint16_t ethertype = 0;
  IpAddress source;  // of ARP: the sender
  IpAddress destination;
  std::uint8_t ip_proto = 0;
  std::optional<std::uint16_t>
      source_port;  // absent on later fragments and other protocols; ICMP: type and code
  std::optional<std::uint16_t> destination_port;
  std::vector<std::uint16_t> vlans;
  std::vector<std::uint32_t> labels;
  std::uint32_t wire_bytes = 0;

  bool has_addresses() const { return is_ip || is_arp || is_rarp; }
};

struct RandomPacket {
  std::vector<std::uint8_t> bytes;
  Frame frame;
  PacketMeta meta{};
  PacketTruth truth;
};

IpAddress random_address(Random& random, bool ipv6);
std::uint16_t random_port(Random& random);
std::uint16_t random_vlan(Random& random);
std::uint8_t random_proto(Random& random, bool ipv6);

/// Fills `packet`, which must not be moved afterwards: the frame points into its bytes.
void make_random_packet(Random& random, RandomPacket& packet);

/// A record as flowgen might write it; the uid is random.
SessionRecord make_random_session(Random& random);

/// Every key that the index posts for a frame.
std::vector<storage::IndexKey> index_keys_of(const Frame& frame, const PacketMeta& meta);
bool is_true_for(const IndexQuery& query, const std::vector<storage::IndexKey>& keys);

}  // namespace tapline::query::test
