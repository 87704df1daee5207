// The classic capture file: one header of 24 bytes, then records of one link type
// (draft-ietf-opsawg-pcap). Variants by magic number and version, as libpcap 1.10 accepts them:
//   a1b2c3d4  microseconds           a1b23c4d  nanoseconds
//   a1b2cd34  Kuznetzov's patched libpcap: microseconds, 8 more bytes (interface, protocol, type) a record
//   version 2.3 and before, 543.0 (DG/UX): captured and wire length change places (2.3: where captured >
//   wire)

#include <fmt/format.h>

#include <utility>

#include "capture/files/capture_reader.hpp"

namespace tapline {
namespace {

constexpr std::uint32_t kMicrosecondMagic = 0xa1b2'c3d4;
constexpr std::uint32_t kNanosecondMagic = 0xa1b2'3c4d;
constexpr std::uint32_t kKuznetzovMagic = 0xa1b2'cd34;

constexpr std::size_t kFileHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr std::size_t kKuznetzovRecordHeaderBytes = 24;

enum class LengthOrder : std::uint8_t { kCapturedFirst, kWireFirst, kSmallerIsCaptured };

/// What the records of this file look like. The common one is a constant in scan(), so that it costs nothing
/// there.
struct RecordShape {
  std::size_t header_bytes = kRecordHeaderBytes;
  LengthOrder lengths = LengthOrder::kCapturedFirst;

  friend bool operator==(const RecordShape&, const RecordShape&) = default;
};

template <bool kSwapped>
std::uint32_t load32(const std::uint8_t* at) {
  return kSwapped ? load_be32(at) : load_le<std::uint32_t>(at);
}

struct Lengths {
  std::uint32_t captured_bytes;
  std::uint32_t wire_bytes;
};

template <bool kSwapped>
Lengths load_lengths(const std::uint8_t* record, LengthOrder order) {
  Lengths lengths{load32<kSwapped>(record + 8), load32<kSwapped>(record + 12)};
  const bool exchange = order == LengthOrder::kWireFirst || (order == LengthOrder::kSmallerIsCaptured &&
                                                             lengths.captured_bytes > lengths.wire_bytes);
  if (exchange) std::swap(lengths.captured_bytes, lengths.wire_bytes);
  return lengths;
}

class PcapReader final : public CaptureReader {
 public:
  PcapReader(InputWindow& window, bool swapped) : window_(window), swapped_(swapped) {}

  Status read_file_header();
  Result<PollResult> read_burst(std::span<Frame> frames) override;

 private:
  template <bool kSwapped, bool kCommon>
  std::uint32_t scan(std::span<Frame> frames);
  std::uint32_t scan(std::span<Frame> frames);
  Result<bool> require_record();
  Status read_version(std::uint16_t major, std::uint16_t minor);

