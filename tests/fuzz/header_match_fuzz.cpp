// The flow-guided encoder with records and hints of any kind: what it makes decodes to what was put in.
//
// Input: records, each 4 bytes of hint, 2 bytes length of the frame, 1 byte of how many times the frame's
// bytes that follow are repeated (so that small inputs make large frames).

#include <algorithm>
#include <cstdlib>

#include "capture/base/byte_reader.hpp"
#include "capture/base/byte_writer.hpp"
#include "capture/packet/frame.hpp"
#include "storage/block_codec.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::size_t kContentBytesMax = 1 << 20;

struct Block {
  ByteBuffer content;
  std::vector<HeaderHint> hints;
};

Block make_block(ByteReader& input) {
  Block block;
  while (input.remaining() > 0) {
    const auto hint = input.read<std::uint32_t>();
    const std::size_t part_bytes = std::min<std::size_t>(input.read<std::uint16_t>(), input.remaining());
    const std::size_t times = input.read<std::uint8_t>();
    const Bytes part = input.take(std::min(part_bytes, input.remaining()));
    const std::size_t at = block.content.size();
    const std::size_t frame_bytes = std::min<std::size_t>(part.size() * times, kFrameBytesMax);
    if (at + kPcapRecordHeaderBytes + frame_bytes > kContentBytesMax) break;
    block.content.resize(at + kPcapRecordHeaderBytes + frame_bytes);
    store_le(block.content.data() + at + 8, static_cast<std::uint32_t>(frame_bytes));
    for (std::size_t i = 0; i < frame_bytes; ++i)
      block.content[at + kPcapRecordHeaderBytes + i] = part[i % part.size()];
    block.hints.push_back({hint & 0xffffff, hint >> 24});
  }
  return block;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static BlockEncoder encoder(kContentBytesMax, 1);
  static BlockDecoder decoder;
  ByteReader input(Bytes(data, size));
  const Block block = make_block(input);
  const Result<EncodedBlock> encoded = encoder.compress_guided(block.content, block.hints);
  if (!encoded || encoded->pieces.size() != 1) std::abort();
  ByteBuffer decoded(block.content.size());
  if (!decoder.decode(encoded->pieces[0], decoded).ok() || decoded != block.content) std::abort();
  return 0;
}
