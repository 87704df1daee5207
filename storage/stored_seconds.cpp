#include "storage/stored_seconds.hpp"

#include <algorithm>
#include <map>

#include "capture/base/byte_reader.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kNoMoreExceptions = UINT32_MAX;

/// FORMAT.md, "Order exceptions", of a block in memory: which frames' order time is later than their own.
class OrderLags {
 public:
  explicit OrderLags(Bytes extension) : reader_(extension) { advance(0); }

  /// Of the frames 0, 1, 2, ... one after the other.
  std::uint64_t lag_ns(std::uint32_t frame) {
    if (frame != next_frame_) [[likely]]
      return 0;
    const std::uint64_t lag_ns = next_lag_ns_;
    advance(frame + 1);
    return lag_ns;
  }

 private:
  void advance(std::uint32_t from_frame) {
    next_frame_ = kNoMoreExceptions;
    if (reader_.remaining() == 0) return;
    const std::uint64_t head = reader_.varint();
    static_cast<void>(reader_.varint());  // the count
    next_lag_ns_ = (head & 1) != 0 ? reader_.varint() : 0;
    next_frame_ = from_frame + static_cast<std::uint32_t>(head >> 1);
  }

  ByteReader reader_;
  std::uint32_t next_frame_ = kNoMoreExceptions;
  std::uint64_t next_lag_ns_ = 0;
};

std::int64_t order_second(const std::uint8_t* record, std::int64_t base_second, std::uint64_t lag_ns) {
  const std::uint32_t apart = load_le<std::uint32_t>(record) - static_cast<std::uint32_t>(base_second);
  const std::int64_t second = base_second + static_cast<std::int32_t>(apart);
  if (lag_ns == 0) [[likely]]
    return second;
  return floor_seconds(
      static_cast<TimeNs>(static_cast<std::uint64_t>(second) * static_cast<std::uint64_t>(kNsPerSecond) +
                          load_le<std::uint32_t>(record + 4) + lag_ns));
}

std::int64_t stored_frames(const LedgerCounts& stored) {
  return stored[kFrameStoredWhole] + stored[kFrameStoredCut];
}

std::int64_t wire_bytes(const LedgerCounts& stored) {
  return stored[kFrameStoredWholeBytes] + stored[kFrameStoredCutBytes] + stored[kFrameCutByUsBytes] +
         stored[kFrameCutAtSourceBytes];
}

}  // namespace

LedgerCounts& StoredSeconds::at(std::int64_t second) {
  if (seconds_.empty() || seconds_.back().second != second) seconds_.push_back({second, {}});
  return seconds_.back().stored;
}

void StoredSeconds::add(const PacketBlock& block) {
  const std::int64_t base_second = floor_seconds(block.info().first_ns);
  const Bytes content = block.content();
  OrderLags lags(block.extension());
  std::span<const PacketBlock::NumberedCut> cuts = block.cuts();
  std::int64_t second = floor_seconds(block.info().order_first_ns);
  std::uint64_t whole_frames = 0;  // of `second`, as long on the wire: nearly all
  std::uint64_t whole_bytes = 0;
  const auto close_second = [&] {
    LedgerCounts& counts = at(second);
    counts.add(kFrameStoredWhole, whole_frames);
    counts.add(kFrameStoredWholeBytes, whole_bytes);
    whole_frames = whole_bytes = 0;
  };
  std::uint32_t number = 0;
  for (std::size_t offset = 0; offset < content.size(); ++number) {
    const std::uint8_t* record = content.data() + offset;
    Frame frame;
    const auto stored_bytes = load_le<std::uint32_t>(record + 8);
    frame.captured_bytes = stored_bytes;
    frame.wire_bytes = load_le<std::uint32_t>(record + 12);
    offset += kPcapRecordHeaderBytes + stored_bytes;
    if (const std::int64_t its = order_second(record, base_second, lags.lag_ns(number)); its != second) {
      close_second();
      second = its;
    }
    const bool cut = !cuts.empty() && cuts.front().frame == number;
    if (!cut && frame.wire_bytes == stored_bytes) [[likely]] {
      ++whole_frames;
      whole_bytes += stored_bytes;
      continue;
    }
    LedgerCounts& counts = at(second);
    if (cut) {
      const FrameCut& its = cuts.front().cut;
      frame.captured_bytes = its.captured_bytes;
      if (its.overload_bytes > 0) counts.add_cut_overload(its.overload_bytes);
      cuts = cuts.subspan(1);
    }
    counts.add_stored(frame, stored_bytes);
  }
  close_second();
}

std::vector<LedgerRow> StoredSeconds::counter_rows(LedgerCounter counter, std::uint16_t port,
                                                   std::uint16_t worker) const {
  std::map<std::int64_t, std::int64_t> frames;
  for (const Second& second : seconds_) frames[second.second] += stored_frames(second.stored);
  std::vector<LedgerRow> rows;
  for (const auto& [second, count] : frames) {
    LedgerRow& row = rows.emplace_back();
    row.second = second;
    row.port = port;
    row.worker = worker;
    row.counts.add(counter, static_cast<std::uint64_t>(count));
  }
  return rows;
}

std::vector<LedgerRow> StoredSeconds::dropped_rows(DropCause cause, std::uint16_t port,
                                                   std::uint16_t worker) const {
  std::vector<LedgerRow> rows;
  for (const Second& second : seconds_) {
    LedgerRow row;
    row.second = second.second;
    row.port = port;
    row.worker = worker;
    const std::int64_t frames = stored_frames(second.stored);
    if (frames == 0) continue;
    for (std::size_t i = 0; i < kLedgerCounterCount; ++i) row.counts.values[i] = -second.stored.values[i];
    const auto dropped = static_cast<std::size_t>(cause);
    row.counts.add(kFrameDropped + dropped, static_cast<std::uint64_t>(frames));
    row.counts.add(kFrameDroppedBytes + dropped, static_cast<std::uint64_t>(wire_bytes(second.stored)));
    rows.push_back(row);
  }
  return rows;
}

}  // namespace tapline::storage
