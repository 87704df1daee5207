#include "sensor/session_recovery.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "capture/base/time_window.hpp"
#include "flowgen/flow_phase.hpp"
#include "sensor/session_continuation.hpp"

namespace tapline::sensor {
namespace {

constexpr TimeNs kBeginningOfTime = std::numeric_limits<TimeNs>::min();

/// A frame's record is written kInterimPeriodNs after it at the latest, the timers' grace (2 s), their tick
/// and the lag of flows whose clocks are late; the last three have this to spare.
constexpr TimeNs kTimersLateMax = 10 * kNsPerSecond;
/// How much later a record may be written than the complete_until_ns of its group says.
constexpr TimeNs kGroupLateMax = kNsPerSecond;

constexpr std::uint32_t kFramesPerAdvance = 256;

bool is_newer(const SessionRecord& record, const Uid& uid, const OrderKey& first_order, std::uint32_t seq) {
  return record.uid == uid ? record.seq > seq : record.first_order > first_order;
}

TimeNs longest_timeout(const flowgen::Timeouts& timeouts) {
  return std::ranges::max(flowgen::phase_timeouts(timeouts));
}

TimeNs second_begin(TimeNs time_ns) {
  return saturating_add(time_ns, -static_cast<TimeNs>(second_rest_ns(time_ns)));
}

}  // namespace

SessionRecovery::SessionRecovery(const flowgen::FlowTableConfig& table,
                                 const storage::RowGroupFileConfig& files)
    : table_config_(table),
      writer_({files}),
      known_(0, flowgen::FlowHash(table.hash_seed)),
      parents_(0, flowgen::FlowHash(table.hash_seed)),
      since_ns_(kBeginningOfTime),
      complete_until_ns_(kBeginningOfTime) {}

Status SessionRecovery::load(const std::vector<std::string>& paths, std::vector<Error>& unreadable) {
  for (const std::string& path : paths) {
    Result<storage::SessionFileReader> file = storage::SessionFileReader::open(path);
    const Result<TimeNs> complete = file ? file->complete_until_ns() : file.error();
    if (complete) complete_until_ns_ = std::max(complete_until_ns_, *complete);
  }
  if (complete_until_ns_ != kBeginningOfTime) {
    since_ns_ =
        second_begin(saturating_add(complete_until_ns_, -(flowgen::kInterimPeriodNs + kTimersLateMax)));
  }
  // A session that is still open has had a frame within its timeout.
  const TimeNs records_since_ns = saturating_add(since_ns_, -longest_timeout(table_config_.timeouts));
  for (const std::string& path : paths) {
    if (Status loaded = load_file(path, records_since_ns); !loaded) unreadable.push_back(loaded.error());
  }
  Result<std::unique_ptr<flowgen::FlowTable>> table = flowgen::FlowTable::create(table_config_);
  if (!table) return table.error();
  table_ = std::move(*table);
  return {};
}

Status SessionRecovery::load_file(const std::string& path, TimeNs records_since_ns) {
  Result<storage::SessionFileReader> file = storage::SessionFileReader::open(path);
  if (!file) return file.error();
  for (std::uint32_t group = 0; group < file->groups().size(); ++group) {
    if (file->groups()[group].last_ns < records_since_ns) continue;
    TAPLINE_TRY(file->read_group(group, storage::kFieldsAll, rows_));
    const TimeNs written_ns = rows_.complete_until_ns();
    // Those of an earlier recovery do not say when they were written.
    const bool recent =
        written_ns == kBeginningOfTime || saturating_add(written_ns, kGroupLateMax) >= since_ns_;
    for (;;) {
      const Result<std::span<const SessionRecord>> batch = rows_.next();
      if (!batch) return Error{batch.error().code, path + ": " + batch.error().context};
      if (batch->empty()) break;
      for (const SessionRecord& record : *batch) note_record(record, recent);
    }
  }
  return {};
}

void SessionRecovery::note_record(const SessionRecord& record, bool recent) {
  table_config_.link = record.key.link;
  const auto at = known_.find(record.key);
  if (at != known_.end() && !is_newer(record, at->second.uid, at->second.first_order, at->second.seq)) return;
  // Frames of the window are contained in records that end or were written within it.
  if (record.final() && !recent && record.last_ns < since_ns_) {
    if (at != known_.end()) known_.erase(at);
    return;
  }
  Known& known = at != known_.end() ? at->second : known_[record.key];
  known.uid = record.uid;
  known.first_order = record.first_order;
  known.seq = record.seq;
  known.last_ns = record.last_ns;
  if (record.final()) {
    known.open.reset();
  } else if (known.open) {
    *known.open = record;
  } else {
    known.open = std::make_unique<SessionRecord>(record);
  }
}

bool SessionRecovery::is_counted(const FlowKey& key, TimeNs time_ns) const {
  const auto at = known_.find(key);
  return at != known_.end() && time_ns <= at->second.last_ns;
}

void SessionRecovery::note_further(const FlowKey& key, TimeNs time_ns) {
  const auto at = known_.find(key);
  if (at != known_.end() && !at->second.further_ns) at->second.further_ns = time_ns;
}

void SessionRecovery::note_carrier(const FlowKey& key, const FlowKey& carrier, TimeNs time_ns) {
  if (parents_.contains(key)) return;
  const auto at = known_.find(carrier);
  if (at == known_.end()) return;
  const Known& known = at->second;
  if (is_counted(carrier, time_ns)) {
    parents_[key] = known.uid;
  } else if (known.open && known.further_ns) {
    SessionRecord further;
    further.key = carrier;
    further.first_ns = *known.further_ns;
    if (continues_session(*known.open, further, table_config_.timeouts)) parents_[key] = known.uid;
  }
}

Status SessionRecovery::replay(const LayeredBurst& packets, bool cut) {
  const std::span<const Frame> frames = packets.frames();
  table_->observe_frame(frames[0].time_ns);
  uncounted_.clear();
  FlowKey carrier;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const PacketMeta& meta = packets.metas()[i];
    if (meta.status != DecodeStatus::kIp) continue;
    const FlowKey key = table_->key_of(frames[i], meta);
    const bool counted = is_counted(key, frames[i].time_ns);
    if (!counted) {
      note_further(key, frames[i].time_ns);
      if (meta.tunnel_id != 0) note_carrier(key, carrier, frames[i].time_ns);
      uncounted_.add_packet(frames[i], meta);
    }
    carrier = key;
  }
  if (uncounted_.frames().empty()) return {};
  counters_.frames_counted += uncounted_.frames().size();
  std::array<FlowHit, kPacketLayersMax> hits;
  table_->update(uncounted_.frames(), uncounted_.metas(), std::span(hits).first(uncounted_.frames().size()));
  if (cut) {
    for (const FlowHit& hit : std::span(hits).first(uncounted_.frames().size())) table_->count_unstored(hit);
  }
  TAPLINE_TRY(drain_records());
  if (++frames_since_advance_ < kFramesPerAdvance) return {};
  frames_since_advance_ = 0;
  return advance();
}

