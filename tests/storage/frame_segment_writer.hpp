#pragma once
// FrameSegmentWriter: lanes and segment writer in one thread, as `tapline import` drives them: frames in,
// segments out. Every sealed block is decoded again, and must be right.

#include <functional>
#include <memory>
#include <vector>

#include "storage/lane_packer.hpp"
#include "storage/segment_writer.hpp"

namespace tapline::storage {

struct FrameSegmentConfig : SegmentWriterConfig {
  FrameSegmentConfig() { verify_interval = 1; }

  unsigned lane_bits_max = 4;
  enum class AfterBlock : std::uint8_t { kNothing, kFlush, kSync } after_block = AfterBlock::kFlush;
};

/// A SegmentSpace that asks a function, or grants everything.
class TestSpace : public SegmentSpace {
 public:
  using Reserve = std::function<Status(std::uint64_t bytes)>;
  explicit TestSpace(Reserve reserve = {}) : reserve_(std::move(reserve)) {}
  Result<std::string> reserve(const SegmentId&, std::uint64_t bytes) override {
    if (reserve_) TAPLINE_TRY(reserve_(bytes));
    return std::string();
  }
  void publish(const SegmentId&, const std::string&, std::uint64_t) override {}
  void give_up(const SegmentId&, const Error&) override {}

 private:
  Reserve reserve_;
};

class FrameSegmentWriter : private BlockExchange {
 public:
  explicit FrameSegmentWriter(const FrameSegmentConfig& config, TestSpace::Reserve reserve = {})
      : own_space_(std::move(reserve)),
        config_(config),
        writer_(config, own_space_),
        packer_(packer_config(config), *this) {}
  /// With an encoder of the caller's.
  FrameSegmentWriter(const FrameSegmentConfig& config, std::unique_ptr<BlockEncoder> encoder)
      : config_(config),
        writer_(config, own_space_, std::move(encoder)),
        packer_(packer_config(config), *this) {}
  FrameSegmentWriter(const FrameSegmentConfig& config, SegmentSpace& space)
      : config_(config), writer_(config, space), packer_(packer_config(config), *this) {}

  Status append(const Frame& frame, std::span<const PacketMeta> packets, const FlowHit& hit,
                const FrameCut& cut = {}) {
    packer_.append(frame, packets, hit, cut);
    return status_;
  }
  Status append(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, const FrameCut& cut = {}) {
    return append(frame, std::span(&meta, 1), hit, cut);
  }
  Status finish() {
    packer_.seal_all();
    TAPLINE_TRY(status_);
    TAPLINE_CHECK(writer_.counters().encoding.blocks_misencoded == 0);
    return writer_.finish();
  }
  const SegmentWriterCounters& counters() const { return writer_.counters(); }
  SegmentWriter& segments() { return writer_; }
  LanePacker& lanes() { return packer_; }

 private:
  static LanePackerConfig packer_config(const FrameSegmentConfig& config) {
    return {config.link_type, config.block_bytes, config.lane_bits_max};
  }
  PacketBlock* take() override {
    if (free_.empty()) {
      blocks_.push_back(std::make_unique<PacketBlock>(config_.block_bytes, config_.segment_duration_ns_max));
      return blocks_.back().get();
    }
    PacketBlock* const block = free_.back();
    free_.pop_back();
    return block;
  }
  void send(PacketBlock& block) override {
    Status written = writer_.write(block);
    if (written && config_.after_block == FrameSegmentConfig::AfterBlock::kFlush) written = writer_.flush();
    if (written && config_.after_block == FrameSegmentConfig::AfterBlock::kSync) written = writer_.sync();
    if (!written) status_ = written;
    free_.push_back(&block);
  }

  TestSpace own_space_;
  FrameSegmentConfig config_;
  SegmentWriter writer_;
  LanePacker packer_;
  std::vector<std::unique_ptr<PacketBlock>> blocks_;
  std::vector<PacketBlock*> free_;
  Status status_;
};

}  // namespace tapline::storage
