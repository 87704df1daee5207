#pragma once
// ThreadExchange: the blocks and batches of one worker, and the two rings on which they go to its writer and
// come back. All memory is allocated by the constructor. Worker and writer are one thread each.

#include <atomic>
#include <memory>
#include <vector>

#include "capture/base/spsc_ring.hpp"
#include "sensor/worker_exchange.hpp"

namespace tapline::sensor {

/// Exactly one of the two is set.
struct Parcel {
  storage::PacketBlock* block = nullptr;
  RecordBatch* batch = nullptr;
};

class ThreadExchange : public WorkerExchange {
 public:
  /// Each holds what a burst and a step of the timers can bring (0.5 MiB); a tenth of a second fills one at
  /// 13,000 records/s.
  static constexpr std::size_t kBatchesMin = 16;

  /// `blocks` of `block_bytes`, each for `block_span_ns` of order time at most; more of them than `lanes`,
  /// each of which may be filling one. `batches`: on a slow disk they wait behind the blocks.
  ThreadExchange(std::size_t blocks, std::size_t lanes, std::uint32_t block_bytes, TimeNs block_span_ns,
                 std::size_t batches = kBatchesMin);

  // Worker.
  storage::PacketBlock* take() override;
  void send(storage::PacketBlock& block) override;
  RecordBatch* take_batch() override;
  void send_batch(RecordBatch& batch) override;
  bool batches_are_scarce() override;
  unsigned backlog() override;

  // Writer.
  /// The oldest parcel that was sent and not received; false: there is none.
  bool receive(Parcel& parcel);
  /// To be used again.
  void give_back(const Parcel& parcel);
  /// How many of the blocks that no lane needs wait for the writer: 0 to 8, at 8 frames are about to be lost.
  unsigned backlog_eighths() const;

 private:
  void take_back();

  std::vector<std::unique_ptr<storage::PacketBlock>> blocks_;
  std::vector<std::unique_ptr<RecordBatch>> batches_;
  SpscRing<Parcel> sent_;
  SpscRing<Parcel> returned_;
  const std::size_t spare_blocks_;  // that no lane needs
  // Writer's:
  std::size_t blocks_received_ = 0;
  std::atomic<std::size_t> blocks_given_back_{0};  // pairs with nothing: only says how many
  // Worker's:
  std::vector<storage::PacketBlock*> free_blocks_;
  std::atomic<std::size_t> blocks_sent_{0};  // pairs with nothing: only says how many
  std::vector<RecordBatch*> free_batches_;
};

}  // namespace tapline::sensor
