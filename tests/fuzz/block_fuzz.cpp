// One packet block behind its checksums: header fields, order exceptions and decoded content from the input,
// through parse_frames() and the keys of every frame that comes out.
//
// Input: 8 bytes first_ns, 4 bytes frames, 2 bytes link type, 2 bytes length of the extension, extension,
// content. The header states the order keys that the frames have, unless they do not ascend.

#include <algorithm>
#include <cstdlib>

#include "capture/base/byte_reader.hpp"
#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/frame_keys.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

/// What every caller relies on once parse_frames() has succeeded.
void check_frame(const Frame& frame, const DecodedBlock& block) {
  const std::uint8_t* const end = block.content.data() + block.content.size();
  const bool within = frame.data >= block.content.data() && frame.data <= end &&
                      frame.captured_bytes <= static_cast<std::size_t>(end - frame.data);
  if (!within || frame.captured_bytes > kFrameBytesMax) std::abort();
  const std::uint32_t record[] = {static_cast<std::uint32_t>(floor_seconds(frame.time_ns)),
                                  second_rest_ns(frame.time_ns), frame.captured_bytes, frame.wire_bytes};
  static_assert(sizeof record == kPcapRecordHeaderBytes);
  if (frame.data - block.content.data() < std::ptrdiff_t{sizeof record}) std::abort();
  if (std::memcmp(frame.data - sizeof record, record, sizeof record) != 0) std::abort();
  PacketMeta meta;
  decode(frame, meta);
  if (collect_frame_keys(frame, meta, frame_fingerprint(frame, meta)).keys().empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(Bytes(data, size));
  DecodedBlock block;
  SegmentHeader segment{};
  block.header.first_ns = input.read<std::int64_t>();
  block.header.frames = input.read<std::uint32_t>();
  segment.link_type = input.read<std::uint16_t>();
  const std::size_t extension_bytes = input.read<std::uint16_t>();
  const Bytes extension = input.take(std::min(extension_bytes, input.remaining()));
  const Bytes content = input.take(input.remaining());
  block.stored.assign(extension.begin(), extension.end());
  block.extension = block.stored;
  block.content.assign(content.begin(), content.end());
  std::vector<Frame> frames;
  static_cast<void>(parse_frames(block, segment, frames).ok());
  if (frames.empty()) return 0;
  block.header.order_first_ns = frames.front().order.time_ns;
  block.header.order_first_count = frames.front().order.count;
  block.header.order_last_ns = frames.back().order.time_ns;
  if (!parse_frames(block, segment, frames)) return 0;
  if (frames.size() != block.header.frames) std::abort();
  const auto not_later = [](const Frame& a, const Frame& b) { return b.order <= a.order; };
  if (std::adjacent_find(frames.begin(), frames.end(), not_later) != frames.end()) std::abort();
  for (const Frame& frame : frames) check_frame(frame, block);
  return 0;
}
