#include "sensor/thread_exchange.hpp"

#include <algorithm>

#include "capture/base/check.hpp"
#include "sensor/payload_shedder.hpp"

namespace tapline::sensor {

ThreadExchange::ThreadExchange(std::size_t blocks, std::size_t lanes, std::uint32_t block_bytes,
                               TimeNs block_span_ns, std::size_t batches)
    : sent_(blocks + batches), returned_(blocks + batches), spare_blocks_(blocks - lanes) {
  TAPLINE_CHECK(blocks > lanes);
  for (std::size_t i = 0; i < blocks; ++i) {
    blocks_.push_back(std::make_unique<storage::PacketBlock>(block_bytes, block_span_ns));
    free_blocks_.push_back(blocks_.back().get());
  }
  for (std::size_t i = 0; i < batches; ++i) {
    batches_.push_back(std::make_unique<RecordBatch>());
    free_batches_.push_back(batches_.back().get());
  }
}

void ThreadExchange::take_back() {
  for (Parcel parcel; returned_.pop(parcel);) {
    if (parcel.block != nullptr) {
      free_blocks_.push_back(parcel.block);
    } else {
      free_batches_.push_back(parcel.batch);
    }
  }
}

storage::PacketBlock* ThreadExchange::take() {
  if (free_blocks_.empty()) take_back();
  if (free_blocks_.empty()) return nullptr;
  storage::PacketBlock* const block = free_blocks_.back();
  free_blocks_.pop_back();
  return block;
}

RecordBatch* ThreadExchange::take_batch() {
  if (free_batches_.empty()) take_back();
  if (free_batches_.empty()) return nullptr;
  RecordBatch* const batch = free_batches_.back();
  free_batches_.pop_back();
  return batch;
}

bool ThreadExchange::batches_are_scarce() {
  if (free_batches_.size() < batches_.size() / 2) take_back();
  return free_batches_.size() < batches_.size() / 2;
}

unsigned ThreadExchange::backlog() {
  const std::size_t waiting =
      blocks_sent_.load(std::memory_order_relaxed) - blocks_given_back_.load(std::memory_order_relaxed);
  return static_cast<unsigned>(std::min<std::size_t>(PayloadShedder::kBacklogMax * waiting / spare_blocks_,
                                                     PayloadShedder::kBacklogMax));
}

// Both rings have room for every parcel there is.
void ThreadExchange::send(storage::PacketBlock& block) {
  blocks_sent_.fetch_add(1, std::memory_order_relaxed);
  TAPLINE_CHECK(sent_.push({&block, nullptr}));
}

void ThreadExchange::send_batch(RecordBatch& batch) {
  TAPLINE_CHECK(sent_.push({nullptr, &batch}));
}

bool ThreadExchange::receive(Parcel& parcel) {
  if (!sent_.pop(parcel)) return false;
  blocks_received_ += parcel.block != nullptr ? 1 : 0;
  return true;
}

unsigned ThreadExchange::backlog_eighths() const {
  const std::size_t waiting = blocks_sent_.load(std::memory_order_relaxed) - blocks_received_;
  return static_cast<unsigned>(std::min<std::size_t>(8 * waiting / spare_blocks_, 8));
}

void ThreadExchange::give_back(const Parcel& parcel) {
  if (parcel.batch != nullptr) parcel.batch->clear();
  if (parcel.block != nullptr) blocks_given_back_.fetch_add(1, std::memory_order_relaxed);
  TAPLINE_CHECK(returned_.push(parcel));
}

}  // namespace tapline::sensor
