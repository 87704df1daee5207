#include "storage/block_codec.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_compressSequences
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <optional>

#include "storage/header_matcher.hpp"

namespace tapline::storage {
namespace {

// RFC 8878, 3.1.1: magic, descriptor and 4 bytes of content size; header of a block; XXH64's lower half.
constexpr std::size_t kFrameHeaderBytesMax = 9;
constexpr std::size_t kZstdBlockHeaderBytes = 3;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint32_t kZstdMagic = 0xFD2FB528;
constexpr int kWindowLogMin = 10;
constexpr int kTableLogMin = 6;

/// Single-segment frame header with content size and checksum flag (RFC 8878, 3.1.1.1); returns its length.
std::size_t put_frame_header(std::uint8_t* at, std::uint64_t content_bytes) {
  store_le(at, kZstdMagic);
  constexpr std::uint8_t kSingleSegment = 1 << 5;
  constexpr std::uint8_t kChecksum = 1 << 2;
  if (content_bytes < 256) {
    at[4] = kSingleSegment | kChecksum;
    at[5] = static_cast<std::uint8_t>(content_bytes);
    return 6;
  }
  if (content_bytes < 65536 + 256) {
    at[4] = (1 << 6) | kSingleSegment | kChecksum;
    store_le(at + 5, static_cast<std::uint16_t>(content_bytes - 256));
    return 7;
  }
  at[4] = (2 << 6) | kSingleSegment | kChecksum;
  store_le(at + 5, static_cast<std::uint32_t>(content_bytes));
  return 9;
}

/// Raw block header: last flag, type 0, size (RFC 8878, 3.1.1.2).
void put_raw_block_header(std::uint8_t* at, std::size_t block_bytes, bool last) {
  const auto value = static_cast<std::uint32_t>(block_bytes << 3 | (last ? 1 : 0));
  at[0] = static_cast<std::uint8_t>(value);
  at[1] = static_cast<std::uint8_t>(value >> 8);
  at[2] = static_cast<std::uint8_t>(value >> 16);
}

}  // namespace

static_assert(sizeof(HeaderSequence) == sizeof(ZSTD_Sequence) &&
              offsetof(HeaderSequence, offset) == offsetof(ZSTD_Sequence, offset) &&
              offsetof(HeaderSequence, literal_bytes) == offsetof(ZSTD_Sequence, litLength) &&
              offsetof(HeaderSequence, match_bytes) == offsetof(ZSTD_Sequence, matchLength));

namespace {

/// What compress_guided() takes: ten times the rest.
struct Guide {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  HeaderMatcher matcher;

  explicit Guide(std::uint32_t block_bytes_max) : matcher(block_bytes_max) {
    TAPLINE_CHECK(context != nullptr);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    // Nothing is searched: the least tables that there can be.
    ZSTD_CCtx_setParameter(context, ZSTD_c_strategy, ZSTD_fast);
    ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, kTableLogMin);
    ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, kTableLogMin);
    // Matches are as short as kMatchBytesMin and reach back to the start of the block.
    ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, 3);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog,
                           std::max(kWindowLogMin, static_cast<int>(std::bit_width(block_bytes_max))));
    ZSTD_CCtx_setParameter(context, ZSTD_c_literalCompressionMode, ZSTD_ps_disable);
    // libzstd 1.5.4 made frames that failed the round trip where it was left to divide the blocks itself.
    ZSTD_CCtx_setParameter(context, ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters);
  }
  Guide(const Guide&) = delete;
  Guide& operator=(const Guide&) = delete;
  ~Guide() { ZSTD_freeCCtx(context); }
};

}  // namespace

struct BlockEncoder::State {
  explicit State(std::uint32_t bytes_max) : block_bytes_max(bytes_max) {}

  std::uint32_t block_bytes_max;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::optional<Guide> guide;  // from the first guided block on
  XXH3_state_t* stored_hash = XXH3_createState();
  std::vector<std::uint8_t> compressed;
  std::vector<std::uint8_t> framing;  // headers and trailer of raw frames
  std::vector<Bytes> pieces;

  ~State() {
    ZSTD_freeCCtx(context);
    XXH3_freeState(stored_hash);
  }

  Result<EncodedBlock> finish_compressed(std::uint8_t codec, std::size_t written, std::size_t raw_bytes);
  EncodedBlock finish(std::uint8_t codec, std::size_t raw_bytes) {
    XXH3_64bits_reset(stored_hash);
    std::size_t stored_bytes = 0;
    for (const Bytes piece : pieces) {
      XXH3_64bits_update(stored_hash, piece.data(), piece.size());
      stored_bytes += piece.size();
    }
    return {pieces, codec, static_cast<std::uint32_t>(raw_bytes), static_cast<std::uint32_t>(stored_bytes),
            XXH3_64bits_digest(stored_hash)};
  }
};

