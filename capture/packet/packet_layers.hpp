#pragma once
// Packets in packets. A frame whose meta has kMetaTunnel may carry another packet, which may carry another;
// each has a Frame (a view into the bytes of the outermost) and a PacketMeta of its own, as if it had been
// captured alone. No state, no allocation; any thread.

#include <array>
#include <cstdint>
#include <span>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"

namespace tapline {

/// Packets of a frame, the outermost included. Mirrored (ERSPAN) traffic of an overlay (VXLAN) in which
/// somebody tunnels has four; what lies deeper is payload of the sixth.
inline constexpr std::uint32_t kPacketLayersMax = 6;

/// The packet that `carrier` carries: IP, or ARP within Ethernet. False where it carries none that can be
/// read, whatever its protocol or port promised. `inner` keeps time, order key, port and wire length of the
/// carrier, that is of the frame.
bool decode_inner(const Frame& carrier, const PacketMeta& carrier_meta, Frame& inner,
                  PacketMeta& inner_meta) noexcept;

/// Whether `holds(frame, meta)` is true of any packet within a decoded frame, outermost first; stops at the
/// first.
template <class Predicate>
bool any_inner_packet(const Frame& frame, const PacketMeta& meta, Predicate&& holds) {
  std::array<Frame, 2> frames;
  std::array<PacketMeta, 2> metas;
  const Frame* carrier = &frame;
  const PacketMeta* carrier_meta = &meta;
  for (std::uint32_t layer = 1; layer < kPacketLayersMax; ++layer) {
    if (!carrier_meta->has(kMetaTunnel)) return false;
    Frame& inner = frames[layer % 2];
    PacketMeta& inner_meta = metas[layer % 2];
    if (!decode_inner(*carrier, *carrier_meta, inner, inner_meta)) return false;
    if (holds(inner, inner_meta)) return true;
    carrier = &inner;
    carrier_meta = &inner_meta;
  }
  return false;
}

/// The same of the frame itself and of any packet within it.
template <class Predicate>
bool any_packet(const Frame& frame, const PacketMeta& meta, Predicate&& holds) {
  return holds(frame, meta) || (meta.has(kMetaTunnel) && any_inner_packet(frame, meta, holds));
}

/// Up to kBurstFramesMax packets: frames, each followed by what it carries. What a flow table takes.
class LayeredBurst {
 public:
  void clear() { count_ = 0; }
  bool fits_frame() const { return count_ + kPacketLayersMax <= kBurstFramesMax; }
  /// A decoded frame and all packets within it, their checksums verified; how many packets these are. Only
  /// where fits_frame().
  std::uint32_t add(const Frame& frame, const PacketMeta& meta);
  /// One packet.
  void add_packet(const Frame& frame, const PacketMeta& meta) {
    frames_[count_] = frame;
    metas_[count_++] = meta;
  }

  std::span<const Frame> frames() const { return {frames_.data(), count_}; }
  std::span<const PacketMeta> metas() const { return {metas_.data(), count_}; }

 private:
  std::array<Frame, kBurstFramesMax> frames_;
  std::array<PacketMeta, kBurstFramesMax> metas_;
  std::uint32_t count_ = 0;
};

}  // namespace tapline
