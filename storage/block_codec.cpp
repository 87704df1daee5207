#include "storage/block_codec.hpp"

#include <xxhash.h>
#include <zstd.h>

#include <algorithm>

namespace tapline::storage {
namespace {

// RFC 8878: a frame's blocks hold at most 128 KiB each.
constexpr std::size_t kZstdBlockBytesMax = 128 * 1024;
constexpr std::uint32_t kZstdMagic = 0xFD2FB528;

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

struct BlockEncoder::State {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  XXH3_state_t* stored_hash = XXH3_createState();
  std::vector<std::uint8_t> compressed;
  std::vector<std::uint8_t> framing;  // headers and trailer of raw frames
  std::vector<Bytes> pieces;

  ~State() {
    ZSTD_freeCCtx(context);
    XXH3_freeState(stored_hash);
  }

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

BlockEncoder::BlockEncoder(std::uint32_t block_bytes_max, int level) : state_(std::make_unique<State>()) {
  TAPLINE_CHECK(block_bytes_max <= kBlockRawBytesMax && state_->context != nullptr &&
                state_->stored_hash != nullptr);
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(state_->context, ZSTD_c_checksumFlag, 1);
  state_->compressed.resize(ZSTD_compressBound(block_bytes_max));
  const std::size_t blocks = block_bytes_max / kZstdBlockBytesMax + 1;
  state_->framing.resize(9 + 3 * blocks + 4);
  state_->pieces.reserve(2 * blocks + 2);
}

BlockEncoder::~BlockEncoder() = default;

Result<EncodedBlock> BlockEncoder::compress(Bytes content) {
  State& s = *state_;
  const std::size_t written =
      ZSTD_compress2(s.context, s.compressed.data(), s.compressed.size(), content.data(), content.size());
  if (ZSTD_isError(written)) {
    return Error{ErrorCode::kIo, std::string("zstd cannot compress a block: ") + ZSTD_getErrorName(written)};
  }
  s.pieces.assign(1, Bytes(s.compressed.data(), written));
  return s.finish(kCodecZstd, content.size());
}

EncodedBlock BlockEncoder::wrap_raw(Bytes content) {
  State& s = *state_;
  s.pieces.clear();
  std::uint8_t* at = s.framing.data();
  std::size_t header_bytes = put_frame_header(at, content.size());
  std::size_t offset = 0;
  do {
    const std::size_t block_bytes = std::min(content.size() - offset, kZstdBlockBytesMax);
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
