#include "sensor/frame_worker.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>

#include "capture/base/check.hpp"
#include "capture/base/time_window.hpp"
#include "capture/packet/checksum.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/packet_layers.hpp"
#include "flowgen/flow_hash.hpp"

namespace tapline::sensor {

using storage::DropCause;
using storage::LedgerCounts;

namespace {

Result<std::unique_ptr<flowgen::FlowTable>> make_table(const FrameWorkerConfig& config) {
  flowgen::FlowTableConfig table;
  table.flows_max = config.flows_max;
  table.sensor_id = config.sensor_id;
  table.worker = config.worker;
  table.link = config.port;
  table.count_copies = config.count_copies;
  table.give_up_attempts = config.give_up_attempts;
  table.frames_stored = config.store_packets;
  table.grace_ns = config.grace_ns;
  const Result<std::uint64_t> seed = flowgen::random_hash_seed();
  if (!seed) return seed.error();
  table.hash_seed = *seed;
  return flowgen::FlowTable::create(table);
}

bool has_tunnels(std::span<const PacketMeta> metas) {
  unsigned flags = 0;
  for (const PacketMeta& meta : metas) flags |= meta.flags;
  return (flags & kMetaTunnel) != 0;
}

/// Which of the packets of a frame says where it is stored: the innermost that has a session.
std::size_t storing_packet(std::span<const FlowHit> hits) {
  std::size_t packet = hits.size() - 1;
  while (packet > 0 && hits[packet].slot == nullptr) --packet;
  return packet;
}

}  // namespace

Result<std::unique_ptr<FrameWorker>> FrameWorker::create(const FrameWorkerConfig& config,
                                                         WorkerExchange& exchange) {
  Result<std::unique_ptr<flowgen::FlowTable>> table = make_table(config);
  if (!table) return table.error();
  return std::unique_ptr<FrameWorker>(new FrameWorker(config, exchange, std::move(*table)));
}

FrameWorker::FrameWorker(const FrameWorkerConfig& config, WorkerExchange& exchange,
                         std::unique_ptr<flowgen::FlowTable> table)
    : config_(config),
      exchange_(exchange),
      table_(std::move(table)),
      ledger_(config.port, config.worker),
      trims_(config.cutoff.any()),
      complete_until_ns_(std::numeric_limits<TimeNs>::min()) {}

storage::LanePacker& FrameWorker::packer_for(std::uint16_t link_type) {
  for (std::size_t i = 0; i < packers_.size(); ++i) {
    if (packer_link_types_[i] == link_type) return *packers_[i];
  }
  storage::LanePackerConfig lanes = config_.lanes;
  lanes.link_type = link_type;
  packer_link_types_.push_back(link_type);
  packers_.push_back(std::make_unique<storage::LanePacker>(lanes, exchange_));
  return *packers_.back();
}

bool FrameWorker::room_for_records(std::size_t sessions) {
  if (batch_ == nullptr) return (batch_ = exchange_.take_batch()) != nullptr;
  const bool room = batch_->sessions.size() + sessions <= RecordBatch::kSessionsMax &&
                    batch_->ledger.size() + kBurstFramesMax + 2 <= RecordBatch::kLedgerRowsMax;
  if (room) return true;
  send_batch(complete_until_ns_);  // so many records that sealing lanes each time would make tiny blocks
  return (batch_ = exchange_.take_batch()) != nullptr;
}

bool FrameWorker::ready() {
  return room_for_records(RecordBatch::kSessionsPerBurst);
}

void FrameWorker::process(std::span<Frame> burst) {
  if (burst.empty()) return;
  std::array<PacketMeta, kBurstFramesMax> metas;
  std::array<FlowHit, kBurstFramesMax> hits;
  observe_backlog();
  stamper_.stamp(burst);
  decode_burst(burst, std::span(metas).first(burst.size()));
  verify_checksums(burst, std::span(metas).first(burst.size()));
  const std::uint64_t given_up_before = table_->counters().frames_in_attempts;
  if (!has_tunnels(std::span(metas).first(burst.size()))) [[likely]] {
    table_->update(burst, std::span(metas).first(burst.size()), std::span(hits).first(burst.size()));
    for (std::size_t i = 0; i < burst.size(); ++i) book_frame(burst[i], {&metas[i], 1}, {&hits[i], 1});
  } else {
    count_layers(burst, std::span(metas).first(burst.size()));
  }
  if (const std::uint64_t given_up = table_->counters().frames_in_attempts - given_up_before; given_up != 0)
    ledger_.at(order_ns()).move_to_attempts(given_up);
  take_records();
}

/// In as many pieces as the packets need; those of one frame stay together, so that all its hits are valid
/// when it is booked.
void FrameWorker::count_layers(std::span<Frame> burst, std::span<const PacketMeta> metas) {
  LayeredBurst layers;
  std::array<std::uint32_t, kBurstFramesMax> packets_of;
  std::array<FlowHit, kBurstFramesMax> hits;
  for (std::size_t begin = 0, end = 0; begin < burst.size(); begin = end) {
    layers.clear();
    for (; end < burst.size() && layers.fits_frame(); ++end)
      packets_of[end] = layers.add(burst[end], metas[end]);
    const std::span<const Frame> packets = layers.frames();
    table_->update(packets, layers.metas(), std::span(hits).first(packets.size()));
    for (std::size_t i = begin, first = 0; i < end; first += packets_of[i++]) {
      for (std::size_t inner = first + 1; inner < first + packets_of[i]; ++inner) {
        const auto offset = static_cast<std::size_t>(packets[inner].data - packets[first].data);
        hits[inner].header_bytes =
            static_cast<std::uint16_t>(std::min<std::size_t>(hits[inner].header_bytes + offset, UINT16_MAX));
      }
      book_frame(burst[i], layers.metas().subspan(first, packets_of[i]),
                 std::span(hits).subspan(first, packets_of[i]));
    }
    take_records();
  }
}

void FrameWorker::observe_backlog() {
  shedder_.observe(exchange_.backlog());
  trims_ = config_.cutoff.any() || shedder_.counting();
}

void FrameWorker::book_frame(Frame& frame, Packets packets, Hits hits) {
  if (!any_frame_) first_ns_ = last_ns_ = frame.time_ns;
  any_frame_ = true;
  first_ns_ = std::min(first_ns_, frame.time_ns);
  last_ns_ = std::max(last_ns_, frame.time_ns);

  LedgerCounts& counts = ledger_.at(frame.order.time_ns);
  counts.add_polled(frame);
  counts.add_decoded(packets.size());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].has(kMetaBadChecksum)) counts.add_bad_checksum();
    if (hits[i].slot == nullptr) {
      counts.add_no_session(packets[i].status);
    } else {
      hits[i].duplicate ? counts.add_duplicate() : counts.add_in_session();
    }
  }
  if (!config_.store_packets) return counts.add_filtered(frame);
  store_frame(frame, packets, hits, counts);
}

