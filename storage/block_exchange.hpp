#pragma once
// BlockExchange: where a worker gets empty blocks and hands over sealed ones. Between threads a pair of
// rings; within one thread, a call of the writer.

#include "storage/packet_block.hpp"

namespace tapline::storage {

class BlockExchange {
 public:
  virtual ~BlockExchange() = default;

  /// An empty block, or null where every block is on its way to the disk. Called once a block, by the worker.
  virtual PacketBlock* take() = 0;
  /// Takes the block away, to be written and later given out again. Cannot fail.
  virtual void send(PacketBlock& block) = 0;
};

}  // namespace tapline::storage
