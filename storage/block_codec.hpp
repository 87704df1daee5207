#pragma once
// Block codec: the content of a block <-> one zstd frame with content size and content checksum. The only
// place that includes zstd for storage. A codec object belongs to one thread and reuses its contexts and
// buffers.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "capture/base/bytes.hpp"
#include "capture/base/result.hpp"
#include "storage/format.hpp"
#include "storage/header_hint.hpp"

namespace tapline::storage {

/// A zstd frame in pieces (so that raw content is not copied once more), valid until the encoder's next call
/// and as long as the content it was made from.
struct EncodedBlock {
  std::span<const Bytes> pieces;
  std::uint8_t codec = kCodecRaw;
  std::uint32_t raw_bytes = 0;
  std::uint32_t stored_bytes = 0;  // sum over pieces
  std::uint64_t checksum = 0;      // XXH3-64 over the pieces' bytes
};

/// Tests replace what it makes; a call a block costs nothing.
class BlockEncoder {
 public:
  /// `block_bytes_max`: largest content; buffers for it are allocated now, those of compress_guided() with
  /// its first call. `level` as in zstd, e.g. 1.
  BlockEncoder(std::uint32_t block_bytes_max, int level);
  virtual ~BlockEncoder();
  BlockEncoder(const BlockEncoder&) = delete;
  BlockEncoder& operator=(const BlockEncoder&) = delete;

  /// Room that suffices for content of `content_bytes`, however it is stored.
  static std::size_t stored_bytes_max(std::size_t content_bytes);

  /// Of the next blocks.
  void set_level(int level);
  /// Compressed by libzstd. kIo with zstd's words where it refuses (a bug of ours or no memory).
  virtual Result<EncodedBlock> compress(Bytes content);
  /// Whole pcap records: headers matched as the hints say (HeaderMatcher), all else literal and not
  /// compressed. Errors as above.
  virtual Result<EncodedBlock> compress_guided(Bytes content, std::span<const HeaderHint> hints);
  /// Raw zstd blocks around the content in place; cannot fail.
  EncodedBlock wrap_raw(Bytes content);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BlockDecoder {
 public:
  BlockDecoder();
  ~BlockDecoder();
  BlockDecoder(BlockDecoder&&) noexcept;
  BlockDecoder& operator=(BlockDecoder&&) noexcept;

  /// Decodes exactly one frame of `stored` into `content`, whose size is BlockHeader::raw_bytes. kCorrupt
  /// where the frame is damaged, of another size, or followed by anything. zstd's content checksum is
  /// verified.
  Status decode(Bytes stored, std::span<std::uint8_t> content);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tapline::storage
