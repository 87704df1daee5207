// IEEE 802.11, and the headers that capture programs put before it.

#include "capture/base/bytes.hpp"
#include "capture/packet/link_walk.hpp"

namespace tapline::detail {
namespace {

// What the header of a data frame says about its place and length (IEEE 802.11-2020, 9.2.4, 9.3.2.1).
struct DataHeader {
  std::uint32_t bytes;
  bool readable;  // LLC follows: in the clear, one packet, its first fragment
};

constexpr std::uint32_t kAddressBytes = 6;
constexpr std::uint32_t kFixedBytes = 24;

DataHeader read_data_header(const LinkWalk& walk, bool quality_of_service, std::uint8_t flags) {
  constexpr std::uint8_t kBothSystems = 0x03;  // to and from the distribution system: four addresses
  constexpr std::uint8_t kProtected = 0x40;
  constexpr std::uint8_t kHighThroughputControl = 0x80;
  constexpr std::uint8_t kAggregate = 0x80;
  const std::uint8_t fragment = walk.bytes()[22] & 0x0f;
  DataHeader header{kFixedBytes, (flags & kProtected) == 0 && fragment == 0};
  if ((flags & kBothSystems) == kBothSystems) header.bytes += kAddressBytes;
  if (!quality_of_service) return header;
  // Several packets in one frame (A-MSDU): a frame has one meta, so that it is none of them.
  if (walk.captured(header.bytes + 2) && (walk.bytes()[header.bytes] & kAggregate) != 0)
    header.readable = false;
  header.bytes += 2;
  if ((flags & kHighThroughputControl) != 0) header.bytes += 4;
  return header;
}

// Frame control: version, type, subtype; flags. `padded`: the card aligned what follows the header to 4
// bytes.
void decode_frame(LinkWalk& walk, bool padded) {
  constexpr std::uint8_t kVersionAndType = 0x0f;
  constexpr std::uint8_t kData = 0x08;
  constexpr std::uint8_t kNoData = 0x40;
  constexpr std::uint8_t kQualityOfService = 0x80;
  if (!walk.captured(2)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t control = walk.bytes()[0];
  if ((control & kVersionAndType) != kData || (control & kNoData) != 0)
    return walk.stop(DecodeStatus::kNotIp);
  if (!walk.captured(kFixedBytes)) return walk.stop(DecodeStatus::kTruncatedLink);
  const DataHeader header = read_data_header(walk, (control & kQualityOfService) != 0, walk.bytes()[1]);
  if (!skip_header(walk, padded ? (header.bytes + 3) & ~3u : header.bytes)) return;
  if (!header.readable) return walk.stop(DecodeStatus::kNotIp);
  decode_llc(walk);
}

// Whether radiotap's flags field says that the header of the frame is padded. Fields follow the words that
// tell which there are; of those before the flags there is only the timestamp, aligned to its 8 bytes.
bool has_padding(const std::uint8_t* radiotap, std::uint32_t header_bytes) {
  constexpr std::uint32_t kTimestamp = 1u << 0;
  constexpr std::uint32_t kFlags = 1u << 1;
  constexpr std::uint32_t kAnotherWord = 1u << 31;
  constexpr std::uint8_t kPadded = 0x20;
  const std::uint32_t present = load_le<std::uint32_t>(radiotap + 4);
  if ((present & kFlags) == 0) return false;
  std::uint32_t at = 8;
  for (std::uint32_t word = present; (word & kAnotherWord) != 0; at += 4) {
    if (at + 4 > header_bytes) return false;
    word = load_le<std::uint32_t>(radiotap + at);
  }
  if ((present & kTimestamp) != 0) at = ((at + 7) & ~7u) + 8;
  return at < header_bytes && (radiotap[at] & kPadded) != 0;
}

bool is_avs(std::uint32_t magic) {
  return (magic & 0xffff'f000) == 0x8021'1000;
}

}  // namespace

void decode_wifi(LinkWalk& walk) {
  decode_frame(walk, false);
}

// radiotap.org: version 0, padding, length, fields that are present; little endian.
void decode_radiotap(LinkWalk& walk) {
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint8_t* const radiotap = walk.bytes();
  const std::uint16_t header_bytes = load_le<std::uint16_t>(radiotap + 2);
  if (radiotap[0] != 0 || header_bytes < 8) return walk.stop(DecodeStatus::kNotIp);
  if (!skip_header(walk, header_bytes)) return;
  decode_frame(walk, has_padding(radiotap, header_bytes));
}

// Capture header of AVS: version with a magic number, length; big endian.
void decode_avs(LinkWalk& walk) {
  if (!walk.captured(8)) return walk.stop(DecodeStatus::kTruncatedLink);
  const std::uint32_t header_bytes = load_be32(walk.bytes() + 4);
  if (!is_avs(load_be32(walk.bytes())) || header_bytes < 8) return walk.stop(DecodeStatus::kNotIp);
  if (skip_header(walk, header_bytes)) decode_frame(walk, false);
}

// 144 bytes, in the byte order of the host, unless they are AVS's (tcpdump.org/linktypes,
// LINKTYPE_IEEE802_11_PRISM).
void decode_prism(LinkWalk& walk) {
  constexpr std::uint32_t kPrismBytes = 144;
  if (!walk.captured(4)) return walk.stop(DecodeStatus::kTruncatedLink);
  if (is_avs(load_be32(walk.bytes()))) return decode_avs(walk);
  if (skip_header(walk, kPrismBytes)) decode_frame(walk, false);
}

}  // namespace tapline::detail
