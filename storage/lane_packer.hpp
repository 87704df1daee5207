#pragma once
// LanePacker: the worker's half of storing frames. Appends each frame to the block of its flow's lane (the
// only copy made of it), with the index keys by which it can be found, and hands full or old blocks over. One
// thread; frames of one link type. Lanes: FORMAT.md, "Lanes".

#include <array>
#include <vector>

#include "capture/packet/flow_hit.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/block_exchange.hpp"

namespace tapline::storage {

struct LanePackerConfig {
  std::uint16_t link_type = kLinkEthernet;
  std::uint32_t block_bytes = 256 * 1024;
  unsigned lane_bits_max = 4;  // 2^n clear and 2^n opaque lanes, at most 7
};

class LanePacker {
 public:
  /// `exchange` outlives the packer.
  LanePacker(const LanePackerConfig& config, BlockExchange& exchange);

  /// Stores one frame. `packets` are those within it, outermost first. `hit` is the flow table's, of the
  /// innermost that has a session; hit.slot may be null (none has). A frame longer than kFrameBytesMax must
  /// have been cut by the caller, who says so in `cut`. False where it needed a block and there was none:
  /// then it is not stored.
  bool append(const Frame& frame, std::span<const PacketMeta> packets, const FlowHit& hit,
              const FrameCut& cut = {});
  bool append(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, const FrameCut& cut = {}) {
    return append(frame, std::span(&meta, 1), hit, cut);
  }

  /// Hands over every block that holds a frame.
  void seal_all();

  /// For live sources, a few times a second, on an idle link, too: hands over blocks whose first frame came
  /// at or before `begun_until_ns` of the clock passed here as `now_ns`.
  void seal_old(TimeNs now_ns, TimeNs begun_until_ns);
  /// For live sources, once a period: folds or unfolds the lanes, so that each fills several blocks a period.
  /// Without it they unfold as blocks are sealed, and stay so.
  void fold();

  /// Order time of the first frame that was not handed over yet; the greatest time where there is none.
  TimeNs oldest_order_ns() const;

 private:
  struct Lane {
    PacketBlock* block = nullptr;  // null until a frame needs one
    TimeNs begun_ns = 0;           // clock of seal_old() when its first frame came
  };

  std::uint32_t choose_lane(const FlowHit& hit, const AppendSlot& slot) const;
  bool is_opaque_lane(std::uint32_t number) const {
    return number >= std::uint32_t{1} << config_.lane_bits_max;
  }
  bool make_ready(std::uint32_t number, const Frame& frame);
  void note_appended(std::uint32_t number, const Frame& frame);
  void seal(std::uint32_t number);

  LanePackerConfig config_;
  BlockExchange& exchange_;
  std::vector<Lane> lanes_;  // clear ones, then opaque ones
  TimeNs now_ns_ = 0;
  // By content class:
  std::array<unsigned, 2> lane_bits_{};           // of the flow's hash that choose the lane
  std::array<std::uint32_t, 2> sealed_blocks_{};  // since the start; while fold() is not called
  std::array<std::uint64_t, 2> bytes_since_fold_{};
  bool folds_by_rate_ = false;
  bool one_lane_ = false;                           // the link is so idle that both classes share lane 0
  std::array<AppendSlot, 16> sessionless_slots_{};  // frames without a flow, by ethertype
};

}  // namespace tapline::storage