  InputWindow& window_;
  bool swapped_;
  RecordShape shape_;
  std::uint32_t unit_ns_ = 1'000;
  std::uint16_t link_type_ = 0;
};

Status PcapReader::read_version(std::uint16_t major, std::uint16_t minor) {
  const bool dg_ux = major == 543 && minor == 0;
  if (!dg_ux && (major != 2 || minor > 4)) {
    return error_at(window_, ErrorCode::kUnsupported,
                    fmt::format("pcap version {}.{} is not known", major, minor), 4);
  }
  if (dg_ux || minor < 3) {
    shape_.lengths = LengthOrder::kWireFirst;
  } else if (minor == 3) {
    shape_.lengths = LengthOrder::kSmallerIsCaptured;
  }
  return {};
}

Status PcapReader::read_file_header() {
  const Result<bool> whole = window_.require(kFileHeaderBytes);
  if (!whole) return whole.error();
  if (!*whole) return error_at(window_, ErrorCode::kCorrupt, "the file ends within the pcap file header");
  const std::uint8_t* header = window_.available().data();
  const auto load = [&](std::size_t at) {
    return swapped_ ? load_be32(header + at) : load_le<std::uint32_t>(header + at);
  };
  const auto load_short = [&](std::size_t at) {
    return swapped_ ? load_be16(header + at) : load_le<std::uint16_t>(header + at);
  };
  const std::uint32_t magic = load(0);
  if (magic == kNanosecondMagic) unit_ns_ = 1;
  if (magic == kKuznetzovMagic) shape_.header_bytes = kKuznetzovRecordHeaderBytes;
  TAPLINE_TRY(read_version(load_short(4), load_short(6)));
  // The upper half tells the length of the frame check sequence, if any, and is otherwise reserved (draft,
  // 4).
  link_type_ = static_cast<std::uint16_t>(load(20) & 0xffff);
  window_.consume(kFileHeaderBytes);
  return {};
}

/// The hot loop of file input: bounds, byte order, and nothing else per frame. Budget: 10 ns a frame on top
/// of the kernel's copy, see README.md.
template <bool kSwapped, bool kCommon>
std::uint32_t PcapReader::scan(std::span<Frame> frames) {
  const RecordShape shape = kCommon ? RecordShape{} : shape_;
  const std::int64_t unit_ns = unit_ns_;
  const Bytes bytes = window_.available();
  std::size_t at = 0;
  std::uint32_t count = 0;
  for (; count < frames.size(); ++count) {
    const std::size_t remaining = bytes.size() - at;
    if (remaining < shape.header_bytes) break;
    const std::uint8_t* record = bytes.data() + at;
    const Lengths lengths = load_lengths<kSwapped>(record, shape.lengths);
    if (lengths.captured_bytes > kFrameBytesMax) break;
    if (remaining - shape.header_bytes < lengths.captured_bytes) break;
    // Seconds are unsigned (1970 to 2106). The fraction is taken as signed: writers with odd clocks leave
    // negative ones and ones past a second, and either is added as it stands, so that the instant survives.
    const auto fraction = static_cast<std::int32_t>(load32<kSwapped>(record + 4));
    Frame& frame = frames[count];
    frame.data = record + shape.header_bytes;
    frame.time_ns = load32<kSwapped>(record) * kNsPerSecond + fraction * unit_ns;
    frame.captured_bytes = lengths.captured_bytes;
    frame.wire_bytes = lengths.wire_bytes;
    frame.link_type = link_type_;
    frame.port = 0;
    at += shape.header_bytes + lengths.captured_bytes;
  }
  window_.consume(at);
  return count;
}

std::uint32_t PcapReader::scan(std::span<Frame> frames) {
  const bool common = shape_ == RecordShape{};
  if (swapped_) return common ? scan<true, true>(frames) : scan<true, false>(frames);
  return common ? scan<false, true>(frames) : scan<false, false>(frames);
}

/// Brings one whole record into the window; false at the end of the file.
Result<bool> PcapReader::require_record() {
  Result<bool> whole = window_.require(shape_.header_bytes);
  if (!whole) return whole;
  if (!*whole && window_.available().empty()) return false;
  if (!*whole) return error_at(window_, ErrorCode::kCorrupt, "the file ends within a record header");
  const std::uint8_t* record = window_.available().data();
  const Lengths lengths =
      swapped_ ? load_lengths<true>(record, shape_.lengths) : load_lengths<false>(record, shape_.lengths);
  if (lengths.captured_bytes > kFrameBytesMax) {
    return error_at(window_, ErrorCode::kCorrupt,
                    fmt::format("a record claims {} captured bytes, the maximum is {}",
                                lengths.captured_bytes, kFrameBytesMax));
  }
  whole = window_.require(shape_.header_bytes + lengths.captured_bytes);
  if (whole && !*whole) return error_at(window_, ErrorCode::kCorrupt, "the file ends within a record");
  return whole;
}

Result<PollResult> PcapReader::read_burst(std::span<Frame> frames) {
  if (frames.empty()) return PollResult{};
  for (;;) {
    if (const std::uint32_t count = scan(frames); count > 0) return PollResult{count, false};
    const Result<bool> more = require_record();
    if (!more) return more.error();
    if (!*more) return PollResult{0, true};
  }
}

}  // namespace

bool is_pcap(std::uint32_t magic_le) {
  for (const std::uint32_t magic : {magic_le, __builtin_bswap32(magic_le)}) {
    if (magic == kMicrosecondMagic || magic == kNanosecondMagic || magic == kKuznetzovMagic) return true;
  }
  return false;
}

Result<std::unique_ptr<CaptureReader>> open_pcap(InputWindow& window) {
  const bool swapped = window.available().front() == 0xa1;
  auto reader = std::make_unique<PcapReader>(window, swapped);
  TAPLINE_TRY(reader->read_file_header());
  return std::unique_ptr<CaptureReader>(std::move(reader));
}

}  // namespace tapline
