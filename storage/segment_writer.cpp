#include "storage/segment_writer.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

#include "storage/container_layout.hpp"
#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

// Frames with less payload than this go to a clear lane even if their flow is opaque: acknowledgements and
// keep-alives are mostly headers, and headers compress (measured: storage/README.md, "Lanes").
constexpr std::uint32_t kOpaquePayloadBytesMin = 128;

// A compressed block that saves less than 1/64 makes its lane skip compression for so many blocks.
constexpr std::uint32_t kPoorRatioShift = 6;
constexpr std::uint8_t kRawBlocksAfterPoorRatio = 7;

// What a block costs besides its content: in the block table and the seek table; and in front of it, with the
// zstd frame's own headers.
constexpr std::uint64_t kBlockListingBytes = sizeof(BlockEntry) + 16;
constexpr std::uint64_t block_overhead_bytes(std::uint32_t block_bytes) {
  const std::uint64_t zstd_blocks = block_bytes / (128 * 1024) + 1;
  return sizeof(SkippableHeader) + sizeof(BlockHeader) + 9 + 3 * zstd_blocks + 4;
}
// Footer, rest of the seek table; index header, and per kind of key a section, a directory entry and a chunk.
constexpr std::uint64_t kEndBytesMax = 4096;

constexpr std::uint64_t frame_bytes_max(const Frame& frame) {
  return kPcapRecordHeaderBytes + frame.captured_bytes + FrameKeys::kKeysMax * kIndexPostingBytesMax;
}

/// A number for one filling of a lane's block: never 0, and not shared by two writers, because ports that
/// show the same link share their flows and so the AppendSlots. Taken once a block; pairs with nothing, only
/// has to be unique.
std::uint32_t take_generation() {
  static std::atomic<std::uint32_t> last{0};
  std::uint32_t generation = 0;
  while (generation == 0) generation = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return generation;
}

std::array<std::uint8_t, kPcapHeaderBytes> make_pcap_header(std::uint16_t link_type) {
  std::array<std::uint8_t, kPcapHeaderBytes> header{};
  store_le(header.data(), kPcapNanosecondMagic);
  store_le<std::uint16_t>(header.data() + 4, 2);
  store_le<std::uint16_t>(header.data() + 6, 4);
  store_le(header.data() + 16, kFrameBytesMax);
  store_le<std::uint32_t>(header.data() + 20, link_type);
  return header;
}

}  // namespace

SegmentWriter::SegmentWriter(SegmentWriterConfig config, ReserveSpace reserve_space)
    : config_(std::move(config)),
      reserve_space_(std::move(reserve_space)),
      block_overhead_bytes_(block_overhead_bytes(std::max(config_.block_bytes, kLaneBytesMin))),
      encoder_(std::max(config_.block_bytes, kLaneBytesMin), config_.compression_level),
      lanes_(std::size_t{2} << config_.lane_bits_max),
      raw_blocks_left_(lanes_.size()) {}

std::uint32_t SegmentWriter::choose_lane(const PacketMeta& meta, const FlowHit& hit,
                                         const AppendSlot& slot) const {
  const bool opaque =
      hit.content_class == ContentClass::kOpaque && meta.payload_bytes >= kOpaquePayloadBytesMin;
  const std::uint32_t first = opaque ? 1u << config_.lane_bits_max : 0;
  // A flow keeps its lane while its block lasts.
  const std::uint32_t kept = slot.lane;
  if (slot.block_generation != 0 && kept < lanes_.size() && (kept >= 1u << config_.lane_bits_max) == opaque &&
      lanes_[kept] && lanes_[kept]->generation() == slot.block_generation) {
    return kept;
  }
  // Lanes fold with the rate: one more bit of hash each time the number of blocks of this class has doubled.
  const std::uint32_t sealed = sealed_blocks_[opaque ? 1 : 0];
  const unsigned bits = std::min<unsigned>(config_.lane_bits_max, std::bit_width(sealed + 1) - 1);
  return first + static_cast<std::uint32_t>(hit.fingerprint & ((1u << bits) - 1));
}

std::uint64_t SegmentWriter::order_ns_since_start(const Frame& frame) const {
  // Unsigned: order time never runs backwards, but clocks that jump over centuries must not overflow.
  return static_cast<std::uint64_t>(frame.order.time_ns) -
         static_cast<std::uint64_t>(segment_order_first_ns_);
}

std::uint64_t SegmentWriter::final_bytes_max() const {
  const std::uint64_t blocks = segment_->block_count() + std::uint64_t{lanes_.size()};
  return segment_->file_bytes() + buffered_bytes_ + lanes_.size() * block_overhead_bytes_ +
         blocks * kBlockListingBytes + index_.postings() * kIndexPostingBytesMax + kEndBytesMax;
}

std::uint64_t SegmentWriter::least_segment_bytes(const Frame& frame) const {
  return kLeadFrameBytes + sizeof(SkippableHeader) + sizeof(SegmentHeader) +
         lanes_.size() * (block_overhead_bytes_ + kBlockListingBytes) + kEndBytesMax + frame_bytes_max(frame);
}

std::uint64_t SegmentWriter::reserved_bytes_left() const {
  if (!segment_) return 0;
  return reserved_bytes_ - std::min(reserved_bytes_, segment_->file_bytes());
}

bool SegmentWriter::must_rotate(const Frame& frame) const {
  return final_bytes_max() + frame_bytes_max(frame) > config_.segment_bytes_max ||
         order_ns_since_start(frame) >= static_cast<std::uint64_t>(config_.segment_duration_ns_max) ||
         index_.full();
}

