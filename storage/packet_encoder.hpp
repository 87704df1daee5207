#pragma once
// PacketEncoder: chooses for each packet block how it is compressed (lane, effort, what the lane's last
// blocks saved), and decodes some of the results again before they count as good. What does not come back as
// it was is stored raw instead, counted and reported, and from then on every block is looked at. One thread;
// all memory is allocated by the constructor but for a few bytes at a lane's first block.

#include <memory>
#include <optional>
#include <vector>

#include "storage/block_codec.hpp"
#include "storage/packet_block.hpp"
#include "storage/write_effort.hpp"

namespace tapline::storage {

struct PacketEncoderConfig {
  std::uint32_t block_bytes_max = 0;
  int compression_level = -1;
  bool compress = true;  // false: every block is stored raw
  /// Of the blocks of a lane, the first and then one in so many is decoded again; 1: every block.
  std::uint32_t verify_interval = 64;
};

struct PacketEncoderCounters {
  std::uint64_t blocks_compressed = 0;
  std::uint64_t blocks_guided = 0;
  std::uint64_t blocks_raw = 0;
  std::uint64_t blocks_lowered = 0;     // stored with an effort between kNormal and kRaw
  std::uint64_t blocks_hurried = 0;     // stored raw for want of time
  std::uint64_t blocks_verified = 0;    // decoded again and compared
  std::uint64_t blocks_misencoded = 0;  // of them, those that were wrong, and stored raw instead
};
void add_counters(PacketEncoderCounters& sum, const PacketEncoderCounters& one);

class PacketEncoder {
 public:
  /// `encoder`: one for blocks of block_bytes_max.
  PacketEncoder(const PacketEncoderConfig& config, std::unique_ptr<BlockEncoder> encoder);

  /// Valid until the next call and as long as the block's content. Cannot fail: where compression does, the
  /// block is wrapped raw.
  EncodedBlock encode(const PacketBlock& block, WriteEffort effort);

  const PacketEncoderCounters& counters() const { return counters_; }
  /// The first wrong encoding, once: a bug of ours or of libzstd, or bad memory.
  std::optional<Error> take_error();

 private:
  struct Lane {
    std::uint32_t until_verified = 0;  // blocks
    std::uint8_t poor_blocks_left = 0;
  };

  std::uint8_t choose_codec(const PacketBlock& block, WriteEffort effort, Lane& lane) const;
  Result<EncodedBlock> encode_as(std::uint8_t codec, const PacketBlock& block, WriteEffort effort);
  Status verify(const EncodedBlock& encoded, Bytes content);
  EncodedBlock replace(const PacketBlock& block, const Error& error);
  void count(std::uint8_t codec, WriteEffort effort);

  PacketEncoderConfig config_;
  std::unique_ptr<BlockEncoder> encoder_;
  BlockDecoder decoder_;
  std::vector<Lane> lanes_;
  std::vector<std::uint8_t> joined_;   // an encoded block in one piece
  std::vector<std::uint8_t> decoded_;  // and what it decodes to
  PacketEncoderCounters counters_;
  std::optional<Error> error_;
};

}  // namespace tapline::storage
