#pragma once
// Lane: the block that is being filled by one append stream of a segment: pcap records one after the other
// (the only copy of a frame), the exceptions to time order, and the index keys of what is in it. One thread.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/packet/frame.hpp"
#include "storage/container_writer.hpp"
#include "storage/frame_keys.hpp"
#include "storage/index_builder.hpp"

namespace tapline::storage {

/// Every block holds at least one frame of the longest kind, however small its target size.
inline constexpr std::uint32_t kLaneBytesMin = kPcapRecordHeaderBytes + kFrameBytesMax;

class Lane {
 public:
  /// Seals when a record would not fit into `block_bytes_target`; the buffer holds at least kLaneBytesMin.
  explicit Lane(std::uint32_t block_bytes_target);

  bool empty() const { return frames_ == 0; }
  /// False where the block must be sealed first: it is full, or the frame's time is too far from the block's
  /// to be told from its low 32 bits of seconds.
  bool fits(const Frame& frame) const;

  /// Copies the frame (captured_bytes <= kFrameBytesMax). `cut`: it was longer before we cut it.
  void append(const Frame& frame, bool cut);
  void post(const FrameKeys& keys) {
    pending_.insert(pending_.end(), keys.keys().begin(), keys.keys().end());
  }

  /// Changes with every block; never 0. What AppendSlot::block_generation is compared with.
  std::uint32_t generation() const { return generation_; }
  std::uint32_t used_bytes() const { return used_bytes_; }
  /// The most that sealing this lane can add to segment and index together, headers aside.
  std::uint64_t reserved_bytes() const {
    return used_bytes_ + extension_.size() + kIndexPostingBytesMax * pending_.size();
  }
  Bytes content() const { return {buffer_.get(), used_bytes_}; }
  Bytes extension() const { return extension_; }
  const BlockInfo& info() const { return info_; }
  std::span<const IndexKey> pending() const { return pending_; }

  /// Empties the lane for its next block.
  void clear(std::uint32_t generation);

 private:
  void note_order(const Frame& frame);

  std::uint32_t target_bytes_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::uint32_t used_bytes_ = 0;
  std::uint32_t frames_ = 0;
  std::uint32_t generation_ = 0;
  std::uint32_t ordered_frames_ = 0;  // frames covered by the exceptions so far
  BlockInfo info_;
  ByteBuffer extension_;
  std::vector<IndexKey> pending_;
};

}  // namespace tapline::storage