Status SegmentWriter::open_segment(const Frame& frame) {
  reserved_bytes_ = std::max(config_.segment_bytes_max, least_segment_bytes(frame));
  TAPLINE_TRY(reserve_space_(reserved_bytes_));
  ContainerIdentity identity;
  identity.kind = kKindPackets;
  identity.link_type = config_.link_type;
  identity.snap_length = kFrameBytesMax;
  identity.sensor_id = config_.sensor_id;
  identity.segment_id = make_segment_id();
  identity.source_id = config_.source_id;
  identity.previous_segment_id = previous_id_;
  identity.previous_root = previous_root_;
  identity.previous_state = previous_id_ == SegmentId{} ? kPreviousNone : kPreviousClosed;
  identity.port = config_.port;
  identity.worker = config_.worker;
  identity.start_ns = frame.time_ns;
  const std::string path = config_.directory + "/" + open_name(identity.segment_id, kPacketSuffix);
  Result<ContainerWriter> writer =
      ContainerWriter::create(path, identity, make_pcap_header(config_.link_type));
  if (!writer) return writer.error();
  segment_ = std::make_unique<ContainerWriter>(std::move(*writer));
  segment_order_first_ns_ = frame.order.time_ns;
  return {};
}

Status SegmentWriter::append(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, bool cut) {
  if (failure_) return *failure_;
  Status appended = append_frame(frame, meta, hit, cut);
  if (!appended) failure_ = appended.error();
  return appended;
}

Status SegmentWriter::finish() {
  if (failure_) return *failure_;
  Status published = publish_segment();
  if (!published) failure_ = published.error();
  return published;
}

Status SegmentWriter::append_frame(const Frame& frame, const PacketMeta& meta, const FlowHit& hit, bool cut) {
  if (segment_ && must_rotate(frame)) TAPLINE_TRY(publish_segment());
  if (!segment_) TAPLINE_TRY(open_segment(frame));

  AppendSlot& slot =
      hit.slot != nullptr ? *hit.slot : sessionless_slots_[meta.ethertype % sessionless_slots_.size()];
  const std::uint32_t number = choose_lane(meta, hit, slot);
  std::optional<Lane>& lane = lanes_[number];
  if (!lane) {
    lane.emplace(config_.block_bytes);
    lane->clear(take_generation());
  }
  if (!lane->fits(frame)) TAPLINE_TRY(seal(number));

  const std::uint64_t before = lane->reserved_bytes();
  // Without a slot of its own nothing is known about what this flow has posted.
  if (hit.slot == nullptr || slot.block_generation != lane->generation() ||
      slot.envelope_hash != meta.envelope_hash || keys_vary_by_frame(meta)) {
    lane->post(collect_frame_keys(frame, meta, hit.fingerprint));
  }
  slot.block_generation = lane->generation();
  slot.previous_offset = lane->used_bytes();
  slot.envelope_hash = meta.envelope_hash;
  slot.lane = static_cast<std::uint8_t>(number);
  lane->append(frame, cut);
  buffered_bytes_ += lane->reserved_bytes() - before;
  return {};
}

Result<EncodedBlock> SegmentWriter::encode(std::uint32_t number) {
  const Bytes content = lanes_[number]->content();
  const bool clear_lane = number < 1u << config_.lane_bits_max;
  std::uint8_t& raw_left = raw_blocks_left_[number];
  if (!config_.compress || !clear_lane || raw_left > 0) {
    raw_left -= raw_left > 0 ? 1 : 0;
    ++counters_.blocks_raw;
    return encoder_.wrap_raw(content);
  }
  ++counters_.blocks_compressed;
  Result<EncodedBlock> block = encoder_.compress(content);
  if (block && block->stored_bytes + (block->raw_bytes >> kPoorRatioShift) > block->raw_bytes) {
    raw_left = kRawBlocksAfterPoorRatio;
  }
  return block;
}

Status SegmentWriter::seal(std::uint32_t number) {
  Lane& lane = *lanes_[number];
  Result<EncodedBlock> block = encode(number);
  if (!block) return block.error();
  BlockInfo info = lane.info();
  info.lane = static_cast<std::uint16_t>(number);
  const std::uint32_t sequence = segment_->block_count();
  const std::uint64_t before = segment_->file_bytes();
  TAPLINE_TRY(segment_->append(info, *block, lane.extension()));
  counters_.stored_bytes += segment_->file_bytes() - before;
  for (const IndexKey key : lane.pending()) index_.post(key, sequence);
  ++sealed_blocks_[number >> config_.lane_bits_max];
  buffered_bytes_ -= lane.reserved_bytes();
  lane.clear(take_generation());
  return {};
}

Status SegmentWriter::publish_segment() {
  if (!segment_) return {};
  for (std::uint32_t number = 0; number < lanes_.size(); ++number) {
    if (lanes_[number] && !lanes_[number]->empty()) TAPLINE_TRY(seal(number));
  }
  const FooterHeader& totals = segment_->totals();
  const SegmentId id = segment_->identity().segment_id;
  const FinalName name{totals.first_ns, totals.last_ns, config_.port, config_.worker, id_high(id)};
  const ByteBuffer index = index_.finish(id, segment_->block_count());
  // The index first: whoever sees the segment's final name finds its index, too.
  TAPLINE_TRY(publish_file(config_.index_directory + "/" + final_name(name, kIndexSuffix), index));
  TAPLINE_TRY(segment_->publish(config_.directory + "/" + final_name(name, kPacketSuffix)));
  counters_.index_bytes += index.size();
  ++counters_.segments_published;
  previous_id_ = id;
  std::ranges::copy(totals.root, previous_root_.begin());
  segment_.reset();
  sealed_blocks_ = {};
  return {};
}

}  // namespace tapline::storage
