#include "capture/packet/flow_key.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "capture/base/bytes.hpp"
#include "capture/packet/key_layout.hpp"

namespace tapline {
namespace {

// ::ffff:a.b.c.d as two little-endian loads: 8 zero bytes, then 00 00 ff ff and the address as on the wire.
constexpr std::uint64_t kV4MappedMarker = 0xffff0000;

std::uint64_t v4_mapped_tail(std::uint32_t wire_order) {
  return kV4MappedMarker | static_cast<std::uint64_t>(wire_order) << 32;
}

void store_v4(IpAddress& address, std::uint32_t wire_order) {
  store_le<std::uint64_t>(address.bytes.data(), 0);
  store_le<std::uint64_t>(address.bytes.data() + 8, v4_mapped_tail(wire_order));
}

// One side of a key in an order-preserving form. Compared without branches: which side is lower is as good as
// random, and a mispredicted branch costs more than the whole comparison.
struct Endpoint {
  std::uint64_t head;
  std::uint64_t tail;
  std::uint16_t port;
};

Endpoint load_endpoint(const std::uint8_t* address, std::uint16_t port) {
  return {load_be64(address), load_be64(address + 8), port};
}

bool sorts_lower(const Endpoint& x, const Endpoint& y) {
  const bool port = x.port < y.port;
  const bool tail = (x.tail < y.tail) | ((x.tail == y.tail) & port);
  return (x.head < y.head) | ((x.head == y.head) & tail);
}

// Where the longest run of at least two zero groups begins and ends (RFC 5952, section 4.2); 8, 8 without
// one.
struct ZeroRun {
  int begin = 8;
  int end = 8;
};

ZeroRun longest_zero_run(const std::array<std::uint16_t, 8>& groups) {
  ZeroRun best;
  for (int begin = 0; begin < 8;) {
    int end = begin;
    while (end < 8 && groups[static_cast<std::size_t>(end)] == 0) ++end;
    if (end - begin >= 2 && end - begin > best.end - best.begin) best = {begin, end};
    begin = end + 1;
  }
  return best;
}

}  // namespace

bool IpAddress::is_v4_mapped() const {
  return load_le<std::uint64_t>(bytes.data()) == 0 &&
         load_le<std::uint32_t>(bytes.data() + 8) == kV4MappedMarker;
}

std::uint32_t IpAddress::v4() const {
  return load_be32(bytes.data() + 12);
}

IpAddress IpAddress::from_v4(std::uint32_t host_order) {
  IpAddress address;
  store_v4(address, __builtin_bswap32(host_order));
  return address;
}

std::string format_wire_address(const IpAddress& address, bool ipv6) {
  return (ipv6 && address.is_v4_mapped() ? "::ffff:" : "") + format_address(address);
}

std::string format_address(const IpAddress& address) {
  if (address.is_v4_mapped()) {
    const auto& b = address.bytes;
    return fmt::format("{}.{}.{}.{}", b[12], b[13], b[14], b[15]);
  }
  std::array<std::uint16_t, 8> groups;
  for (std::size_t i = 0; i < 8; ++i) groups[i] = load_be16(address.bytes.data() + 2 * i);
  const ZeroRun run = longest_zero_run(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == run.begin) {
      text += "::";
      i = run.end - 1;
      continue;
    }
    if (i != 0 && i != run.end) text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", groups[static_cast<std::size_t>(i)]);
  }
  return text;
}

Result<IpAddress> parse_address(std::string_view text) {
  // inet_pton wants a terminated string; INET6_ADDRSTRLEN counts the terminator. It refuses octal and short
  // forms.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() < terminated.size() && text.find('\0') == std::string_view::npos) {
    std::copy(text.begin(), text.end(), terminated.begin());
    IpAddress address;
    std::uint32_t wire_order = 0;
    if (inet_pton(AF_INET, terminated.data(), &wire_order) == 1) {
      store_v4(address, wire_order);
      return address;
    }
    if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  }
  return Error{ErrorCode::kInvalid, fmt::format("not an IP address: '{}'", text)};
}

void load_addresses(const Frame& frame, const PacketMeta& meta, IpAddress& source,
                    IpAddress& destination) noexcept {
  const std::uint8_t* const ip = frame.data + meta.l3_offset;
  if (meta.has(kMetaIpv4)) {
    store_v4(source, load_le<std::uint32_t>(ip + 12));
    store_v4(destination, load_le<std::uint32_t>(ip + 16));
  } else {
    std::memcpy(source.bytes.data(), ip + 8, 16);
    std::memcpy(destination.bytes.data(), ip + 24, 16);
  }
}

Direction canonicalise(FlowKey& key) noexcept {
  const Endpoint a = load_endpoint(key.address_a.bytes.data(), key.port_a);
  const Endpoint b = load_endpoint(key.address_b.bytes.data(), key.port_b);
  if (!sorts_lower(b, a)) return Direction::kAToB;
  std::swap(key.address_a, key.address_b);
  std::swap(key.port_a, key.port_b);
  return Direction::kBToA;
}

Direction make_flow_key(const Frame& frame, const PacketMeta& meta, std::uint16_t link,
                        FlowKey& key) noexcept {
  const std::uint8_t* const ip = frame.data + meta.l3_offset;
  bool swapped;
  std::uint8_t flags = meta.has(kMetaLaterFragment) ? kKeyFragment : 0;
  if (meta.has(kMetaIpv4)) [[likely]] {
    const std::uint32_t source = load_le<std::uint32_t>(ip + 12);
    const std::uint32_t destination = load_le<std::uint32_t>(ip + 16);
    const std::uint64_t source_order = std::uint64_t{__builtin_bswap32(source)} << 16 | meta.src_port;
    const std::uint64_t destination_order =
        std::uint64_t{__builtin_bswap32(destination)} << 16 | meta.dst_port;
    swapped = destination_order < source_order;
    store_v4(key.address_a, swapped ? destination : source);
    store_v4(key.address_b, swapped ? source : destination);
  } else {
    flags |= kKeyIpv6;
    swapped = sorts_lower(load_endpoint(ip + 24, meta.dst_port), load_endpoint(ip + 8, meta.src_port));
    std::memcpy(key.address_a.bytes.data(), ip + (swapped ? 24 : 8), 16);
    std::memcpy(key.address_b.bytes.data(), ip + (swapped ? 8 : 24), 16);
  }
  key.port_a = swapped ? meta.dst_port : meta.src_port;
  key.port_b = swapped ? meta.src_port : meta.dst_port;
  key.tunnel_id = meta.tunnel_id;
  key.ip_proto = meta.ip_proto;
  key.flags = flags;
  key.link = link;
  return swapped ? Direction::kBToA : Direction::kAToB;
}

std::uint64_t flow_fingerprint(const FlowKey& key) noexcept {
  std::array<std::uint8_t, kKeyLayoutBytes> layout;
  store_key_layout(layout.data(), key);
  return XXH3_64bits(layout.data(), layout.size());
}

}  // namespace tapline
