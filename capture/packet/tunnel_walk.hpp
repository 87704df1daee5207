#pragma once
// The headers of tunnels: from a packet to where the one that it carries begins. Part of the decoder, not of
// its interface.

#include <cstdint>
#include <optional>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline::detail {

/// What a tunnel carries: bytes of the carrier's frame from `at` to `end`.
struct TunnelContent {
  std::uint32_t at;
  std::uint32_t end;        // of the captured bytes of the carrier's IP packet; at < end
  std::uint16_t ethertype;  // of what is there: kEtherTypeBridgedEthernet, kEtherTypePpp, IP, ...
  std::uint32_t tunnel_id;
};

/// None where the packet is no tunnel that we know, or its header was not captured, contradicts itself, or
/// says that no packet follows.
std::optional<TunnelContent> read_tunnel(const Frame& frame, const PacketMeta& meta) noexcept;

}  // namespace tapline::detail
