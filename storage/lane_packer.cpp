#include "storage/lane_packer.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>

#include "capture/base/check.hpp"
#include "storage/frame_keys.hpp"

namespace tapline::storage {
namespace {

/// A number for one filling of a block: never 0, and not shared by two packers, because ports that show the
/// same link share their flows and so the AppendSlots. Taken once a block; pairs with nothing, only has to be
/// unique.
std::uint32_t take_generation() {
  static std::atomic<std::uint32_t> last{0};
  std::uint32_t generation = 0;
  while (generation == 0) generation = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return generation;
}

/// Where in `block` the frame before of this slot is, if there.
HeaderHint make_hint(const AppendSlot& slot, const PacketBlock& block, const FlowHit& hit) {
  if (slot.block_generation != block.generation()) return {0, 0};
  const std::uint32_t back_bytes = block.used_bytes() - slot.previous_offset;
  return {back_bytes & 0xffffff, std::min<std::uint32_t>(hit.header_bytes, 255) & 0xff};
}

}  // namespace

LanePacker::LanePacker(const LanePackerConfig& config, BlockExchange& exchange)
    : config_(config), exchange_(exchange), lanes_(std::size_t{2} << config.lane_bits_max) {
  TAPLINE_CHECK(config.lane_bits_max <= 7);  // AppendSlot::lane has 8 bits
}

std::uint32_t LanePacker::choose_lane(const FlowHit& hit, const AppendSlot& slot) const {
  const bool opaque = hit.content_class == ContentClass::kOpaque && !one_lane_;
  // A flow keeps its lane while its block lasts.
  const std::uint32_t kept = slot.lane;
  if (slot.block_generation != 0 && kept < lanes_.size() && is_opaque_lane(kept) == opaque &&
      lanes_[kept].block != nullptr && lanes_[kept].block->generation() == slot.block_generation) {
    return kept;
  }
  const std::uint32_t first = opaque ? 1u << config_.lane_bits_max : 0;
  return first + static_cast<std::uint32_t>(hit.fingerprint & ((1u << lane_bits_[opaque ? 1 : 0]) - 1));
}

/// Sees to a block with room for the frame.
bool LanePacker::make_ready(std::uint32_t number, const Frame& frame) {
  Lane& lane = lanes_[number];
  if (lane.block != nullptr && lane.block->fits(frame)) [[likely]]
    return true;
  if (lane.block != nullptr) seal(number);
  lane.block = exchange_.take();
  if (lane.block == nullptr) return false;
  lane.block->begin(take_generation(), static_cast<std::uint16_t>(number), config_.link_type,
                    is_opaque_lane(number));
  lane.begun_ns = now_ns_;
  return true;
}

bool LanePacker::append(const Frame& frame, std::span<const PacketMeta> packets, const FlowHit& hit,
                        const FrameCut& cut) {
  const PacketMeta& meta = packets.front();
  const std::uint32_t envelope_hash = packets.back().envelope_hash;
  AppendSlot& slot =
      hit.slot != nullptr ? *hit.slot : sessionless_slots_[meta.ethertype % sessionless_slots_.size()];
  const std::uint32_t number = choose_lane(hit, slot);
  if (!make_ready(number, frame)) return false;
  PacketBlock& block = *lanes_[number].block;
  const std::uint32_t offset = block.used_bytes();
  block.append(frame, cut, make_hint(slot, block, hit));
  if (hit.joined) {  // has keys of its own, and says nothing about those of its flow
    block.post(collect_frame_keys(frame, meta, frame_fingerprint(frame, meta)));
    note_appended(number, frame);
    return true;
  }
  // Without a slot of its own nothing is known about what this flow has posted.
  if (hit.slot == nullptr || slot.block_generation != block.generation() ||
      slot.envelope_hash != envelope_hash || std::ranges::any_of(packets, keys_vary_by_frame)) {
    block.post(collect_frame_keys(frame, meta,
                                  packets.size() == 1 ? hit.fingerprint : frame_fingerprint(frame, meta)));
  }
  slot.block_generation = block.generation();
  slot.previous_offset = offset;
  slot.envelope_hash = envelope_hash;
  slot.lane = static_cast<std::uint8_t>(number);
  note_appended(number, frame);
  return true;
}

void LanePacker::note_appended(std::uint32_t number, const Frame& frame) {
  bytes_since_fold_[is_opaque_lane(number) ? 1 : 0] += kPcapRecordHeaderBytes + frame.captured_bytes;
}

void LanePacker::seal(std::uint32_t number) {
  exchange_.send(*lanes_[number].block);
  lanes_[number].block = nullptr;
  if (folds_by_rate_) return;
  // One more bit of hash each time the number of blocks of this class has doubled.
  const std::size_t content_class = is_opaque_lane(number) ? 1 : 0;
  const auto bits = static_cast<unsigned>(std::bit_width(++sealed_blocks_[content_class] + 1) - 1);
  lane_bits_[content_class] = std::min(config_.lane_bits_max, bits);
}

void LanePacker::seal_all() {
  for (std::uint32_t number = 0; number < lanes_.size(); ++number) {
    if (lanes_[number].block != nullptr) seal(number);
  }
}

void LanePacker::seal_old(TimeNs now_ns, TimeNs begun_until_ns) {
  now_ns_ = now_ns;
  for (std::uint32_t number = 0; number < lanes_.size(); ++number) {
    if (lanes_[number].block != nullptr && lanes_[number].begun_ns <= begun_until_ns) seal(number);
  }
}

TimeNs LanePacker::oldest_order_ns() const {
  TimeNs oldest_ns = std::numeric_limits<TimeNs>::max();
  for (const Lane& lane : lanes_) {
    if (lane.block != nullptr && lane.block->info().frames > 0)
      oldest_ns = std::min(oldest_ns, lane.block->info().order_first_ns);
  }
  return oldest_ns;
}

void LanePacker::fold() {
  folds_by_rate_ = true;
  for (std::size_t content_class = 0; content_class < lane_bits_.size(); ++content_class) {
    // As many lanes as still fill two blocks each.
    const std::uint64_t lanes = bytes_since_fold_[content_class] / (std::uint64_t{2} * config_.block_bytes);
    const auto bits = static_cast<unsigned>(std::bit_width(std::max<std::uint64_t>(lanes, 1)) - 1);
    lane_bits_[content_class] = std::min(config_.lane_bits_max, bits);
  }
  one_lane_ = bytes_since_fold_[0] + bytes_since_fold_[1] < config_.block_bytes / 2;
  bytes_since_fold_ = {};
}

}  // namespace tapline::storage
