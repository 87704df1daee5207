#pragma once
// PacketBlock: a block of a packet segment in memory: pcap records one after the other (the only copy of a
// frame), the exceptions to time order, and the index keys of what is in it. Filled by a worker (LanePacker),
// written by a writer (SegmentWriter), and used again; at each time it belongs to one thread. All memory is
// allocated by the constructor.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/packet/frame.hpp"
#include "storage/container_writer.hpp"
#include "storage/frame_keys.hpp"
#include "storage/header_hint.hpp"
#include "storage/index_key.hpp"

namespace tapline::storage {

/// Every block holds at least one frame of the longest kind, however small its target size.
inline constexpr std::uint32_t kBlockBufferBytesMin = kPcapRecordHeaderBytes + kFrameBytesMax;

/// How a frame was shortened before it was stored.
struct FrameCut {
  std::uint32_t captured_bytes = 0;  // that it had before; 0: it was not
  std::uint32_t overload_bytes = 0;  // of those that it lost, the ones left out to keep up

  bool any() const { return captured_bytes != 0; }
};

class PacketBlock {
 public:
  /// Full when a record would not fit into `target_bytes`, or lies `span_ns_max` of order time after the
  /// first; the buffer holds at least kBlockBufferBytesMin.
  explicit PacketBlock(std::uint32_t target_bytes, TimeNs span_ns_max = 3600 * kNsPerSecond);

  bool empty() const { return frames_ == 0; }
  /// False where the block must be sealed first: it is full (of records, exceptions or keys), or the frame's
  /// times are too far from the block's.
  bool fits(const Frame& frame) const;

  /// Copies the frame (captured_bytes <= kFrameBytesMax).
  void append(const Frame& frame, const FrameCut& cut = {}, HeaderHint hint = {0, 0});
  /// Keys of the frame that was appended last: fits() has left room for those of one.
  void post(const FrameKeys& keys) {
    pending_.insert(pending_.end(), keys.keys().begin(), keys.keys().end());
  }

  /// Changes with every block; never 0. What AppendSlot::block_generation is compared with.
  std::uint32_t generation() const { return generation_; }
  std::uint32_t used_bytes() const { return used_bytes_; }
  Bytes content() const { return {buffer_.get(), used_bytes_}; }
  Bytes extension() const { return extension_; }
  const BlockInfo& info() const { return info_; }
  std::span<const IndexKey> pending() const { return pending_; }
  /// Of the first frames; those behind them have none.
  std::span<const HeaderHint> hints() const { return {hints_.get(), std::min(frames_, hints_max_)}; }

  struct NumberedCut {
    std::uint32_t frame;  // its number in the block
    FrameCut cut;
  };
  /// Of the frames that were cut, in their order.
  std::span<const NumberedCut> cuts() const { return {cuts_.get(), info_.cut_frames}; }

  /// Empties it for its next use: by `lane`, for frames of one link type. `opaque`: not worth compressing.
  void begin(std::uint32_t generation, std::uint16_t lane, std::uint16_t link_type, bool opaque);
  std::uint16_t link_type() const { return link_type_; }
  bool opaque() const { return opaque_; }

 private:
  void note_order(const Frame& frame);

  std::uint32_t target_bytes_;
  TimeNs span_ns_max_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::uint32_t used_bytes_ = 0;
  std::uint32_t frames_ = 0;
  std::uint32_t generation_ = 0;
  std::uint32_t ordered_frames_ = 0;  // frames covered by the exceptions so far
  std::uint16_t link_type_ = 0;
  bool opaque_ = false;
  BlockInfo info_;
  std::uint32_t hints_max_;
  std::unique_ptr<HeaderHint[]> hints_;
  std::uint32_t cuts_max_;
  std::unique_ptr<NumberedCut[]> cuts_;  // the first info_.cut_frames of them; untouched where nothing is cut
  ByteBuffer extension_;                 // neither of the two grows beyond what was reserved
  std::vector<IndexKey> pending_;
};

}  // namespace tapline::storage
