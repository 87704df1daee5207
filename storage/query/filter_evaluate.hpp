#pragma once
// One term against one packet or one session. No allocation, except for a Community ID (a SHA-1 and its
// text).

#include <array>
#include <optional>
#include <vector>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_layers.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/query/filter_network.hpp"
#include "storage/query/filter_term.hpp"

namespace tapline::query {

/// A packet under evaluation; its addresses, and the packets within it, are loaded once, when first asked
/// for. Lives for one evaluation.
class PacketView {
 public:
  PacketView(const Frame& of_frame, const PacketMeta& its_meta) : frame(of_frame), meta(its_meta) {}

  const Frame& frame;
  const PacketMeta& meta;

  /// False where the packet has none: neither IP nor ARP over IPv4.
  bool load_addresses();
  struct InnerPackets {
    std::array<Frame, kPacketLayersMax - 1> frames;
    std::array<PacketMeta, kPacketLayersMax - 1> metas;
    std::uint32_t count = 0;
  };
  /// What it carries in tunnels, outermost first.
  const InnerPackets& inner();
  const IpAddress& source() const { return source_; }
  const IpAddress& destination() const { return destination_; }

 private:
  enum class Loaded : std::uint8_t { kNotYet, kAbsent, kPresent };
  Loaded loaded_ = Loaded::kNotYet;
  IpAddress source_;
  IpAddress destination_;
  std::optional<InnerPackets> inner_;
};

/// Of the packet, or of any within it.
bool matches_packet_term(const Term& term, PacketView& packet) noexcept;

/// `home_nets` decide what egress and ingress are.
bool matches_session_term(const Term& term, const SessionRecord& session,
                          const std::vector<Network>& home_nets);

/// IP bytes that the session carried out of the home networks (egress) or into them; 0 where both ends or
/// none are at home, and for multicast.
std::uint64_t crossing_bytes(const SessionRecord& session, const std::vector<Network>& home_nets,
                             bool is_egress);

/// Is `address` in the net of a kNetwork or kAddressField term?
bool in_network(const Term& term, const IpAddress& address) noexcept;
bool compare(Relation relation, std::int64_t left, std::int64_t right) noexcept;
/// Combines what holds of source and destination.
bool either_or_both(Side side, bool source, bool destination) noexcept;

}  // namespace tapline::query
