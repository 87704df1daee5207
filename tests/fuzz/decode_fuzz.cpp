// decode: any bytes of any link type, and what is within them. Input: one byte that selects the link type,
// two of wire length (in units of 64 bytes, so that lying lengths are reached), then the frame.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <span>

#include "capture/base/bytes.hpp"
#include "capture/packet/checksum.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/packet_layers.hpp"
#include "tests/fuzz/decode_input.hpp"
#include "tests/packet/meta_invariants.hpp"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "decode_fuzz: %s\n", what);
  std::abort();
}

// Every reader of a meta does this with it: reading what its flags promise must stay within the frame.
void use(const tapline::Frame& frame, const tapline::PacketMeta& meta) {
  if (meta.status != tapline::DecodeStatus::kIp) return;
  tapline::FlowKey key;
  const tapline::Direction direction = tapline::make_flow_key(frame, meta, 0, key);
  tapline::IpAddress source;
  tapline::IpAddress destination;
  tapline::load_addresses(frame, meta, source, destination);
  const bool forward = direction == tapline::Direction::kAToB;
  require((forward ? key.address_a : key.address_b) == source, "key and direction disagree with the source");
  require((forward ? key.address_b : key.address_a) == destination,
          "key and direction disagree with the destination");
  tapline::FlowKey sorted = key;
  require(tapline::canonicalise(sorted) == tapline::Direction::kAToB && sorted == key,
          "key is not canonical");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapline;
  if (size < test::kDecodeInputHeaderBytes) return 0;
  const std::size_t count = size - test::kDecodeInputHeaderBytes;
  const auto copy = std::make_unique<std::uint8_t[]>(count);  // exactly as long as the frame
  for (std::size_t i = 0; i < count; ++i) copy[i] = data[test::kDecodeInputHeaderBytes + i];

  Frame frame;
  frame.data = copy.get();
  frame.captured_bytes = static_cast<std::uint32_t>(count);
  frame.wire_bytes = load_be16(data + 1) * 64u;
  frame.link_type = test::kDecodeLinkTypes[data[0] % std::size(test::kDecodeLinkTypes)];
  PacketMeta meta;
  decode_burst(std::span(&frame, 1), std::span(&meta, 1));
  std::uint32_t packets = 0;
  any_packet(frame, meta, [&packets](const Frame& packet, const PacketMeta& packet_meta) {
    const char* const broken = test::broken_invariant(packet, packet_meta);
    require(broken == nullptr, broken);
    require((packet_meta.tunnel_id != 0) == (packets > 0), "a tunnel id outside, or none within");
    use(packet, packet_meta);
    PacketMeta verified = packet_meta;
    verify_checksums(std::span(&packet, 1), std::span(&verified, 1));
    ++packets;
    return false;
  });
  require(packets <= kPacketLayersMax, "deeper than promised");
  return 0;
}
