#pragma once
// Pipeline: everything behind a frame source on one worker, the same for `tapline import` and for the sensor:
// order keys, decoding, flow table, policy, packet segments, session records, ledger. One thread; the caller
// polls the source and hands over its bursts. An error is final: what was complete stays readable, recovery
// does the rest.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "capture/frame_source.hpp"
#include "capture/packet/order_stamper.hpp"
#include "flowgen/flow_table.hpp"
#include "storage/ledger_book.hpp"
#include "storage/ledger_file.hpp"
#include "storage/ring.hpp"
#include "storage/segment_writer.hpp"
#include "storage/session_file_writer.hpp"
#include "storage/store.hpp"

namespace tapline::sensor {

struct PipelineConfig {
  storage::SegmentId source_id{};
  std::uint16_t worker = 0;
  bool store_packets = true;     // false: sessions only
  std::uint64_t ring_bytes = 0;  // budget of packets and indexes; 0: none
  std::uint32_t flows_max = 1u << 20;
  storage::SegmentWriterConfig segment;  // directories, ids and link type are filled in by the pipeline
};

class Pipeline {
 public:
  static Result<std::unique_ptr<Pipeline>> create(const storage::Store& store, const PipelineConfig& config);

  /// One burst, at most kBurstFramesMax frames, as the source gave it; frames are stamped and may be
  /// shortened in place. When it returns, nothing refers to the frames' bytes any more.
  Status process(std::span<Frame> burst);

  /// Ends all flows, publishes all files. Nothing may follow.
  Status finish();

  /// The books; complete after finish().
  const storage::LedgerTotals& totals() const { return totals_; }
  const flowgen::FlowCounters& flow_counters() const { return table_->counters(); }
  /// Earliest and latest capture time of all frames so far.
  TimeNs first_ns() const { return first_ns_; }
  TimeNs last_ns() const { return last_ns_; }
  /// Summed over the segment writers of all link types.
  storage::SegmentWriterCounters segment_counters() const;
  const storage::RowGroupFileCounters& session_counters() const { return sessions_.counters(); }
  std::uint64_t segments_evicted() const { return ring_.segments_evicted(); }

 private:
  Pipeline(const storage::Store& store, const PipelineConfig& config,
           std::unique_ptr<flowgen::FlowTable> table);
  storage::SegmentWriter& writer_for(std::uint16_t link_type);
  Status make_room(std::uint64_t bytes);
  Status store_burst(std::span<Frame> frames, std::span<const PacketMeta> metas,
                     std::span<const FlowHit> hits);
  Status drain_records();
  Status drain_ledger();

  PipelineConfig config_;
  storage::Ring ring_;
  OrderStamper stamper_;
  std::unique_ptr<flowgen::FlowTable> table_;
  std::vector<std::unique_ptr<storage::SegmentWriter>> writers_;  // one a link type, in order of appearance
  std::vector<std::uint16_t> writer_link_types_;
  storage::SessionFileWriter sessions_;
  storage::LedgerBook ledger_;
  storage::LedgerFileWriter ledger_file_;
  storage::LedgerTotals totals_;
  bool any_frame_ = false;
  TimeNs first_ns_ = 0;
  TimeNs last_ns_ = 0;
};

}  // namespace tapline::sensor
