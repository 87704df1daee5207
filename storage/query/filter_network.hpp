#pragma once
// Network: an address prefix, IPv4 or IPv6. ::ffff:a.b.c.d is a.b.c.d wherever it appears.

#include <string>
#include <string_view>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/packet/flow_key.hpp"

namespace tapline::query {

struct Network {
  IpAddress address;         // bits past the prefix are 0
  unsigned prefix_bits = 0;  // within the family: 0..32 for IPv4, 0..128 for IPv6

  bool contains(const IpAddress& candidate) const noexcept;
};

/// `10.0.0.0/8`, `fd00::/8`, `192.0.2.1` (a prefix of full length), and for IPv4 tcpdump's short forms `10`,
/// `10.1/16`. kInvalid where the text is none of them or has bits past the prefix; names the text and the
/// remedy.
Result<Network> parse_network(std::string_view text);
/// The same with a dotted mask: `10.0.0.0` and `255.0.0.0`. kInvalid where the mask's ones are not
/// contiguous.
Result<Network> parse_network(std::string_view text, std::string_view mask);

/// `10.0.0.0/8`: always with the prefix length.
std::string format_network(const Network& network);

/// The mask over all 16 bytes.
IpAddress network_mask(const Network& network) noexcept;

/// Private, link-local and loopback ranges: RFC 1918, 3927, 4193, 4291.
const std::vector<Network>& default_home_nets();

/// Multicast, or the limited broadcast: neither at home nor outside.
bool is_group_address(const IpAddress& address) noexcept;

}  // namespace tapline::query