Status SessionRecovery::advance() {
  for (bool more = true; more;) {
    more = table_->advance(flowgen::FlowTable::kRecordsPerAdvanceMax);
    TAPLINE_TRY(drain_records());
  }
  return {};
}

Status SessionRecovery::drain_records() {
  for (const SessionRecord& record : table_->records()) TAPLINE_TRY(write_next(record));
  table_->clear_records();
  return {};
}

/// A record of the flow table's: the first instance of a flow may be what a stored session goes on with.
Status SessionRecovery::write_next(SessionRecord record) {
  if (record.end_reason == EndReason::kShutdown) record.end_reason = EndReason::kRecovered;
  if (const auto parent = parents_.find(record.key); parent != parents_.end()) {
    record.parent_uid = parent->second;
    if (record.final()) parents_.erase(parent);
  }
  const auto at = known_.find(record.key);
  if (at == known_.end() || !at->second.open) {
    if (record.seq == 0) ++counters_.sessions_new;
    return write(record);
  }
  Known& known = at->second;
  if (!known.continued_by) {
    if (!continues_session(*known.open, record, table_config_.timeouts)) {
      TAPLINE_TRY(write_end(known));
      ++counters_.sessions_new;
      return write(record);
    }
    known.continued_by = record.uid;
    ++counters_.sessions_continued;
  }
  TAPLINE_CHECK(*known.continued_by == record.uid);  // an instance ends before the next one of its flow
  TAPLINE_TRY(write(continue_session(*known.open, record)));
  if (record.final()) known.open.reset();
  return {};
}

Status SessionRecovery::write(const SessionRecord& record) {
  ++counters_.records_written;
  return writer_.append(record);
}

/// Before any record of a later session of its flow, so that whoever finds the later one knows that this one
/// is over.
Status SessionRecovery::write_end(Known& known) {
  ++counters_.sessions_ended;
  const SessionRecord ended = end_session(*known.open);
  known.open.reset();
  return write(ended);
}

Status SessionRecovery::finish() {
  for (bool more = true; more;) {
    more = table_->finish(flowgen::FlowTable::kRecordsPerAdvanceMax);
    TAPLINE_TRY(drain_records());
  }
  for (auto& [key, known] : known_) {
    if (known.open) TAPLINE_TRY(write_end(known));
  }
  return writer_.finish();
}

}  // namespace tapline::sensor