BlockEncoder::BlockEncoder(std::uint32_t block_bytes_max, int level)
    : state_(std::make_unique<State>(block_bytes_max)) {
  State& s = *state_;
  TAPLINE_CHECK(block_bytes_max <= kBlockRawBytesMax && s.context != nullptr && s.stored_hash != nullptr);
  ZSTD_CCtx_setParameter(s.context, ZSTD_c_checksumFlag, 1);
  set_level(level);
  s.compressed.resize(stored_bytes_max(block_bytes_max));
  const std::size_t blocks = block_bytes_max / kZstdBlockBytesMax + 1;
  s.framing.resize(kFrameHeaderBytesMax + kZstdBlockHeaderBytes * blocks + kChecksumBytes);
  s.pieces.reserve(2 * blocks + 2);
}

BlockEncoder::~BlockEncoder() = default;

std::size_t BlockEncoder::stored_bytes_max(std::size_t content_bytes) {
  const std::size_t blocks = content_bytes / kZstdBlockBytesMax + 1;
  return std::max(ZSTD_compressBound(content_bytes),
                  kFrameHeaderBytesMax + kZstdBlockHeaderBytes * blocks + content_bytes + kChecksumBytes);
}

void BlockEncoder::set_level(int level) {
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level);
}

Result<EncodedBlock> BlockEncoder::State::finish_compressed(std::uint8_t codec, std::size_t written,
                                                            std::size_t raw_bytes) {
  if (ZSTD_isError(written)) {
    return Error{ErrorCode::kIo, std::string("zstd cannot compress a block: ") + ZSTD_getErrorName(written)};
  }
  pieces.assign(1, Bytes(compressed.data(), written));
  return finish(codec, raw_bytes);
}

Result<EncodedBlock> BlockEncoder::compress(Bytes content) {
  State& s = *state_;
  const std::size_t written =
      ZSTD_compress2(s.context, s.compressed.data(), s.compressed.size(), content.data(), content.size());
  return s.finish_compressed(kCodecZstd, written, content.size());
}

Result<EncodedBlock> BlockEncoder::compress_guided(Bytes content, std::span<const HeaderHint> hints) {
  State& s = *state_;
  if (!s.guide) s.guide.emplace(s.block_bytes_max);
  const std::span<const HeaderSequence> sequences = s.guide->matcher.match(content, hints);
  const std::size_t written =
      ZSTD_compressSequences(s.guide->context, s.compressed.data(), s.compressed.size(),
                             reinterpret_cast<const ZSTD_Sequence*>(sequences.data()), sequences.size(),
                             content.data(), content.size());
  return s.finish_compressed(kCodecGuided, written, content.size());
}

EncodedBlock BlockEncoder::wrap_raw(Bytes content) {
  State& s = *state_;
  s.pieces.clear();
  std::uint8_t* at = s.framing.data();
  std::size_t header_bytes = put_frame_header(at, content.size());
  std::size_t offset = 0;
  do {
    const std::size_t block_bytes = std::min<std::size_t>(content.size() - offset, kZstdBlockBytesMax);
    put_raw_block_header(at + header_bytes, block_bytes, offset + block_bytes == content.size());
    s.pieces.push_back(Bytes(at, header_bytes + 3));
    s.pieces.push_back(content.subspan(offset, block_bytes));
    at += header_bytes + 3;
    header_bytes = 0;
    offset += block_bytes;
  } while (offset < content.size());
  store_le(at, static_cast<std::uint32_t>(XXH64(content.data(), content.size(), 0)));
  s.pieces.push_back(Bytes(at, 4));
  return s.finish(kCodecRaw, content.size());
}

struct BlockDecoder::State {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ~State() { ZSTD_freeDCtx(context); }
};

BlockDecoder::BlockDecoder() : state_(std::make_unique<State>()) {
  TAPLINE_CHECK(state_->context != nullptr);
}
BlockDecoder::~BlockDecoder() = default;
BlockDecoder::BlockDecoder(BlockDecoder&&) noexcept = default;
BlockDecoder& BlockDecoder::operator=(BlockDecoder&&) noexcept = default;

Status BlockDecoder::decode(Bytes stored, std::span<std::uint8_t> content) {
  const std::size_t frame_bytes = ZSTD_findFrameCompressedSize(stored.data(), stored.size());
  if (ZSTD_isError(frame_bytes) || frame_bytes != stored.size()) {
    return Error{ErrorCode::kCorrupt, "a block is not exactly one zstd frame"};
  }
  const std::size_t decoded =
      ZSTD_decompressDCtx(state_->context, content.data(), content.size(), stored.data(), stored.size());
  if (ZSTD_isError(decoded)) {
    return Error{ErrorCode::kCorrupt,
                 std::string("a block does not decompress: ") + ZSTD_getErrorName(decoded)};
  }
  if (decoded != content.size())
    return Error{ErrorCode::kCorrupt, "a block decompresses to another size than stated"};
  return {};
}

}  // namespace tapline::storage
