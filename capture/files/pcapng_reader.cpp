#include "capture/files/pcapng_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace tapline {
namespace {

// Block types and their fixed parts: draft-ietf-opsawg-pcapng, section 4 and appendix A.
constexpr std::uint32_t kSectionHeader = 0x0a0d'0d0a;  // the same in either byte order
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;

constexpr std::uint32_t kByteOrderMagic = 0x1a2b'3c4d;

constexpr std::size_t kTrailerBytes = 4;
constexpr std::size_t kBlockBytesMin = 12;
constexpr std::size_t kSectionHeaderBytesMin = 28;
constexpr std::size_t kInterfaceBytesMin = 20;
constexpr std::size_t kPacketBytesMin = 32;
constexpr std::size_t kSimplePacketBytesMin = 16;

constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionTimeResolution = 9;
constexpr std::uint16_t kOptionTimeOffset = 14;

/// A poll looks at no more than this and the block it is in, so that a small compressed file of endless
/// blocks without frames cannot hold its caller up.
constexpr std::uint64_t kBurstBytesMax = kRecordBytesMax;

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + 3) & ~std::size_t{3};
}

/// Whether a section is in the other byte order than this host; nothing where `magic` is no byte-order magic.
std::optional<bool> is_swapped(std::uint32_t magic) {
  if (magic == kByteOrderMagic) return false;
  if (magic == __builtin_bswap32(kByteOrderMagic)) return true;
  return std::nullopt;
}

}  // namespace

void PcapngReader::set_damage(const std::string& what, ErrorCode code) {
  damage_ = error_at(window_, code, what);
}

PcapngReader::Extent PcapngReader::measure(Bytes front) {
  using State = Extent::State;
  if (front.size() < kBlockBytesMin) return {State::kShort, kBlockBytesMin};
  bool swapped = swapped_;
  if (load_le<std::uint32_t>(front.data()) == kSectionHeader) {
    const auto magic = load_le<std::uint32_t>(front.data() + 8);
    const std::optional<bool> order = is_swapped(magic);
    if (!order) {
      set_damage(fmt::format("the section header's byte-order magic is 0x{:08x}", magic));
      return {State::kDamage, 0};
    }
    swapped = *order;
  }
  const std::uint32_t stated =
      swapped ? load_be32(front.data() + 4) : load_le<std::uint32_t>(front.data() + 4);
  if (stated < kBlockBytesMin || stated > kRecordBytesMax) {
    set_damage(fmt::format("a block claims {} bytes, the limits are {} and {}", stated, kBlockBytesMin,
                           kRecordBytesMax));
    return {State::kDamage, 0};
  }
  // Some writers leave the padding out of the length, but not out of the file.
  const std::size_t bytes = padded(stated);
  if (front.size() < bytes) return {State::kShort, bytes};
  const std::uint8_t* trailer = front.data() + bytes - kTrailerBytes;
  const std::uint32_t repeated = swapped ? load_be32(trailer) : load_le<std::uint32_t>(trailer);
  if (repeated != stated) {
    set_damage(fmt::format("a block claims {} bytes at its beginning and {} at its end", stated, repeated));
    return {State::kDamage, 0};
  }
  return {State::kWhole, bytes};
}

Result<PollResult> PcapngReader::read_burst(std::span<Frame> frames) {
  PollResult result;
  const std::uint64_t begin = window_.offset();
  while (result.frames < frames.size() && window_.offset() - begin < kBurstBytesMax) {
    const Extent extent = measure(window_.available());
    if (extent.state == Extent::State::kShort) {
      if (result.frames > 0) break;  // require() would move them
      const Result<bool> more = window_.require(extent.bytes);
      if (!more) return more.error();
      if (*more) continue;
      if (!window_.available().empty())
        return error_at(window_, ErrorCode::kCorrupt, "the file ends within a block");
      result.end = true;
      break;
    }
    Found found = Found::kDamage;
    if (extent.state == Extent::State::kWhole) {
      found = read_block(window_.available().first(extent.bytes), frames[result.frames]);
    }
    if (found == Found::kDamage) {
      if (result.frames > 0) break;
      return damage_;
    }
    window_.consume(extent.bytes);
    result.frames += found == Found::kFrame ? 1 : 0;
  }
  return result;
}

PcapngReader::Found PcapngReader::read_block(Bytes block, Frame& frame) {
  // A section header says its own byte order; its type reads the same in either.
  const std::uint32_t type = load32(block.data());
  std::size_t bytes_min = 0;
  switch (type) {
    case kSectionHeader:
      bytes_min = kSectionHeaderBytesMin;
      break;
    case kInterfaceDescription:
      bytes_min = kInterfaceBytesMin;
      break;
    case kObsoletePacket:
    case kEnhancedPacket:
      bytes_min = kPacketBytesMin;
      break;
    case kSimplePacket:
      bytes_min = kSimplePacketBytesMin;
      break;
    default:
      return Found::kNothing;
  }
  if (block.size() < bytes_min) {
    set_damage(fmt::format("a block of type {} has {} bytes, it needs {}", type, block.size(), bytes_min));
    return Found::kDamage;
  }
  switch (type) {
    case kSectionHeader:
      return read_section_header(block);
    case kInterfaceDescription:
      return read_interface(block);
    case kObsoletePacket:
      return read_packet(block, load16(block.data() + 8), frame);
    case kEnhancedPacket:
      return read_packet(block, load32(block.data() + 8), frame);
    default:
      return read_simple_packet(block, frame);
  }
}

