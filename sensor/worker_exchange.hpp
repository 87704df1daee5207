#pragma once
// WorkerExchange: where a worker's packet blocks and records go, and where it gets empty ones.

#include "sensor/record_batch.hpp"
#include "storage/block_exchange.hpp"

namespace tapline::sensor {

class WorkerExchange : public storage::BlockExchange {
 public:
  /// An empty batch, or null where every batch is on its way to the disk.
  virtual RecordBatch* take_batch() = 0;
  /// Takes the batch away. Cannot fail. What was sent before it, block or batch, is written before it.
  virtual void send_batch(RecordBatch& batch) = 0;
  /// The writer is late: more than half of the batches are on their way.
  virtual bool batches_are_scarce() { return false; }
  /// How many of the blocks that no lane needs are on their way: 0 to PayloadShedder::kBacklogMax, at which
  /// frames are about to be lost. Called once a burst.
  virtual unsigned backlog() { return 0; }
};

}  // namespace tapline::sensor
