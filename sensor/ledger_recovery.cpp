#include "sensor/ledger_recovery.hpp"

#include <algorithm>
#include <limits>

#include "capture/base/time_window.hpp"

namespace tapline::sensor {
namespace {

using storage::LedgerCounts;

/// How far the segments may be behind the last row of the ledger.
constexpr TimeNs kRowsBehindMax = 10 * kNsPerSecond;

constexpr std::size_t kCrash = static_cast<std::size_t>(storage::DropCause::kCrash);
void add_signed(LedgerCounts& counts, std::size_t counter, std::int64_t amount) {
  counts.add(counter, static_cast<std::uint64_t>(amount));
}

std::int64_t stored_frames(const LedgerCounts& counts) {
  return counts[storage::kFrameStoredWhole] + counts[storage::kFrameStoredCut];
}

/// On the wire, of stored frames: how much of book 1 is theirs.
std::int64_t stored_wire_bytes(const LedgerCounts& counts) {
  return counts[storage::kFrameStoredWholeBytes] + counts[storage::kFrameStoredCutBytes] +
         counts[storage::kFrameCutByUsBytes] + counts[storage::kFrameCutAtSourceBytes];
}

/// As the source handed them out, of stored frames.
std::int64_t stored_captured_bytes(const LedgerCounts& counts) {
  return counts[storage::kFrameStoredWholeBytes] + counts[storage::kFrameStoredCutBytes] +
         counts[storage::kFrameCutByUsBytes] + counts[storage::kFrameUnderstatedBytes];
}

/// The sum of two counters comes from the recount, which cannot always tell them apart: what it says of the
/// second goes only as far as the sum has changed.
void correct_pair(const LedgerCounts& booked, const LedgerCounts& found, std::size_t first,
                  std::size_t second, LedgerCounts& row) {
  const std::int64_t change = found[first] + found[second] - booked[first] - booked[second];
  const std::int64_t of_second = std::clamp<std::int64_t>(
      found[second] - booked[second], std::min<std::int64_t>(change, 0), std::max<std::int64_t>(change, 0));
  add_signed(row, first, change - of_second);
  add_signed(row, second, of_second);
}

/// Book 3 for frames that were not booked, and the packets within them: by status where rows of the same
/// second said less, the rest in sessions.
void add_decoded(const LedgerCounts& booked, const LedgerCounts& found, std::int64_t frames,
                 LedgerCounts& row) {
  const std::int64_t inner =
      std::max<std::int64_t>(found[storage::kPacketInner] - booked[storage::kPacketInner], 0);
  std::int64_t left = frames + inner;
  for (std::size_t status = 0; status < kDecodeStatusCount; ++status) {
    const std::size_t counter = storage::kFrameNoSession + status;
    const std::int64_t more = std::clamp<std::int64_t>(found[counter] - booked[counter], 0, left);
    add_signed(row, counter, more);
    left -= more;
  }
  add_signed(row, storage::kFrameInSession, left);
  add_signed(row, storage::kFrameDecoded, frames + inner);
  add_signed(row, storage::kPacketInner, inner);
}

}  // namespace

LedgerCounts correct_counts(const LedgerCounts& booked, const LedgerCounts& found) {
  LedgerCounts row;
  correct_pair(booked, found, storage::kFrameStoredWhole, storage::kFrameStoredCut, row);
  correct_pair(booked, found, storage::kFrameStoredWholeBytes, storage::kFrameStoredCutBytes, row);
  correct_pair(booked, found, storage::kFrameCutAtSourceBytes, storage::kFrameCutByUsBytes, row);
  add_signed(row, storage::kFrameStoredBeyondWireBytes,
             found[storage::kFrameStoredBeyondWireBytes] - booked[storage::kFrameStoredBeyondWireBytes]);
  if (!row.any()) {
    add_decoded(booked, found, 0, row);  // a program that did not look into tunnels may have booked the rest
    return row;
  }
  const std::int64_t frames = stored_frames(row);
  const std::int64_t wire_bytes = stored_wire_bytes(row);
  if (frames < 0) {
    add_signed(row, storage::kFrameDropped + kCrash, -frames);
    add_signed(row, storage::kFrameDroppedBytes + kCrash, -wire_bytes);
    return row;
  }
  for (const std::size_t counter : {storage::kFrameUnderstated, storage::kFrameUnderstatedBytes}) {
    add_signed(row, counter, std::max<std::int64_t>(found[counter] - booked[counter], 0));
  }
  add_signed(row, storage::kFramePolled, frames);
  add_signed(row, storage::kFramePolledCapturedBytes, stored_captured_bytes(row));
  add_signed(row, storage::kFramePolledWireBytes, wire_bytes);
  add_decoded(booked, found, frames, row);
  return row;
}

LedgerRecovery::LedgerRecovery(const storage::RowGroupFileConfig& files)
    : port_(files.port),
      worker_(files.worker),
      writer_(files),
      last_second_(floor_seconds(std::numeric_limits<TimeNs>::min())),
      complete_until_ns_(std::numeric_limits<TimeNs>::min()) {}

void LedgerRecovery::load(const std::vector<std::string>& paths, TimeNs since_ns, TimeNs not_before_ns,
                          std::vector<Error>& unreadable) {
  for (const std::string& path : paths) {
    if (Status loaded = load_file(path, false); !loaded) unreadable.push_back(loaded.error());
  }
  since_ns_ =
      std::max(not_before_ns, std::min(since_ns, saturating_add(accounted_until_ns(), -kRowsBehindMax)));
  since_second_ = floor_seconds(since_ns_) + (second_rest_ns(since_ns_) == 0 ? 0 : 1);
  for (const std::string& path : paths) static_cast<void>(load_file(path, true).ok());  // the same errors
}

// First the sums and the last second, then what was booked in the window that follows from it.
Status LedgerRecovery::load_file(const std::string& path, bool collect) {
  Result<storage::LedgerFileReader> file = storage::LedgerFileReader::open(path);
  if (!file) return file.error();
  for (;;) {
    const Result<std::span<const storage::LedgerRow>> rows = file->next();
    if (!rows) return rows.error();
    complete_until_ns_ = std::max(complete_until_ns_, file->complete_until_so_far_ns());
    if (rows->empty()) return {};
    for (const storage::LedgerRow& row : *rows) {
      if (!collect) {
        totals_.add(row);
        last_second_ = std::max(last_second_, row.second);
      } else if (row.second >= since_second_) {
        seconds_[row.second].booked.add(row.counts);
      }
    }
  }
}

void LedgerRecovery::recount(const Frame& frame, std::span<const PacketMeta> packets, bool cut) {
  const std::int64_t second = floor_seconds(frame.order.time_ns);
  if (second < since_second_) return;
  Frame captured = frame;
  if (cut) captured.captured_bytes = std::max(frame.captured_bytes, frame.wire_bytes);
  LedgerCounts& counts = seconds_[second].found;
  counts.add_polled(captured);
  counts.add_stored(captured, frame.captured_bytes);
  counts.add_decoded(packets.size());
  for (const PacketMeta& packet : packets)
    packet.status == DecodeStatus::kIp ? counts.add_in_session() : counts.add_no_session(packet.status);
}

void LedgerRecovery::leave_out(TimeNs first_ns, TimeNs last_ns) {
  const auto end = seconds_.upper_bound(floor_seconds(last_ns));
  for (auto at = seconds_.lower_bound(floor_seconds(first_ns)); at != end; ++at) at->second.left_out = true;
}

Status LedgerRecovery::append(std::int64_t second, const LedgerCounts& counts) {
  storage::LedgerRow row;
  row.second = second;
  row.port = port_;
  row.worker = worker_;
  row.counts = counts;
  totals_.add(row);
  ++counters_.rows_written;
  const std::int64_t lost = counts[storage::kFrameDropped + kCrash];
  counters_.frames_lost += static_cast<std::uint64_t>(std::max<std::int64_t>(lost, 0));
  counters_.frames_added +=
      static_cast<std::uint64_t>(std::max<std::int64_t>(counts[storage::kFramePolled], 0));
  return writer_.append(row);
}

TimeNs LedgerRecovery::accounted_until_ns() const {
  constexpr std::int64_t kLimit = std::numeric_limits<TimeNs>::max() / kNsPerSecond;
  const TimeNs second_ns = last_second_ < -kLimit ? std::numeric_limits<TimeNs>::min()
                                                  : std::min(last_second_, kLimit) * kNsPerSecond;
  return std::max(complete_until_ns_, second_ns);
}

Status LedgerRecovery::finish() {
  for (const auto& [second, counts] : seconds_) {
    if (counts.left_out) continue;
    const LedgerCounts row = correct_counts(counts.booked, counts.found);
    if (row.any()) TAPLINE_TRY(append(second, row));
  }
  return writer_.finish();
}

}  // namespace tapline::sensor
