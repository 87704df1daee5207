#pragma once
// The on-disk structures of FORMAT.md, field by field; a test compares the two. Little endian, no implicit
// padding, reserved bytes are zero. Readers bound every length by the file before they use it.

#include <cstdint>

namespace tapline::storage {

inline constexpr std::uint16_t kFormatVersion = 2;

inline constexpr std::uint32_t kSkippableMagic = 0x184D2A5A;  // one of zstd's sixteen; ours
inline constexpr std::uint32_t kPaddingMagic = 0x184D2A5B;    // another one of ours
inline constexpr std::uint32_t kSeekTableFrameMagic = 0x184D2A5E;
inline constexpr std::uint32_t kSeekTableMagic = 0x8F92EAB1;
inline constexpr std::uint64_t kSegmentMagic = 0x31474553'4C504154;  // "TAPLSEG1"
inline constexpr std::uint32_t kBlockMagic = 0x4B4C4254;             // "TBLK"
inline constexpr std::uint64_t kFooterMagic = 0x31525446'4C504154;   // "TAPLFTR1"
inline constexpr std::uint64_t kIndexMagic = 0x31584449'4C504154;    // "TAPLIDX1"
inline constexpr std::uint32_t kPcapNanosecondMagic = 0xA1B23C4D;

inline constexpr std::uint32_t kPcapHeaderBytes = 24;
inline constexpr std::uint32_t kPcapRecordHeaderBytes = 16;
inline constexpr std::uint32_t kBlockRawBytesMax = 16777216;  // a reader refuses blocks that claim more
inline constexpr std::uint32_t kBlockStoredBytesMax =
    16843008;  // the same stored as raw zstd blocks, and headers
inline constexpr std::uint32_t kExtensionBytesMax = 8388608;  // of one block; likewise
inline constexpr std::uint32_t kSegmentBlocksMax = 16777216;  // block numbers are 24 bits in the index
inline constexpr std::uint32_t kPaddingBytesMax = 8192;       // of one padding frame
inline constexpr std::uint32_t kIndexChunkBytesMax = 8192;

/// SegmentHeader::kind.
inline constexpr std::uint16_t kKindPackets = 1;
inline constexpr std::uint16_t kKindSessions = 2;
inline constexpr std::uint16_t kKindLedger = 3;

/// BlockHeader::codec. All but kCodecSealed are ordinary zstd frames.
inline constexpr std::uint8_t kCodecRaw = 0;     // raw zstd blocks: nothing was compressed
inline constexpr std::uint8_t kCodecZstd = 1;    // compressed by libzstd
inline constexpr std::uint8_t kCodecGuided = 2;  // flow-guided sequences
inline constexpr std::uint8_t kCodecSealed = 3;  // reserved: encrypted, in a skippable frame

/// SegmentHeader::previous_state.
inline constexpr std::uint32_t kPreviousNone = 0;
inline constexpr std::uint32_t kPreviousClosed = 1;
inline constexpr std::uint32_t kPreviousCrashed = 2;

/// FooterHeader::end_state.
inline constexpr std::uint32_t kEndClosed = 1;     // finished by its writer
inline constexpr std::uint32_t kEndRecovered = 2;  // finished later, after a crash; a torn tail was cut

/// FooterHeader::root_algorithm.
inline constexpr std::uint32_t kRootXxh3Headers =
    1;  // XXH3-128 over all block headers with extensions, zero-padded

struct SegmentHeader {
  std::uint64_t magic;
  std::uint16_t header_bytes;
  std::uint16_t version;
  std::uint16_t kind;
  std::uint16_t link_type;
  std::uint32_t compatible;
  std::uint32_t incompatible;
  std::uint64_t sensor_id;
  std::uint8_t segment_id[16];
  std::uint8_t source_id[16];
  std::uint8_t previous_segment_id[16];
  std::uint8_t previous_root[32];
  std::uint32_t previous_state;
  std::uint32_t snap_length;
  std::uint16_t port;
  std::uint16_t worker;
  std::uint32_t reserved_1;
  std::int64_t start_ns;
  std::int64_t created_ns;
  std::uint8_t reserved_2[40];
  std::uint64_t checksum;
};
static_assert(sizeof(SegmentHeader) == 192);

struct BlockHeader {
  std::uint32_t magic;
  std::uint16_t header_bytes;
  std::uint8_t codec;
  std::uint8_t flags;
  std::uint64_t checksum;
  std::uint64_t segment_tag;
  std::uint64_t file_offset;
  std::uint32_t sequence;
  std::uint16_t lane;
  std::uint16_t reserved_1;
  std::int64_t first_ns;
  std::int64_t last_ns;
  std::int64_t order_first_ns;
  std::int64_t order_last_ns;
  std::uint32_t order_first_count;
  std::uint32_t frames;
  std::uint32_t raw_bytes;
  std::uint32_t stored_bytes;
  std::uint32_t key_id;
  std::uint32_t extension_bytes;
  std::uint64_t stored_checksum;
  std::uint64_t wire_bytes;
  std::uint64_t captured_bytes;
  std::uint32_t cut_frames;
  std::uint32_t synced_blocks;
};
static_assert(sizeof(BlockHeader) == 128);

struct FooterHeader {
  std::uint64_t magic;
  std::uint16_t header_bytes;
  std::uint16_t version;
  std::uint32_t block_count;
  std::uint8_t segment_id[16];
  std::uint64_t frames;
  std::uint64_t cut_frames;
  std::uint64_t captured_bytes;
  std::uint64_t wire_bytes;
  std::uint64_t raw_bytes;
  std::uint64_t stored_bytes;
  std::int64_t first_ns;
  std::int64_t last_ns;
  std::int64_t order_first_ns;
  std::int64_t order_last_ns;
  std::uint32_t root_algorithm;
  std::uint32_t end_state;
  std::uint64_t torn_bytes;
  std::uint8_t root[32];
  std::uint64_t table_checksum;
  std::uint8_t reserved_1[16];
  std::uint64_t checksum;
};
static_assert(sizeof(FooterHeader) == 192);

struct BlockEntry {
  std::uint64_t file_offset;
  std::int64_t first_ns;
  std::int64_t last_ns;
  std::int64_t order_first_ns;
  std::uint32_t order_first_count;
  std::uint32_t frames;
  std::uint32_t raw_bytes;
  std::uint32_t stored_bytes;
  std::uint32_t extension_bytes;
  std::uint16_t lane;
  std::uint8_t codec;
  std::uint8_t flags;
};
static_assert(sizeof(BlockEntry) == 56);

struct IndexHeader {
  std::uint64_t magic;
  std::uint16_t header_bytes;
  std::uint16_t version;
  std::uint32_t block_count;
  std::uint8_t segment_id[16];
  std::uint32_t section_count;
  std::uint32_t reserved_1;
  std::uint64_t file_bytes;
  std::uint64_t sections_checksum;
  std::uint64_t checksum;
};
static_assert(sizeof(IndexHeader) == 64);

struct IndexSection {
  std::uint32_t kind;
  std::uint32_t chunk_count;
  std::uint64_t keys;
  std::uint64_t postings;
  std::uint64_t directory_offset;
  std::uint64_t directory_checksum;
};
static_assert(sizeof(IndexSection) == 40);

struct IndexChunk {
  std::uint64_t first_key;
  std::uint64_t file_offset;
  std::uint32_t chunk_bytes;
  std::uint32_t checksum;
};
static_assert(sizeof(IndexChunk) == 24);

}  // namespace tapline::storage
