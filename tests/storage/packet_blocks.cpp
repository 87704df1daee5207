#include "tests/storage/packet_blocks.hpp"

#include "capture/packet/decode.hpp"

namespace tapline::storage {
namespace {

void put_be32(ByteBuffer& bytes, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

void put_random(ByteBuffer& out, std::size_t bytes, std::mt19937_64& random) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(random()));
}

/// TCP over IPv4, offsets of RFC 791 and 9293: 14 Ethernet, 20 IP, 20 and more TCP.
ByteBuffer make_segment(Traffic& traffic, std::uint32_t flow, std::uint64_t sequence,
                        std::size_t payload_bytes) {
  ByteBuffer frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0};
  frame.resize(54, 0);
  put_be32(frame, 26, 0x0a000001 + flow);
  put_be32(frame, 30, 0xcb007101);
  put_be32(frame, 34, (40'000 + flow) << 16 | 443);
  put_be32(frame, 38, sequence);
  const std::size_t options_bytes = 4 * traffic.number(4);
  frame[46] = static_cast<std::uint8_t>((5 + options_bytes / 4) << 4);
  frame[47] = 0x10;
  frame.resize(frame.size() + options_bytes, 1);
  const std::size_t ip_bytes = frame.size() - 14 + payload_bytes;
  frame[16] = static_cast<std::uint8_t>(ip_bytes >> 8);
  frame[17] = static_cast<std::uint8_t>(ip_bytes);
  put_random(frame, 2, traffic.random());  // where a checksum would differ, something does
  put_random(frame, payload_bytes, traffic.random());
  if (traffic.number(10) == 0) frame.insert(frame.begin() + 12, {0x81, 0, 0, 7});
  return frame;
}

std::size_t choose_payload(Traffic& traffic) {
  switch (traffic.number(12)) {
    case 0:
      return traffic.number(300) == 0 ? kFrameBytesMax - 100 : 9000;
    case 1:
    case 2:
    case 3:
      return 0;
    default:
      return traffic.number(1448);
  }
}

}  // namespace

PacketBlock* BlockKeeper::take() {
  blocks_.push_back(std::make_unique<PacketBlock>(block_bytes_));
  return blocks_.back().get();
}

ByteBuffer join(const EncodedBlock& block) {
  ByteBuffer joined;
  for (const Bytes piece : block.pieces) put_bytes(joined, piece);
  return joined;
}

void fill_blocks(const std::vector<TestFrame>& frames, const LanePackerConfig& config, BlockKeeper& keeper) {
  LanePacker packer(config, keeper);
  TestFlows flows;
  for (const TestFrame& frame : frames) {
    const Frame view = frame.view();
    const TestFlows::Found found = flows.find(frame, view);
    TAPLINE_CHECK(packer.append(view, found.packets, found.hit, frame.frame_cut()));
  }
  packer.seal_all();
}

std::vector<TestFrame> make_conversations(std::uint64_t seed, std::size_t frames) {
  Traffic traffic(seed);
  std::vector<TestFrame> made;
  std::array<std::uint64_t, 8> sequences{};
  for (std::size_t i = 0; i < frames; ++i) {
    TestFrame frame;
    const auto flow = static_cast<std::uint32_t>(traffic.number(sequences.size()));
    const std::uint64_t kind = traffic.number(20);
    const std::size_t payload_bytes = choose_payload(traffic);
    if (kind == 0) {
      frame = traffic.next();
    } else if (kind == 1 && !made.empty()) {
      frame = made[made.size() - 1 - traffic.number(std::min<std::size_t>(made.size(), 20))];
    } else if (kind == 2) {
      put_random(frame.bytes, traffic.number(80), traffic.random());
    } else {
      frame.bytes = make_segment(traffic, flow, sequences[flow], payload_bytes);
      sequences[flow] += payload_bytes;
    }
    frame.opaque = flow % 4 != 0;
    frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
    frame.time_ns = static_cast<TimeNs>(i) * 30'000;
    made.push_back(std::move(frame));
  }
  number_frames(made);
  return made;
}

}  // namespace tapline::storage
