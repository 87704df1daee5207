#pragma once
// Small rules of the container that its writer, its reader and recovery share.

#include <xxhash.h>

#include <algorithm>

#include "storage/container_writer.hpp"
#include "storage/format.hpp"

namespace tapline::storage {

inline constexpr std::uint32_t kLeadFrameBytes = 6 + 3 + kPcapHeaderBytes + 4;  // raw zstd frame of 24 bytes
inline constexpr std::uint32_t kSeekTableTailBytes = 9;  // number of frames, descriptor, magic

/// Start of every skippable frame (RFC 8878, 3.1.2).
struct SkippableHeader {
  std::uint32_t magic;
  std::uint32_t content_bytes;
};
static_assert(sizeof(SkippableHeader) == 8);

/// A file that is shorter has no segment header yet.
inline constexpr std::uint64_t kFirstBlockOffset =
    kLeadFrameBytes + sizeof(SkippableHeader) + sizeof(SegmentHeader);

/// Length of the padding frame that begins with `frame`, `left` bytes before the file's end; 0: it is none.
inline std::uint64_t padding_frame_bytes(const SkippableHeader& frame, std::uint64_t left) {
  const std::uint64_t bytes = sizeof frame + std::uint64_t{frame.content_bytes};
  return frame.magic == kPaddingMagic && bytes <= kPaddingBytesMax && bytes <= left ? bytes : 0;
}

/// A padding frame is as long as it takes to the next multiple of `unit` (FORMAT.md, "Padding"); 0: none.
inline std::uint32_t padding_bytes(std::uint64_t file_bytes, std::uint32_t unit) {
  if (file_bytes % unit == 0) return 0;
  const auto bytes = static_cast<std::uint32_t>(unit - file_bytes % unit);
  return bytes >= sizeof(SkippableHeader) ? bytes : bytes + unit;
}

/// XXH3-64 over the bytes of `structure` in front of its member `checksum`.
template <class T>
std::uint64_t checksum_before(const T& structure, const std::uint64_t& checksum) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&structure);
  const auto* end = reinterpret_cast<const std::uint8_t*>(&checksum);
  return XXH3_64bits(begin, static_cast<std::size_t>(end - begin));
}

/// XXH3-64 over the extension, seeding XXH3-64 over the header with a zero checksum field.
inline std::uint64_t block_header_checksum(BlockHeader header, Bytes extension) {
  header.checksum = 0;
  const std::uint64_t seed = XXH3_64bits(extension.data(), extension.size());
  return XXH3_64bits_withSeed(&header, sizeof header, seed);
}

/// Bounds that hold for every well-formed block, before any of its lengths is used.
inline bool lengths_sane(std::uint32_t extension_bytes, std::uint32_t stored_bytes, std::uint32_t raw_bytes) {
  return extension_bytes <= kExtensionBytesMax && stored_bytes <= kBlockStoredBytesMax &&
         raw_bytes <= kBlockRawBytesMax;
}

inline std::uint64_t total_bytes(std::uint32_t extension_bytes, std::uint32_t stored_bytes) {
  return sizeof(SkippableHeader) + sizeof(BlockHeader) + std::uint64_t{extension_bytes} + stored_bytes;
}

/// Everything about a block header that can be told without its content.
inline bool header_valid(const SkippableHeader& frame, const BlockHeader& header, Bytes extension,
                         std::uint64_t segment_tag, std::uint64_t file_offset, std::uint32_t sequence) {
  return frame.magic == kSkippableMagic && frame.content_bytes == sizeof header + extension.size() &&
         header.magic == kBlockMagic && header.header_bytes == sizeof header &&
         header.extension_bytes == extension.size() && header.segment_tag == segment_tag &&
         header.file_offset == file_offset && header.sequence == sequence &&
         header.checksum == block_header_checksum(header, extension);
}

/// First 8 bytes of a segment id as they lie in memory: ties blocks to their file.
inline std::uint64_t id_tag(const SegmentId& id) {
  return load_le<std::uint64_t>(id.data());
}

inline BlockEntry make_entry(const BlockHeader& header) {
  return {header.file_offset,       header.first_ns, header.last_ns,   header.order_first_ns,
          header.order_first_count, header.frames,   header.raw_bytes, header.stored_bytes,
          header.extension_bytes,   header.lane,     header.codec,     header.flags};
}

/// Times begin with the first block that has frames or rows: a row group without any only repeats the times
/// of the file before (FORMAT.md, "Footer").
inline void add_totals(FooterHeader& totals, const BlockHeader& block) {
  if (totals.frames == 0) {
    totals.first_ns = block.first_ns;
    totals.last_ns = block.last_ns;
    totals.order_first_ns = block.order_first_ns;
    totals.order_last_ns = block.order_last_ns;
  }
  totals.first_ns = std::min(totals.first_ns, block.first_ns);
  totals.last_ns = std::max(totals.last_ns, block.last_ns);
  totals.order_first_ns = std::min(totals.order_first_ns, block.order_first_ns);
  totals.order_last_ns = std::max(totals.order_last_ns, block.order_last_ns);
  totals.frames += block.frames;
  totals.cut_frames += block.cut_frames;
  totals.captured_bytes += block.captured_bytes;
  totals.wire_bytes += block.wire_bytes;
  totals.raw_bytes += block.raw_bytes;
  totals.stored_bytes += block.stored_bytes;
}

}  // namespace tapline::storage
