#pragma once
// The byte layout over which a FlowKey is hashed (storage/FORMAT.md, "Flow fingerprint"). On-disk names
// depend on it: it never changes. Ports are big endian, so that the layout sorts as the canonical endpoints
// do.

#include <array>
#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/packet/flow_key.hpp"

namespace tapline {

inline constexpr std::size_t kKeyLayoutBytes = 38;  // address 16 + 16, port 2 + 2, protocol, flags

inline void store_key_layout(std::uint8_t* at, const FlowKey& key) noexcept {
  std::memcpy(at, key.address_a.bytes.data(), 16);
  std::memcpy(at + 16, key.address_b.bytes.data(), 16);
  store_be16(at + 32, key.port_a);
  store_be16(at + 34, key.port_b);
  at[36] = key.ip_proto;
  at[37] = key.flags;
}

}  // namespace tapline
