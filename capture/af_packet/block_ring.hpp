#pragma once
// BlockRing: walks the blocks of a TPACKET_V3 receive ring and hands out its frames where they lie (Linux,
// Documentation/networking/packet_mmap.rst). Pure: a region of memory in, frames out; no system call,
// allocation or lock. The kernel fills blocks one after the other and gives each to us (TP_STATUS_USER) when
// it is full or its timeout has passed; we give it back (TP_STATUS_KERNEL) once its frames are no longer in
// use.
//
// An outer VLAN tag, which the kernel takes out of the frame, is put back in place: the addresses move into
// the headroom before the frame, so the region has to be writable and headroom be reserved
// (kRingHeadroomBytes).

#include <linux/if_packet.h>

#include <cstdint>
#include <span>

#include "capture/frame_source.hpp"
#include "capture/packet/frame.hpp"

namespace tapline {

/// PACKET_RESERVE: room before each frame for one VLAN tag.
inline constexpr std::uint32_t kRingHeadroomBytes = 4;

/// What all frames of a ring have in common.
struct RingTraits {
  LinkType link_type = kLinkEthernet;  // kLinkRaw: what stands before the network header is skipped
  std::uint16_t port = 0;
  std::uint32_t wire_frame_bytes_max = 1522;  // what is longer was never on the wire in one piece
};

class BlockRing {
 public:
  /// The first `block_bytes` * `block_count` bytes at `memory`, which must outlive the ring.
  BlockRing(std::uint8_t* memory, std::uint32_t block_bytes, std::uint32_t block_count, RingTraits traits)
      : memory_(memory), block_bytes_(block_bytes), block_count_(block_count), traits_(traits) {}

  /// Gives back the blocks whose frames were handed out before, then fills the front of `frames`. Frames stay
  /// valid until the next call. Adds them to the polled_* and super_frames of `counters`.
  std::uint32_t read(std::span<Frame> frames, SourceCounters& counters);

  /// Whether frames of the last read() may still be in use, or wait in a block that has been begun.
  bool holds_blocks() const { return blocks_held_ > 0; }
  void set_wire_frame_bytes_max(std::uint32_t bytes) { traits_.wire_frame_bytes_max = bytes; }

 private:
  tpacket_block_desc* block_at(std::uint32_t index) const;
  void release_finished();
  bool begin_block();
  std::uint32_t read_block(std::span<Frame> frames, SourceCounters& counters);
  Frame view(std::uint8_t* header_bytes) const;

  std::uint8_t* memory_;
  std::uint32_t block_bytes_;
  std::uint32_t block_count_;
  RingTraits traits_;

  std::uint32_t oldest_held_ = 0;  // block index
  std::uint32_t blocks_held_ = 0;  // ours, from oldest_held_ on; the last one may still have frames
  std::uint32_t frames_left_ = 0;  // of the last held block
  std::uint8_t* next_header_ = nullptr;
};

}  // namespace tapline
