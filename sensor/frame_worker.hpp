#pragma once
// FrameWorker: everything that a worker does with frames, the same for `tapline import` and for the sensor:
// order keys, decoding, flow table, policy, packet blocks, session records, ledger. Full blocks and batches
// of records go to a WorkerExchange. One thread. After the warm-up nothing here allocates, locks, logs or
// makes a system call.
//
// On shortage: while blocks for frames run out, payload of the largest flows is left out (PayloadShedder);
// without a free block a frame is dropped and counted (its session goes on); without a free batch ready() is
// false, and the caller leaves the frames where they are, because session records are not shed, but
// for those of a flood's attempts.

#include <memory>
#include <span>
#include <vector>

#include "capture/frame_source.hpp"
#include "capture/packet/order_stamper.hpp"
#include "flowgen/flow_table.hpp"
#include "sensor/cutoff_policy.hpp"
#include "sensor/payload_shedder.hpp"
#include "sensor/worker_exchange.hpp"
#include "storage/lane_packer.hpp"
#include "storage/ledger_book.hpp"

namespace tapline::sensor {

struct FrameWorkerConfig {
  std::uint64_t sensor_id = 0;
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  bool store_packets = true;  // false: sessions only
  CutoffPolicy cutoff;        // how much of them
  std::uint32_t flows_max = 1u << 20;
  bool count_copies = false;
  bool give_up_attempts = false;       // both as FlowTableConfig
  TimeNs grace_ns = 2 * kNsPerSecond;  // FlowTableConfig::grace_ns
  storage::LanePackerConfig lanes;     // its link type does not count: each gets lanes of its own
};

class FrameWorker {
 public:
  /// `exchange` outlives the worker.
  static Result<std::unique_ptr<FrameWorker>> create(const FrameWorkerConfig& config,
                                                     WorkerExchange& exchange);

  /// FlowTable::take_pages()
  bool take_pages() { return table_->take_pages(); }

  /// Whether process() may be called: there is room for the records that a burst can bring.
  bool ready();

  /// One burst, at most kBurstFramesMax frames, as the source gave it; frames are stamped and may be
  /// shortened in place. When it returns, nothing refers to the frames' bytes any more. Only while ready().
  void process(std::span<Frame> burst);

  /// For live sources: no frame has come for `idle_ns`.
  void note_idle(TimeNs idle_ns) {
    table_->observe_idle(idle_ns);
    observe_backlog();  // which may be over, though no burst looks
  }
  /// Runs the timers, for at most so many records (FlowTable::kRecordsPerAdvanceMax). False where more are
  /// due, or there was no room for them: then it has to be called again.
  bool advance(std::uint32_t records_max);
  /// The system clock was set, at order time `now_ns`. Only while ready().
  void note_clock_set(TimeNs now_ns);
  /// A reading of the device's cumulative counters at order time `now_ns`. Only while ready().
  void note_device(TimeNs now_ns, std::uint64_t received_frames, std::uint64_t dropped_frames);
  /// Live, some times a second: hands over the records at hand, after the frames that they count, so that
  /// after a crash no record speaks of frames that the disk has not. (Where records come faster than that, or
  /// blocks run out, full batches do not wait for blocks. Where the writer is late, a batch is filled before
  /// it goes.) They say to stand complete up to order time `complete_until_ns`, or less where frames may
  /// still come late or wait in a lane: of all before it, frames, too, are on their way to the disk.
  void flush_records(TimeNs complete_until_ns);

  /// Ends all flows and hands over everything. False where there was no room for all records: call it again.
  bool finish();

  std::span<const std::unique_ptr<storage::LanePacker>> lanes() const { return packers_; }
  const flowgen::FlowCounters& flow_counters() const { return table_->counters(); }
  std::uint32_t flows_active() const { return table_->flows_active(); }
  /// Order time of the last frame; meaningless before the first.
  TimeNs order_ns() const { return stamper_.last().time_ns; }
  /// The time up to which advance() has handed over all that was due, by the clock of the flow table, which
  /// one mad time does not move; the least time before the first frame.
  TimeNs complete_until_ns() const { return complete_until_ns_; }
  /// Blocks for frames are running out.
  bool is_behind() const { return shedder_.counting(); }
  /// Frames whose payload was left out to keep up.
  std::uint64_t frames_shed() const { return frames_shed_; }
  /// Earliest and latest capture time of all frames so far.
  TimeNs first_ns() const { return first_ns_; }
  TimeNs last_ns() const { return last_ns_; }

 private:
  FrameWorker(const FrameWorkerConfig& config, WorkerExchange& exchange,
              std::unique_ptr<flowgen::FlowTable> table);
  storage::LanePacker& packer_for(std::uint16_t link_type);
  void observe_backlog();
  /// The burst has tunnels.
  void count_layers(std::span<Frame> burst, std::span<const PacketMeta> metas);
  // Of one frame: the packets within it, outermost first, and what the flow table says of each.
  using Packets = std::span<const PacketMeta>;
  using Hits = std::span<const FlowHit>;
  void book_frame(Frame& frame, Packets packets, Hits hits);
  void store_frame(Frame& frame, Packets packets, Hits hits, storage::LedgerCounts& counts);
  bool trim(Frame& frame, const PacketMeta& outermost, const PacketMeta& meta, const FlowHit& hit,
            storage::FrameCut& cut);
  void take_records();
  void send_batch(TimeNs complete_until_ns);
  bool room_for_records(std::size_t sessions);

  FrameWorkerConfig config_;
  WorkerExchange& exchange_;
  OrderStamper stamper_;
  std::unique_ptr<flowgen::FlowTable> table_;
  std::vector<std::unique_ptr<storage::LanePacker>> packers_;  // one a link type, in order of appearance
  std::vector<std::uint16_t> packer_link_types_;
  storage::LedgerBook ledger_;
  PayloadShedder shedder_;
  bool trims_;  // trim() has to be asked
  std::uint64_t frames_shed_ = 0;
  RecordBatch* batch_ = nullptr;  // being filled; null until there is something
  bool any_frame_ = false;
  TimeNs first_ns_ = 0;
  TimeNs last_ns_ = 0;
  TimeNs complete_until_ns_;
};

}  // namespace tapline::sensor
