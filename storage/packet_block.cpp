#include "storage/packet_block.hpp"

#include <algorithm>
#include <cstring>

namespace tapline::storage {
namespace {

constexpr std::size_t kExceptionBytesMax = 5 + 5 + 10;  // one entry of "Order exceptions": three varints

// Room for what large blocks of the smallest frames hold, most of it never touched. A block of minimum-size
// frames that each begin a flow is sealed at its 1,600th (2,048 flows of 8 keys): about half full.
constexpr std::size_t kExtensionBytesReserved = 128 * 1024;
constexpr std::size_t kKeysReserved = 16 * 1024;
// A hint for each record of so many bytes; frames that are smaller on average have none at the block's end.
constexpr std::uint32_t kHintedRecordBytes = 64;
// Frames that are cut to their headers have more: the least that TCP over IPv4 and Ethernet leaves, and the
// record.
constexpr std::uint32_t kCutRecordBytes = 54 + kPcapRecordHeaderBytes;
static_assert(kExtensionBytesReserved <= kExtensionBytesMax);

}  // namespace

PacketBlock::PacketBlock(std::uint32_t target_bytes, TimeNs span_ns_max)
    : target_bytes_(target_bytes),
      span_ns_max_(span_ns_max),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(std::max(target_bytes, kBlockBufferBytesMin))),
      hints_max_(target_bytes / kHintedRecordBytes),
      hints_(std::make_unique_for_overwrite<HeaderHint[]>(hints_max_)),
      cuts_max_(target_bytes / kCutRecordBytes + 1),
      cuts_(std::make_unique_for_overwrite<NumberedCut[]>(cuts_max_)) {
  extension_.reserve(kExtensionBytesReserved);
  pending_.reserve(kKeysReserved);
}

bool PacketBlock::fits(const Frame& frame) const {
  if (frames_ == 0) return true;
  // Records hold the low 32 bits of the second; readers find the rest from the block's first time
  // (FORMAT.md, "Times"). The whole block must lie within that distance: a clock that steps back by decades
  // several times moves the first time away from frames that were near it when they came.
  constexpr std::int64_t kSecondsApartMax = std::int64_t{1} << 30;
  const std::int64_t first_seconds = floor_seconds(std::min(frame.time_ns, info_.first_ns));
  const std::int64_t last_seconds = floor_seconds(std::max(frame.time_ns, info_.last_ns));
  // Unsigned: order time never runs backwards, but clocks that jump over centuries must not overflow.
  const std::uint64_t span_ns =
      static_cast<std::uint64_t>(frame.order.time_ns) - static_cast<std::uint64_t>(info_.order_first_ns);
  return last_seconds - first_seconds < kSecondsApartMax &&
         span_ns < static_cast<std::uint64_t>(span_ns_max_) &&
         used_bytes_ + kPcapRecordHeaderBytes + frame.captured_bytes <= target_bytes_ &&
         extension_.size() + kExceptionBytesMax <= kExtensionBytesReserved &&
         pending_.size() + FrameKeys::kKeysMax <= kKeysReserved && info_.cut_frames < cuts_max_;
}

void PacketBlock::append(const Frame& frame, const FrameCut& cut, HeaderHint hint) {
  TAPLINE_DCHECK(frame.captured_bytes <= kFrameBytesMax && fits(frame));
  std::uint8_t* record = buffer_.get() + used_bytes_;
  store_le(record, static_cast<std::uint32_t>(floor_seconds(frame.time_ns)));
  store_le(record + 4, second_rest_ns(frame.time_ns));
  store_le(record + 8, frame.captured_bytes);
  store_le(record + 12, frame.wire_bytes);
  // A frame of no bytes may have no address, either.
  if (frame.captured_bytes > 0)
    std::memcpy(record + kPcapRecordHeaderBytes, frame.data, frame.captured_bytes);
  used_bytes_ += kPcapRecordHeaderBytes + frame.captured_bytes;

  if (frames_ == 0) {
    info_.first_ns = info_.last_ns = frame.time_ns;
    info_.order_first_ns = frame.order.time_ns;
    info_.order_first_count = frame.order.count;
  }
  info_.first_ns = std::min(info_.first_ns, frame.time_ns);
  info_.last_ns = std::max(info_.last_ns, frame.time_ns);
  info_.order_last_ns = frame.order.time_ns;
  info_.wire_bytes += frame.wire_bytes;
  info_.captured_bytes += frame.captured_bytes;
  if (cut.any()) cuts_[info_.cut_frames++] = {frames_, cut};
  if (frame.order.count != 0 || frame.order.time_ns != frame.time_ns) note_order(frame);
  if (frames_ < hints_max_) hints_[frames_] = hint;
  info_.frames = ++frames_;
}

void PacketBlock::note_order(const Frame& frame) {
  // FORMAT.md, "Order exceptions": frames since the exception before, whether the time lags; count; lag.
  const std::uint64_t lag_ns =
      static_cast<std::uint64_t>(frame.order.time_ns) - static_cast<std::uint64_t>(frame.time_ns);
  put_varint(extension_, std::uint64_t{frames_ - ordered_frames_} << 1 | (lag_ns != 0 ? 1 : 0));
  put_varint(extension_, frame.order.count);
  if (lag_ns != 0) put_varint(extension_, lag_ns);
  ordered_frames_ = frames_ + 1;
}

void PacketBlock::begin(std::uint32_t generation, std::uint16_t lane, std::uint16_t link_type, bool opaque) {
  used_bytes_ = 0;
  frames_ = 0;
  ordered_frames_ = 0;
  generation_ = generation;
  link_type_ = link_type;
  opaque_ = opaque;
  info_ = {};
  info_.lane = lane;
  extension_.clear();
  pending_.clear();
}

}  // namespace tapline::storage