void FrameWorker::store_frame(Frame& frame, Packets packets, Hits hits, LedgerCounts& counts) {
  const std::size_t storing = storing_packet(hits);
  for (std::size_t carrier = 0; trims_ && carrier < storing; ++carrier) {
    if (packets[carrier].is_first_fragment()) CutoffPolicy::keep_fragments(hits[carrier]);
  }
  const Frame as_captured = frame;
  storage::FrameCut cut;
  frame.captured_bytes = std::min(frame.captured_bytes, kFrameBytesMax);
  const bool wanted = !trims_ || trim(frame, packets.front(), packets[storing], hits[storing], cut);
  if (frame.captured_bytes < as_captured.captured_bytes) cut.captured_bytes = as_captured.captured_bytes;
  const bool stored = wanted && packer_for(frame.link_type).append(frame, packets, hits[storing], cut);
  if (stored) {
    counts.add_stored(as_captured, frame.captured_bytes);
  } else if (wanted) {
    counts.add_dropped(as_captured, DropCause::kNoBlock);
  } else {
    counts.add_filtered(as_captured);
  }
  if (stored && cut.overload_bytes > 0) {
    counts.add_cut_overload(cut.overload_bytes);
    ++frames_shed_;
  }
  if (!cut.any() && stored) return;
  for (const FlowHit& hit : hits) {
    if (hit.slot != nullptr && !hit.duplicate) table_->count_unstored(hit);
  }
}

