#include "storage/query/filter_network.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <optional>

#include "capture/base/bytes.hpp"

namespace tapline::query {
namespace {

constexpr unsigned kMappedBits = 96;  // what IPv4 addresses have in front

struct Masks {
  std::uint64_t head;
  std::uint64_t tail;
};

/// Ones in front over 128 bits, in host order.
Masks leading_ones(unsigned bits) {
  const auto half = [](unsigned count) {
    return count == 0 ? std::uint64_t{0} : ~std::uint64_t{0} << (64 - count);
  };
  return {half(bits < 64 ? bits : 64), half(bits > 64 ? bits - 64 : 0)};
}

unsigned family_bits(const IpAddress& address) {
  return address.is_v4_mapped() ? 32 : 128;
}

std::optional<unsigned> decimal(std::string_view text, unsigned largest) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > largest) return std::nullopt;
  return value;
}

/// tcpdump's short nets: one to three decimal bytes; the rest is zero and not part of the prefix.
std::optional<Network> short_network(std::string_view text) {
  std::uint32_t address = 0;
  unsigned octets = 0;
  while (octets < 4) {
    const std::size_t dot = text.find('.');
    const std::optional<unsigned> octet = decimal(text.substr(0, dot), 255);
    if (!octet) return std::nullopt;
    address |= *octet << (24 - 8 * octets++);
    if (dot == std::string_view::npos) return Network{IpAddress::from_v4(address), 8 * octets};
    text.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

std::optional<Network> whole_or_short(std::string_view text) {
  if (const auto address = parse_address(text)) return Network{*address, family_bits(*address)};
  return short_network(text);
}

Error not_a_network(std::string_view text) {
  return {ErrorCode::kInvalid,
          fmt::format("'{}' is not a net: use an address and a length, like 10.0.0.0/8", text)};
}

IpAddress masked(const IpAddress& address, const IpAddress& mask) {
  IpAddress result;
  for (std::size_t i = 0; i < result.bytes.size(); ++i) {
    result.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & mask.bytes[i]);
  }
  return result;
}

Result<Network> without_host_bits(const Network& network, std::string_view text) {
  const Network clean{masked(network.address, network_mask(network)), network.prefix_bits};
  if (clean.address == network.address) return network;
  return Error{ErrorCode::kInvalid,
               fmt::format("'{}' has bits past its prefix: did you mean {}?", text, format_network(clean))};
}

}  // namespace

bool Network::contains(const IpAddress& candidate) const noexcept {
  return candidate.is_v4_mapped() == address.is_v4_mapped() &&
         masked(candidate, network_mask(*this)) == address;
}

IpAddress network_mask(const Network& network) noexcept {
  const unsigned bits = network.prefix_bits + (network.address.is_v4_mapped() ? kMappedBits : 0);
  const Masks masks = leading_ones(bits);
  IpAddress mask;
  store_be64(mask.bytes.data(), masks.head);
  store_be64(mask.bytes.data() + 8, masks.tail);
  return mask;
}

Result<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  std::optional<Network> network = whole_or_short(text.substr(0, slash));
  if (!network) return not_a_network(text);
  if (slash != std::string_view::npos) {
    const unsigned longest = family_bits(network->address);
    const std::optional<unsigned> bits = decimal(text.substr(slash + 1), longest);
    if (!bits) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("'{}': the prefix length must be 0 to {}", text, longest)};
    }
    network->prefix_bits = *bits;
  }
  return without_host_bits(*network, text);
}

Result<Network> parse_network(std::string_view text, std::string_view mask) {
  const std::optional<Network> network = whole_or_short(text);
  const auto ones = parse_address(mask);
  if (!network || !network->address.is_v4_mapped()) return not_a_network(text);
  if (!ones || !ones->is_v4_mapped() || std::has_single_bit(std::uint64_t{~ones->v4()} + 1) == false) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("'{}' is not a mask: use contiguous ones, like 255.255.0.0", mask)};
  }
  return without_host_bits({network->address, static_cast<unsigned>(std::popcount(ones->v4()))}, text);
}

std::string format_network(const Network& network) {
  return fmt::format("{}/{}", format_address(network.address), network.prefix_bits);
}

const std::vector<Network>& default_home_nets() {
  static const std::vector<Network> nets = [] {
    std::vector<Network> parsed;
    for (const char* text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
                             "fc00::/7", "fe80::/10", "::1/128"}) {
      parsed.push_back(parse_network(text).value());
    }
    return parsed;
  }();
  return nets;
}

bool is_group_address(const IpAddress& address) noexcept {
  if (!address.is_v4_mapped()) return address.bytes[0] == 0xff;
  return (address.v4() >> 28) == 0xe || address.v4() == 0xffffffff;
}

}  // namespace tapline::query
