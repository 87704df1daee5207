#pragma once
// SegmentWriter: the packet segments of one port, worker and link type, one after the other: the writer's
// half of storing frames. Encodes sealed blocks, appends them, posts their index keys, rotates, publishes.
// One thread. Errors come from the disk and are final for this object: the segment stays `.open` with the
// blocks that are safely on the disk, and recovery publishes it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/container_writer.hpp"
#include "storage/index_builder.hpp"
#include "storage/packet_encoder.hpp"
#include "storage/segment_space.hpp"

namespace tapline::storage {

struct SegmentWriterConfig {
  Disk* disk = &real_disk();    // outlives the writer
  std::string directory;        // where the space has no preference
  std::string index_directory;  // where the sidecars go then; usually the same
  std::uint64_t sensor_id = 0;
  SegmentId source_id{};
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  std::uint16_t link_type = kLinkEthernet;
  std::uint64_t segment_bytes_max = 1u << 30;            // segment and index together
  TimeNs segment_duration_ns_max = 3600 * kNsPerSecond;  // of order time
  std::uint32_t block_bytes = 256 * 1024;  // largest content of a block that is not one long frame
  int compression_level = -1;              // of clear blocks; measured: README.md, "Lanes"
  bool compress = true;                    // false: every block is stored raw
  std::uint32_t verify_interval = 64;      // of encoded blocks; PacketEncoderConfig
  /// An open segment's index is published in steps of so many bytes of blocks, for readers; 0: not at all.
  std::uint64_t index_step_bytes = 0;
  /// A segment's whole space is taken from the disk when it is opened, and what is left is given back when it
  /// is published.
  bool allocate = false;
};

struct SegmentWriterCounters {
  PacketEncoderCounters encoding;
  std::uint64_t segments_published = 0;
  std::uint64_t stored_bytes = 0;  // blocks of published segments and the open one
  std::uint64_t index_bytes = 0;
};
void add_counters(SegmentWriterCounters& sum, const SegmentWriterCounters& one);

class SegmentWriter {
 public:
  /// `space` outlives the writer.
  SegmentWriter(const SegmentWriterConfig& config, SegmentSpace& space);
  /// With an encoder of the caller's, made for blocks of at least kBlockBufferBytesMin and block_bytes.
  SegmentWriter(SegmentWriterConfig config, SegmentSpace& space, std::unique_ptr<BlockEncoder> encoder);

  /// Stores one sealed block, which holds a frame at least. `effort`: less of it under backlog.
  Status write(const PacketBlock& block, WriteEffort effort = WriteEffort::kNormal);

  /// Publishes the open segment if it has reached its duration at order time `order_ns`.
  Status rotate_if_old(TimeNs order_ns);
  /// Makes what was written survive a power cut; does nothing if it does already.
  Status sync();
  /// Readers find all blocks that were written.
  Status flush();
  /// Publishes the open segment, if any.
  Status finish();

  const SegmentWriterCounters& counters() const { return counters_; }
  /// PacketEncoder::take_error(): nothing is lost by it.
  std::optional<Error> take_encoding_error() { return encoder_.take_error(); }
  /// After a failure: whether blocks written since the last good sync() (or publishing) are not in the store.
  bool lost_blocks() const { return lost_blocks_; }

 private:
  Status write_block(const PacketBlock& block, WriteEffort effort);
  Status publish_segment();
  Status publish_index_step();
  void remove_index_steps();
  void abandon_segment();
  /// Whether a block that reaches from `first_ns` to `last_ns` of order time would make the segment span more
  /// than it may.
  bool is_too_long(TimeNs first_ns, TimeNs last_ns) const;
  /// Bytes of segment and indexes if the open segment ends after `block_bytes` more with `postings` keys.
  std::uint64_t final_bytes_max(std::uint64_t block_bytes, std::size_t postings) const;
  Status open_segment(const PacketBlock& block, std::uint64_t block_bytes);
  Status keep_failure(Status status);

  SegmentWriterConfig config_;
  SegmentSpace& space_;
  PacketEncoder encoder_;
  std::unique_ptr<ContainerWriter> segment_;
  TimeNs order_first_ns_ = 0;            // of segment_
  std::uint64_t segment_bytes_max_ = 0;  // what was reserved for segment_
  std::uint64_t seen_bytes_ = 0;         // of segment_ when the last block was in it
  std::string directory_;                // of segment_
  std::string index_directory_;          // of its indexes
  IndexBuilder index_;
  IndexBuilder index_step_;  // of the blocks since the last step
  std::uint32_t step_first_block_ = 0;
  std::uint64_t step_first_bytes_ = 0;   // of segment_, where that block begins
  std::vector<std::string> step_paths_;  // of segment_
  bool lost_blocks_ = false;
  SegmentId previous_id_{};
  std::array<std::uint8_t, 32> previous_root_{};
  SegmentWriterCounters counters_;
  std::optional<Error> failure_;
};

}  // namespace tapline::storage