PcapngReader::Found PcapngReader::read_section_header(Bytes block) {
  swapped_ = is_swapped(load_le<std::uint32_t>(block.data() + 8)).value_or(false);
  interfaces_.clear();
  const std::uint16_t major = load16(block.data() + 12);
  const std::uint16_t minor = load16(block.data() + 14);
  // 1.2 is 1.0, written by mistake for a while (draft, 4.1). The section's length is not needed: blocks tell
  // theirs.
  if (major == 1 && (minor == 0 || minor == 2)) return Found::kNothing;
  set_damage(fmt::format("pcapng version {}.{} is not known", major, minor), ErrorCode::kUnsupported);
  return Found::kDamage;
}

PcapngReader::Found PcapngReader::read_interface(Bytes block) {
  if (interfaces_.size() == kPcapngInterfacesMax) {
    set_damage(fmt::format("a section has more than {} interfaces", kPcapngInterfacesMax), ErrorCode::kLimit);
    return Found::kDamage;
  }
  std::uint8_t resolution = 6;
  std::int64_t offset_s = 0;
  const Bytes options = block.subspan(16, block.size() - kInterfaceBytesMin);
  if (read_options(options, resolution, offset_s) == Found::kDamage) return Found::kDamage;
  interfaces_.push_back(
      {PcapngClock(resolution, offset_s), load32(block.data() + 12), load16(block.data() + 8)});
  return Found::kNothing;
}

/// Only what changes the meaning of a time is looked at, and damage there is damage to every frame that
/// follows.
PcapngReader::Found PcapngReader::read_options(Bytes options, std::uint8_t& resolution,
                                               std::int64_t& offset_s) {
  while (options.size() >= 4) {
    const std::uint16_t code = load16(options.data());
    const std::size_t value_bytes = load16(options.data() + 2);
    if (code == kOptionEnd) return Found::kNothing;
    options = options.subspan(4);
    const bool wrong = value_bytes > options.size() || (code == kOptionTimeResolution && value_bytes != 1) ||
                       (code == kOptionTimeOffset && value_bytes != 8);
    if (wrong) {
      set_damage(fmt::format("option {} of an interface has {} bytes", code, value_bytes));
      return Found::kDamage;
    }
    if (code == kOptionTimeResolution) resolution = options.front();
    if (code == kOptionTimeOffset) {
      const std::uint64_t raw = swapped_ ? load_be64(options.data()) : load_le<std::uint64_t>(options.data());
      offset_s = static_cast<std::int64_t>(raw);
    }
    options = options.subspan(std::min(padded(value_bytes), options.size()));
  }
  return Found::kNothing;
}

/// Enhanced and obsolete packet blocks differ in the width of the interface number only (the obsolete one
/// counts drops beside it, which are cumulative hints and no frames).
PcapngReader::Found PcapngReader::read_packet(Bytes block, std::uint32_t interface_id, Frame& frame) {
  if (interface_id >= interfaces_.size()) {
    set_damage(fmt::format("a frame is from interface {}, but only {} are described", interface_id,
                           interfaces_.size()));
    return Found::kDamage;
  }
  const Interface& interface = interfaces_[interface_id];
  const std::uint8_t* fields = block.data();
  frame.time_ns = interface.clock.to_ns(std::uint64_t{load32(fields + 12)} << 32 | load32(fields + 16));
  frame.wire_bytes = load32(fields + 24);
  frame.link_type = interface.link_type;
  frame.port = static_cast<std::uint16_t>(interface_id);
  return fill(block, 28, load32(fields + 20), frame);
}

PcapngReader::Found PcapngReader::read_simple_packet(Bytes block, Frame& frame) {
  if (interfaces_.empty()) {
    set_damage("a simple packet block without an interface");
    return Found::kDamage;
  }
  const Interface& interface = interfaces_.front();
  frame.time_ns = 0;
  frame.wire_bytes = load32(block.data() + 8);
  frame.link_type = interface.link_type;
  frame.port = 0;
  const std::uint32_t captured_bytes =
      interface.snap_bytes == 0 ? frame.wire_bytes : std::min(interface.snap_bytes, frame.wire_bytes);
  return fill(block, 12, captured_bytes, frame);
}

PcapngReader::Found PcapngReader::fill(Bytes block, std::size_t data_at, std::uint32_t captured_bytes,
                                       Frame& frame) {
  const std::size_t room = block.size() - kTrailerBytes - data_at;
  if (captured_bytes > room || captured_bytes > kFrameBytesMax) {
    set_damage(fmt::format("a frame claims {} captured bytes, its block has {} and the maximum is {}",
                           captured_bytes, room, kFrameBytesMax));
    return Found::kDamage;
  }
  frame.data = block.data() + data_at;
  frame.captured_bytes = captured_bytes;
  return Found::kFrame;
}

bool is_pcapng(std::uint32_t magic_le) {
  return magic_le == kSectionHeader;
}

Result<std::unique_ptr<CaptureReader>> open_pcapng(InputWindow& window) {
  return std::unique_ptr<CaptureReader>(std::make_unique<PcapngReader>(window));
}

}  // namespace tapline
