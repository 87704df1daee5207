#include "capture/packet/packet_layers.hpp"

#include <xxhash.h>

#include <optional>
#include <random>

#include "capture/base/check.hpp"
#include "capture/packet/checksum.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/link_walk.hpp"
#include "capture/packet/tunnel_walk.hpp"

namespace tapline {
namespace {

std::uint16_t link_type_of(std::uint16_t ethertype) {
  if (ethertype == kEtherTypeBridgedEthernet) return kLinkEthernet;
  return ethertype == kEtherTypePpp ? kLinkPpp : kLinkRaw;
}

/// Of this process: nobody outside can make two envelopes that are taken for one, and so hide an address from
/// the index.
std::uint64_t envelope_secret() {
  static const std::uint64_t secret = [] {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }();
  return secret;
}

/// Only compared, as PacketMeta::envelope_hash is.
std::uint32_t envelope_within(const Frame& carrier, const PacketMeta& meta, const PacketMeta& inner) {
  FlowKey key;
  const Direction direction = make_flow_key(carrier, meta, 0, key);
  const std::uint64_t outside = std::uint64_t{meta.envelope_hash} << 32 | inner.envelope_hash;
  const std::uint64_t words[] = {flow_fingerprint(key), outside,
                                 inner.tunnel_id | static_cast<std::uint64_t>(direction) << 32};
  const std::uint64_t hash = XXH3_64bits_withSeed(words, sizeof words, envelope_secret());
  const auto folded = static_cast<std::uint32_t>(hash >> 32);
  return folded != 0 ? folded : 1;
}

/// A datagram is taken for a tunnel by its port alone: then at least the lengths have to agree.
bool fits(const PacketMeta& carrier, const Frame& inner, const PacketMeta& meta) {
  return carrier.has(kMetaFragment) || meta.l3_offset + meta.ip_bytes <= inner.wire_bytes;
}

}  // namespace

bool decode_inner(const Frame& carrier, const PacketMeta& carrier_meta, Frame& inner,
                  PacketMeta& inner_meta) noexcept {
  const std::optional<detail::TunnelContent> content = detail::read_tunnel(carrier, carrier_meta);
  if (!content) return false;
  const std::uint32_t ip_end = carrier_meta.l3_offset + carrier_meta.ip_bytes;
  inner = carrier;
  inner.data += content->at;
  inner.captured_bytes = content->end - content->at;
  inner.wire_bytes = ip_end - content->at;  // for packets that do not tell their length
  inner.link_type = link_type_of(content->ethertype);
  inner_meta = PacketMeta{};
  detail::LinkWalk walk{inner, inner_meta, 0};
  switch (inner.link_type) {
    case kLinkEthernet:
      detail::decode_ethernet(walk);
      break;
    case kLinkPpp:
      detail::decode_ppp(walk);
      break;
    default:
      detail::read_layers_of_type(walk, content->ethertype);
  }
  if (inner_meta.status != DecodeStatus::kIp && inner_meta.status != DecodeStatus::kArp) return false;
  if (carrier_meta.ip_proto == kIpProtoUdp && !fits(carrier_meta, inner, inner_meta)) return false;
  inner.wire_bytes = carrier.wire_bytes;
  inner_meta.tunnel_id = content->tunnel_id;
  inner_meta.envelope_hash = envelope_within(carrier, carrier_meta, inner_meta);
  return true;
}

std::uint32_t LayeredBurst::add(const Frame& frame, const PacketMeta& meta) {
  TAPLINE_DCHECK(fits_frame());
  const std::uint32_t first = count_;
  add_packet(frame, meta);
  any_inner_packet(frame, meta, [this](const Frame& inner, const PacketMeta& inner_meta) {
    add_packet(inner, inner_meta);
    verify_checksums({&frames_[count_ - 1], 1}, {&metas_[count_ - 1], 1});
    return false;
  });
  return count_ - first;
}

}  // namespace tapline
