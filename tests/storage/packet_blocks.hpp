#pragma once
// Packet blocks with hints, filled by a LanePacker from made-up traffic, for tests of what is made of them.

#include <memory>
#include <vector>

#include "storage/block_codec.hpp"
#include "storage/lane_packer.hpp"
#include "tests/storage/traffic.hpp"

namespace tapline::storage {

/// Keeps every block that was filled.
class BlockKeeper : public BlockExchange {
 public:
  explicit BlockKeeper(std::uint32_t block_bytes) : block_bytes_(block_bytes) {}
  PacketBlock* take() override;
  void send(PacketBlock& block) override { sent.push_back(&block); }

  std::vector<PacketBlock*> sent;

 private:
  std::uint32_t block_bytes_;
  std::vector<std::unique_ptr<PacketBlock>> blocks_;
};

/// An encoded block in one piece.
ByteBuffer join(const EncodedBlock& block);

/// All of the frames into blocks of `keeper`.
void fill_blocks(const std::vector<TestFrame>& frames, const LanePackerConfig& config, BlockKeeper& keeper);

/// Conversations of few flows that share lanes: headers that repeat with numbers that count up,
/// retransmissions, tags that come and go, options of varying length, frames of 0 bytes to kFrameBytesMax,
/// some without a flow.
std::vector<TestFrame> make_conversations(std::uint64_t seed, std::size_t frames);

}  // namespace tapline::storage
