#include "storage/packet_encoder.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace tapline::storage {
namespace {

// A clear block that saves less than 1/64 makes its lane go without a search for so many blocks.
constexpr std::uint32_t kPoorRatioShift = 6;
constexpr std::uint8_t kBlocksAfterPoorRatio = 7;

// 1.25 times the speed of level -1 on the clear lanes of the large trace, where flow-guided is 4 times as
// fast.
constexpr int kLowerLevel = -5;

}  // namespace

void add_counters(PacketEncoderCounters& sum, const PacketEncoderCounters& one) {
  sum.blocks_compressed += one.blocks_compressed;
  sum.blocks_guided += one.blocks_guided;
  sum.blocks_raw += one.blocks_raw;
  sum.blocks_lowered += one.blocks_lowered;
  sum.blocks_hurried += one.blocks_hurried;
  sum.blocks_verified += one.blocks_verified;
  sum.blocks_misencoded += one.blocks_misencoded;
}

PacketEncoder::PacketEncoder(const PacketEncoderConfig& config, std::unique_ptr<BlockEncoder> encoder)
    : config_(config),
      encoder_(std::move(encoder)),
      joined_(BlockEncoder::stored_bytes_max(config.block_bytes_max)),
      decoded_(config.block_bytes_max) {
  TAPLINE_CHECK(config.verify_interval > 0);
}

std::uint8_t PacketEncoder::choose_codec(const PacketBlock& block, WriteEffort effort, Lane& lane) const {
  if (!config_.compress || effort == WriteEffort::kRaw) return kCodecRaw;
  if (block.opaque() || effort == WriteEffort::kGuided) return kCodecGuided;
  if (lane.poor_blocks_left == 0) return kCodecZstd;
  --lane.poor_blocks_left;
  return kCodecGuided;
}

Result<EncodedBlock> PacketEncoder::encode_as(std::uint8_t codec, const PacketBlock& block,
                                              WriteEffort effort) {
  if (codec == kCodecRaw) return encoder_->wrap_raw(block.content());
  if (codec == kCodecGuided) return encoder_->compress_guided(block.content(), block.hints());
  const bool lower = effort == WriteEffort::kLowerLevel;
  encoder_->set_level(lower ? std::min(kLowerLevel, config_.compression_level) : config_.compression_level);
  return encoder_->compress(block.content());
}

EncodedBlock PacketEncoder::encode(const PacketBlock& block, WriteEffort effort) {
  const std::size_t number = block.info().lane;
  if (number >= lanes_.size()) lanes_.resize(number + 1);
  Lane& lane = lanes_[number];
  const Result<EncodedBlock> encoded = encode_as(choose_codec(block, effort, lane), block, effort);
  if (!encoded) return replace(block, encoded.error());
  if (encoded->codec == kCodecZstd &&
      encoded->stored_bytes + (encoded->raw_bytes >> kPoorRatioShift) > encoded->raw_bytes) {
    lane.poor_blocks_left = kBlocksAfterPoorRatio;
  }
  if (lane.until_verified == 0 || counters_.blocks_misencoded > 0) {
    lane.until_verified = config_.verify_interval;
    ++counters_.blocks_verified;
    if (const Status good = verify(*encoded, block.content()); !good) return replace(block, good.error());
  }
  --lane.until_verified;
  count(encoded->codec, effort);
  return *encoded;
}

void PacketEncoder::count(std::uint8_t codec, WriteEffort effort) {
  counters_.blocks_compressed += codec == kCodecZstd ? 1 : 0;
  counters_.blocks_guided += codec == kCodecGuided ? 1 : 0;
  counters_.blocks_raw += codec == kCodecRaw ? 1 : 0;
  if (!config_.compress) return;
  counters_.blocks_lowered += effort != WriteEffort::kNormal && effort != WriteEffort::kRaw ? 1 : 0;
  counters_.blocks_hurried += effort == WriteEffort::kRaw ? 1 : 0;
}

Status PacketEncoder::verify(const EncodedBlock& encoded, Bytes content) {
  if (encoded.stored_bytes > joined_.size() || encoded.raw_bytes != content.size())
    return Error{ErrorCode::kCorrupt, "it has not the size that it should have"};
  std::size_t bytes = 0;
  for (const Bytes piece : encoded.pieces) {
    if (piece.size() > joined_.size() - bytes)
      return Error{ErrorCode::kCorrupt, "its pieces are longer than it is"};
    std::ranges::copy(piece, joined_.begin() + static_cast<std::ptrdiff_t>(bytes));
    bytes += piece.size();
  }
  const std::span<std::uint8_t> decoded = std::span(decoded_).first(content.size());
  TAPLINE_TRY(decoder_.decode(Bytes(joined_.data(), bytes), decoded));
  if (!std::ranges::equal(decoded, content))
    return Error{ErrorCode::kCorrupt, "it decompresses to other bytes than were put in"};
  return {};
}

EncodedBlock PacketEncoder::replace(const PacketBlock& block, const Error& error) {
  if (++counters_.blocks_misencoded == 1) {
    error_ =
        Error{ErrorCode::kCorrupt,
              fmt::format("a packet block of {} bytes was compressed wrongly ({}): it is stored raw, and "
                          "every block is decoded again from now on: test the memory of this machine",
                          block.content().size(), error.context)};
  }
  ++counters_.blocks_raw;
  return encoder_->wrap_raw(block.content());
}

std::optional<Error> PacketEncoder::take_error() {
  return std::exchange(error_, std::nullopt);
}

}  // namespace tapline::storage
