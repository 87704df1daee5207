#pragma once
// SegmentWriter: the packet segments of one port, worker and link type, one after the other. Appends each
// frame to the lane of its flow (the only copy made of it), seals full blocks, posts index keys, rotates,
// publishes. One thread. Lanes: FORMAT.md, "Lanes". Errors come from the disk and are final for this object:
// the segment stays
// `.open` with its complete blocks, and recovery publishes it.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/packet/flow_hit.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/block_codec.hpp"
#include "storage/container_writer.hpp"
#include "storage/index_builder.hpp"
#include "storage/lane.hpp"

namespace tapline::storage {

struct SegmentWriterConfig {
  std::string directory;        // packets/ of the store
  std::string index_directory;  // where the sidecars go; usually the same
  std::uint64_t sensor_id = 0;
  SegmentId source_id{};
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  std::uint16_t link_type = kLinkEthernet;
  std::uint64_t segment_bytes_max = 1u << 30;            // segment and index together
  TimeNs segment_duration_ns_max = 3600 * kNsPerSecond;  // of order time
  std::uint32_t block_bytes = 256 * 1024;
  unsigned lane_bits_max = 4;  // 2^n clear and 2^n opaque lanes
  int compression_level = 1;
  bool compress = true;  // false: every block is stored raw
};

struct SegmentWriterCounters {
  std::uint64_t blocks_compressed = 0;
  std::uint64_t blocks_raw = 0;
  std::uint64_t segments_published = 0;
  std::uint64_t stored_bytes = 0;  // of published segments and the open one
  std::uint64_t index_bytes = 0;
};

class SegmentWriter {
 public:
  /// Asked before a segment is opened, with the bytes it may reach (more than segment_bytes_max where a
  /// single frame takes more): makes room in the ring, or says why it cannot.
  using ReserveSpace = std::function<Status(std::uint64_t bytes)>;

  SegmentWriter(SegmentWriterConfig config, ReserveSpace reserve_space);

  /// Stores one frame. `hit` is the flow table's; hit.slot may be null (no session). A frame longer than
  /// kFrameBytesMax must have been cut by the caller, who then passes cut = true.
  Status append(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, bool cut);

  /// Seals all lanes and publishes the open segment, if any.
  Status finish();

  const SegmentWriterCounters& counters() const { return counters_; }
  /// How much the open segment may still grow by what was reserved for it, its index included; 0 without one.
  std::uint64_t reserved_bytes_left() const;

 private:
  std::uint32_t choose_lane(const PacketMeta& meta, const FlowHit& hit, const AppendSlot& slot) const;
  Status append_frame(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, bool cut);
  Status publish_segment();
  std::uint64_t order_ns_since_start(const Frame& frame) const;
  bool must_rotate(const Frame& frame) const;
  /// What a segment that holds nothing but `frame` will have at most.
  std::uint64_t least_segment_bytes(const Frame& frame) const;
  /// What segment and index will have at most if the segment ends now.
  std::uint64_t final_bytes_max() const;
  Status open_segment(const Frame& frame);
  Status seal(std::uint32_t lane_number);
  Result<EncodedBlock> encode(std::uint32_t lane_number);

  SegmentWriterConfig config_;
  ReserveSpace reserve_space_;
  std::uint64_t block_overhead_bytes_;
  BlockEncoder encoder_;
  std::vector<std::optional<Lane>> lanes_;        // clear ones, then opaque ones
  std::vector<std::uint8_t> raw_blocks_left_;     // by lane: so many blocks are not worth trying to compress
  std::array<std::uint32_t, 2> sealed_blocks_{};  // by content class, in this segment
  std::array<AppendSlot, 16> sessionless_slots_{};  // frames without a flow, by ethertype
  std::uint64_t buffered_bytes_ = 0;                // what the lanes hold, Lane::reserved_bytes()
  std::unique_ptr<ContainerWriter> segment_;
  std::uint64_t reserved_bytes_ = 0;  // for segment_
  TimeNs segment_order_first_ns_ = 0;
  IndexBuilder index_;
  SegmentId previous_id_{};
  std::array<std::uint8_t, 32> previous_root_{};
  SegmentWriterCounters counters_;
  std::optional<Error> failure_;
};

}  // namespace tapline::storage