/// What the policy and the backlog leave of a frame; false: nothing, by the policy.
bool FrameWorker::trim(Frame& frame, const PacketMeta& outermost, const PacketMeta& meta, const FlowHit& hit,
                       storage::FrameCut& cut) {
  if (config_.cutoff.any()) {
    const CutoffPolicy::Kept kept = config_.cutoff.keep(frame, outermost, meta, hit);
    if (!kept.stored) return false;
    frame.captured_bytes = kept.bytes;
  }
  if (!shedder_.counting() || hit.slot == nullptr || is_tcp_control(meta)) return true;
  const std::uint32_t header_bytes = trimmed_bytes(frame, meta, hit.header_bytes, 0);
  const std::uint32_t payload_bytes = frame.captured_bytes - header_bytes;
  if (payload_bytes == 0 || !shedder_.sheds(hit.payload_bytes_before, payload_bytes)) return true;
  cut.overload_bytes = payload_bytes;
  frame.captured_bytes = header_bytes;
  return true;
}

/// What the flow table and the ledger have ready. There is room: the callers have seen to it.
void FrameWorker::take_records() {
  const std::span<const SessionRecord> records = table_->records();
  const std::span<const storage::LedgerRow> rows = ledger_.rows();
  if (records.empty() && rows.empty()) return;
  TAPLINE_DCHECK(batch_ != nullptr && batch_->sessions.size() + records.size() <= RecordBatch::kSessionsMax);
  batch_->sessions.insert(batch_->sessions.end(), records.begin(), records.end());
  batch_->ledger.insert(batch_->ledger.end(), rows.begin(), rows.end());
  table_->clear_records();
  ledger_.clear_rows();
}

bool FrameWorker::advance(std::uint32_t records_max) {
  if (!room_for_records(records_max)) return false;
  const bool more = table_->advance(records_max);
  take_records();
  if (more) return false;
  complete_until_ns_ = table_->clock_ns();
  return true;
}

void FrameWorker::note_clock_set(TimeNs now_ns) {
  ledger_.at(now_ns).add_clock_set();
  take_records();
}

void FrameWorker::note_device(TimeNs now_ns, std::uint64_t received_frames, std::uint64_t dropped_frames) {
  ledger_.note_device(now_ns, received_frames, dropped_frames);
  take_records();
}

void FrameWorker::flush_records(TimeNs complete_until_ns) {
  // A late writer would soon hold every batch and block, each with little in it; then the frames would have
  // to wait.
  if (batch_ == nullptr || is_behind() || exchange_.batches_are_scarce()) return;
  if (!batch_->empty()) {
    for (const auto& packer : packers_) packer->seal_all();
  }
  send_batch(complete_until_ns);
}

void FrameWorker::send_batch(TimeNs complete_until_ns) {
  TimeNs until_ns = saturating_add(complete_until_ns, -config_.grace_ns);
  for (const auto& packer : packers_) until_ns = std::min(until_ns, packer->oldest_order_ns());
  batch_->complete_until_ns = until_ns;
  exchange_.send_batch(*batch_);
  batch_ = nullptr;
}

bool FrameWorker::finish() {
  for (bool more = true; more;) {
    if (!room_for_records(flowgen::FlowTable::kRecordsPerAdvanceMax)) return false;
    more = table_->finish(flowgen::FlowTable::kRecordsPerAdvanceMax);
    take_records();
  }
  ledger_.close_second();
  take_records();
  for (const auto& packer : packers_) packer->seal_all();
  if (batch_ != nullptr)
    send_batch(saturating_add(complete_until_ns_, config_.grace_ns));  // nothing comes late any more
  return true;
}

}  // namespace tapline::sensor
