#pragma once
// ContainerWriter: one file of blocks in the container of FORMAT.md, from `*.open` to its final name. Packet
// segments, session files and the ledger are such files; what a block's content means is the caller's
// business. Owned and called by one thread. Any failure leaves the `.open` file as it is: complete blocks in
// it stay readable; end_at_last_sync() then makes it tell no more than the disk has.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/base/time.hpp"
#include "storage/block_codec.hpp"
#include "storage/disk/disk.hpp"
#include "storage/format.hpp"

namespace tapline::storage {

using SegmentId = std::array<std::uint8_t, 16>;

/// Random (getrandom); never repeated by accident.
SegmentId make_segment_id();
std::string format_segment_id(const SegmentId& id);  // 32 hexadecimal digits
std::optional<SegmentId> parse_segment_id(std::string_view text);

/// What the file says about itself; fixed when it is created.
struct ContainerIdentity {
  std::uint16_t kind = kKindPackets;
  std::uint16_t link_type = 0;    // packets only
  std::uint32_t snap_length = 0;  // packets only
  std::uint64_t sensor_id = 0;
  SegmentId segment_id{};
  SegmentId source_id{};            // import or live run that it belongs to
  SegmentId previous_segment_id{};  // of the same port, worker, kind and link type; zero: none
  std::array<std::uint8_t, 32> previous_root{};
  std::uint32_t previous_state = kPreviousNone;
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  TimeNs start_ns = 0;  // capture time of the first frame or row
};

/// What the caller knows about one block; the writer fills in the rest of BlockHeader.
struct BlockInfo {
  std::uint16_t lane = 0;
  std::uint32_t frames = 0;      // frames or rows
  std::uint32_t cut_frames = 0;  // of them, shorter than captured because we cut them
  TimeNs first_ns = 0;           // earliest and latest capture time within
  TimeNs last_ns = 0;
  TimeNs order_first_ns = 0;  // order key of the first frame, order time of the last
  TimeNs order_last_ns = 0;
  std::uint32_t order_first_count = 0;
  std::uint64_t wire_bytes = 0;
  std::uint64_t captured_bytes = 0;
};

/// Content of the leading zstd frame of record files: 24 bytes, as the pcap header of packet segments.
inline constexpr std::string_view kRecordsLead = "tapline records, v1    \n";
static_assert(kRecordsLead.size() == kPcapHeaderBytes);

class ContainerWriter {
 public:
  /// Creates `path` (the `.open` name) with the leading zstd frame and the segment header, and syncs its
  /// directory, so that what sync() saves can be found after a power cut. Packet segments are streams. `lead`
  /// is the 24-byte pcap header of packet segments, or the text kRecordsLead of record files. `disk` outlives
  /// the writer. `allocate_bytes`: so much of it is taken at once; publish() gives back what is left.
  static Result<ContainerWriter> create(Disk& disk, const std::string& path,
                                        const ContainerIdentity& identity, Bytes lead,
                                        std::uint64_t allocate_bytes = 0);

  /// Appends one block: `encoded` is a whole zstd frame (block_codec.hpp), `extension` follows the header.
  /// One writev; kLimit at kSegmentBlocksMax.
  Status append(const BlockInfo& info, const EncodedBlock& encoded, Bytes extension);

  /// Readers find what was appended.
  Status flush() { return file_->flush(); }
  /// fdatasync: what was appended survives a power cut; does nothing if it does already. Pads the file first,
  /// so that no sector is written again that was synced. A failure is for good: the kernel reports pages that
  /// it could not write once, and may have dropped them.
  Status sync();
  /// After a failure: the file keeps what survives a power cut, and no block more; where it cannot be cut, it
  /// stays as it is. False: blocks were lost since the last good sync, and block_count() is less.
  bool end_at_last_sync();

  /// Footer, seek table, fdatasync, rename to `final_path`, sync of the directory. The writer is then done.
  Status publish(const std::string& final_path, std::uint32_t end_state = kEndClosed,
                 std::uint64_t torn_bytes = 0);

  /// For recovery of a file whose writer died: reopen it, hand over the header of every good block by
  /// add_block(), with what padding there is between them; cut what follows by cut_tail(), publish.
  static Result<ContainerWriter> reopen(Disk& disk, const std::string& path, const SegmentHeader& header);
  void add_block(const BlockHeader& header, Bytes extension);
  Status cut_tail();

  ContainerWriter(ContainerWriter&&) noexcept;
  ContainerWriter& operator=(ContainerWriter&&) noexcept;
  ~ContainerWriter();

  const std::string& path() const { return path_; }
  std::uint64_t file_bytes() const { return file_bytes_; }
  std::uint32_t block_count() const { return static_cast<std::uint32_t>(entries_.size()); }
  const FooterHeader& totals() const { return totals_; }  // running; root is set by publish()
  const ContainerIdentity& identity() const { return identity_; }

 private:
  struct RootHash;
  ContainerWriter(Disk& disk, const std::string& path, std::unique_ptr<DiskFile> file,
                  const ContainerIdentity& identity);
  void add_frame(std::uint32_t stored_bytes, std::uint32_t content_bytes);
  Status pad();
  Status sync_file();

  Disk* disk_;
  std::string path_;
  std::unique_ptr<DiskFile> file_;
  ContainerIdentity identity_;
  FooterHeader totals_{};
  std::vector<BlockEntry> entries_;
  std::vector<std::uint64_t> seek_entries_;  // content bytes << 32 | stored bytes, of every frame
  std::unique_ptr<RootHash> root_;
  std::vector<Bytes> pieces_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t synced_bytes_ = 0;  // of them, on the disk
  std::uint32_t synced_blocks_ = 0;
  std::optional<Error> sync_failure_;
};

}  // namespace tapline::storage
