#pragma once
// Stores for tests: frames in memory go through the real pipeline into a store of their own, and everything
// that is on disk afterwards is read back. record() asserts the conservation law every time, so that no test
// can forget it.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/frame_source.hpp"
#include "sensor/pipeline.hpp"
#include "storage/catalog.hpp"
#include "storage/source.hpp"
#include "storage/store.hpp"
#include "tests/disk/fault_disk.hpp"
#include "tests/temporary_folder.hpp"

namespace tapline::test {

/// A frame with bytes of its own.
struct OwnedFrame {
  ByteBuffer bytes;
  TimeNs time_ns = 0;
  std::uint32_t wire_bytes = 0;
  std::uint16_t link_type = kLinkEthernet;

  friend auto operator<=>(const OwnedFrame&, const OwnedFrame&) = default;
};

OwnedFrame owned(const Frame& frame);
OwnedFrame owned(ByteBuffer bytes, TimeNs time_ns, std::uint16_t link_type = kLinkEthernet);
/// Random traffic of many kinds (tests/storage/traffic.hpp).
std::vector<OwnedFrame> random_traffic(std::uint64_t seed, std::size_t frames);

/// Hands out `frames` in bursts of at most `burst_frames`. The bytes of a burst are gone at the next poll().
class MemorySource final : public FrameSource {
 public:
  MemorySource(std::span<const OwnedFrame> frames, std::uint32_t burst_frames)
      : frames_(frames), burst_frames_(burst_frames) {}
  Result<PollResult> poll(std::span<Frame> frames) override;
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {next_, frames_.size()}; }

 private:
  std::span<const OwnedFrame> frames_;
  std::uint32_t burst_frames_;
  std::size_t next_ = 0;
  std::vector<ByteBuffer> burst_;
  SourceCounters counters_;
};

/// A new store in a folder of its own, on a disk that can be made to fail.
class TestStore {
 public:
  /// `record_disk`: whether FaultDisk::write_image() will be wanted.
  explicit TestStore(bool record_disk = false);
  const storage::Store& operator*() const { return store_; }
  const storage::Store* operator->() const { return &store_; }
  std::string packets() const { return store_.packets_directory(); }
  FaultDisk& disk() { return disk_; }

 private:
  TemporaryFolder folder_;
  FaultDisk disk_;
  storage::Store store_;
};

struct RecordOptions {
  std::uint8_t source = 1;  // every byte of the source's id
  std::uint16_t worker = 0;
  std::uint32_t burst_frames = kBurstFramesMax;
  bool store_packets = true;
  sensor::CutoffPolicy cutoff;
  std::uint64_t budget_bytes = 0;
  storage::SegmentWriterConfig segment;
};
/// Segments of 128 KiB with blocks of 8 KiB, so that few frames make many of both.
RecordOptions small_segments();

struct Recording {
  storage::SegmentId source_id{};
  SourceCounters source;
  storage::LedgerTotals totals;
  flowgen::FlowCounters flows;
  storage::SegmentWriterCounters segments;
  std::uint64_t segments_evicted = 0;
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;

  std::int64_t count(std::size_t counter) const { return totals.counts()[counter]; }
};

/// Records all frames as one source and closes its account. Requires that the books close and agree with what
/// is on disk.
Recording record(const storage::Store& store, std::span<const OwnedFrame> frames,
                 const RecordOptions& options = {});

/// The conservation law, in the books and on the disk. record() has required it already.
void require_conserved(const storage::Store& store, const Recording& recording);

/// As record() does it, for tests of what goes wrong in between.
std::unique_ptr<sensor::Pipeline> make_pipeline(const storage::Store& store, const RecordOptions& options);
Status feed(sensor::Pipeline& pipeline, FrameSource& source);

struct ReadFrame {
  OwnedFrame frame;
  OrderKey order;
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  storage::SegmentId source_id{};
};

/// Every frame of every segment, sorted by (order key, port, worker); what is equal, as the catalog lists it.
std::vector<ReadFrame> read_frames(const storage::Store& store);
std::vector<OwnedFrame> frames_of(const std::vector<ReadFrame>& read);
/// Every record of every session file; of one source, if asked.
std::vector<SessionRecord> read_sessions(const storage::Store& store,
                                         std::optional<storage::SegmentId> source = std::nullopt);

storage::Catalog scan(const storage::Store& store);
/// Every row of every ledger file of one source, in the order in which they were written.
std::vector<storage::LedgerRow> read_ledger_rows(const storage::Store& store,
                                                 const storage::SegmentId& source);
void flip_byte(const std::string& path, std::uint64_t offset);

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().context);
  return *std::move(result);
}
inline void must(const Status& status) {
  if (!status) FAIL(status.error().context);
}

}  // namespace tapline::test
