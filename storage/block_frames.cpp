#include "storage/block_frames.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/base/byte_reader.hpp"

namespace tapline::storage {
namespace {

struct RecordHeader {
  std::uint32_t seconds;
  std::uint32_t nanoseconds;
  std::uint32_t captured_bytes;
  std::uint32_t wire_bytes;
};
static_assert(sizeof(RecordHeader) == kPcapRecordHeaderBytes);

Error corrupt(const char* what) {
  return {ErrorCode::kCorrupt, what};
}

/// Records hold 32 bits of the second; the block's first time, at most 2^30 s away, gives the rest. False
/// where a damaged block claims a time beyond 64 bits of nanoseconds.
bool full_time(const RecordHeader& record, std::int64_t base_seconds, TimeNs& time_ns) {
  const auto apart = static_cast<std::int32_t>(record.seconds - static_cast<std::uint32_t>(base_seconds));
  const std::int64_t seconds = base_seconds + apart;
  const std::int64_t before = seconds < 0 ? 1 : 0;  // the second that begins before INT64_MIN fits by its end
  return !__builtin_mul_overflow(seconds + before, kNsPerSecond, &time_ns) &&
         !__builtin_add_overflow(time_ns, record.nanoseconds - before * kNsPerSecond, &time_ns);
}

/// Applies "Order exceptions" of FORMAT.md to frames whose order keys are (own time, 0).
Status apply_exceptions(Bytes extension, std::vector<Frame>& frames) {
  ByteReader reader(extension);
  std::uint64_t next = 0;
  while (reader.remaining() > 0) {
    const std::uint64_t head = reader.varint();
    const std::uint64_t count = reader.varint();
    const std::uint64_t lag_ns = (head & 1) != 0 ? reader.varint() : 0;
    if (!reader.ok() || (head >> 1) >= frames.size() - next || count > UINT32_MAX) {
      return corrupt("order exceptions do not fit the block's frames");
    }
    Frame& frame = frames[next + (head >> 1)];
    frame.order.count = static_cast<std::uint32_t>(count);
    frame.order.time_ns = static_cast<TimeNs>(static_cast<std::uint64_t>(frame.time_ns) + lag_ns);
    next += (head >> 1) + 1;
  }
  return {};
}

/// "Order exceptions" of FORMAT.md: who merges lanes relies on it, and nothing but the frames can show it.
Status check_order(const BlockHeader& header, const std::vector<Frame>& frames) {
  if (frames.empty()) return {};
  if (frames.front().order != OrderKey{header.order_first_ns, header.order_first_count})
    return corrupt("the first frame has another order key than the block's header states");
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (frames[i].order <= frames[i - 1].order)
      return Error{ErrorCode::kCorrupt, fmt::format("frame {} is out of order", i)};
  }
  if (frames.back().order.time_ns != header.order_last_ns)
    return corrupt("the last frame has another order time than the block's header states");
  return {};
}

}  // namespace

Status parse_frames(const DecodedBlock& block, const SegmentHeader& segment, std::vector<Frame>& frames) {
  frames.clear();
  frames.reserve(std::min<std::size_t>(block.header.frames, block.content.size() / sizeof(RecordHeader)));
  const std::int64_t base_seconds = floor_seconds(block.header.first_ns);
  ByteReader reader{block.content};
  while (reader.remaining() > 0) {
    const auto record = reader.read<RecordHeader>();
    const Bytes data = reader.take(record.captured_bytes);
    if (!reader.ok() || record.captured_bytes > kFrameBytesMax)
      return corrupt("a block ends within a pcap record");
    Frame frame;
    if (record.nanoseconds >= kNsPerSecond || !full_time(record, base_seconds, frame.time_ns))
      return corrupt("a pcap record has a time that there is not");
    frame.data = data.data();
    frame.captured_bytes = record.captured_bytes;
    frame.wire_bytes = record.wire_bytes;
    frame.link_type = segment.link_type;
    frame.port = segment.port;
    frame.order = {frame.time_ns, 0};
    frames.push_back(frame);
  }
  if (frames.size() != block.header.frames)
    return corrupt("a block holds another number of frames than it states");
  TAPLINE_TRY(apply_exceptions(block.extension, frames));
  return check_order(block.header, frames);
}

}  // namespace tapline::storage
