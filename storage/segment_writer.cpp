#include "storage/segment_writer.hpp"

#include <algorithm>
#include <filesystem>

#include "storage/container_layout.hpp"
#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

// What a block costs besides its content: in the block table and the seek table.
constexpr std::uint64_t kBlockListingBytes = sizeof(BlockEntry) + 16;
// Footer, rest of the seek table; index header, and per kind of key a section, a directory entry and a chunk.
constexpr std::uint64_t kEndBytesMax = 4096;
// The disk should not stand still between two segments. What the next one evicts is given back while the
// second half of this one is written; syncs wait for that, those of this one's end come after it. The index
// is sorted beside the last eighth.
constexpr std::uint64_t kPrepareAtDivisor = 2;
constexpr std::uint64_t kSortAtDivisor = 8;
// Of the next sync's, and its listing.
constexpr std::uint64_t kNextPaddingBytesMax = kSyncUnitMax + sizeof(SkippableHeader) + 8;

std::array<std::uint8_t, kPcapHeaderBytes> make_pcap_header(std::uint16_t link_type) {
  std::array<std::uint8_t, kPcapHeaderBytes> header{};
  store_le(header.data(), kPcapNanosecondMagic);
  store_le<std::uint16_t>(header.data() + 4, 2);
  store_le<std::uint16_t>(header.data() + 6, 4);
  store_le(header.data() + 16, kFrameBytesMax);
  store_le<std::uint32_t>(header.data() + 20, link_type);
  return header;
}

std::uint32_t content_bytes_max(const SegmentWriterConfig& config) {
  return std::max(config.block_bytes, kBlockBufferBytesMin);
}

}  // namespace

void add_counters(SegmentWriterCounters& sum, const SegmentWriterCounters& one) {
  add_counters(sum.encoding, one.encoding);
  sum.segments_published += one.segments_published;
  sum.stored_bytes += one.stored_bytes;
  sum.index_bytes += one.index_bytes;
}

SegmentWriter::SegmentWriter(const SegmentWriterConfig& config, SegmentSpace& space)
    : SegmentWriter(config, space,
                    std::make_unique<BlockEncoder>(content_bytes_max(config), config.compression_level)) {}

SegmentWriter::SegmentWriter(SegmentWriterConfig config, SegmentSpace& space,
                             std::unique_ptr<BlockEncoder> encoder)
    : config_(std::move(config)),
      space_(space),
      encoder_(
          {content_bytes_max(config_), config_.compression_level, config_.compress, config_.verify_interval},
          std::move(encoder)) {}

Status SegmentWriter::keep_failure(Status status) {
  if (status || failure_) return status;
  failure_ = status.error();
  if (segment_) abandon_segment();
  return status;
}

void SegmentWriter::abandon_segment() {
  lost_blocks_ = !segment_->end_at_last_sync();
  std::erase_if(step_paths_, [this](const std::string& path) {
    const std::optional<StepName> step = parse_step_name(std::filesystem::path(path).filename().string());
    return step && step->end_block <= segment_->block_count();
  });
  remove_index_steps();  // of blocks that are gone
  space_.give_up(segment_->identity().segment_id, *failure_);
}

Status SegmentWriter::write(const PacketBlock& block, WriteEffort effort) {
  return failure_ ? Status(*failure_) : keep_failure(write_block(block, effort));
}

Status SegmentWriter::finish() {
  return failure_ ? Status(*failure_) : keep_failure(publish_segment());
}

Status SegmentWriter::rotate_if_old(TimeNs order_ns) {
  if (failure_) return *failure_;
  // Order time before the segment's is that of a clock which was turned back, and no reason.
  const bool old = segment_ && order_ns > order_first_ns_ && is_too_long(order_ns, order_ns);
  return old ? keep_failure(publish_segment()) : Status();
}

Status SegmentWriter::sync() {
  if (failure_) return *failure_;
  return segment_ ? keep_failure(segment_->sync()) : Status();
}

Status SegmentWriter::flush() {
  if (failure_) return *failure_;
  return segment_ ? keep_failure(segment_->flush()) : Status();
}

bool SegmentWriter::is_too_long(TimeNs first_ns, TimeNs last_ns) const {
  const TimeNs least_ns = std::min(first_ns, order_first_ns_);
  const TimeNs greatest_ns = std::max(last_ns, segment_->totals().order_last_ns);
  // Unsigned: clocks that jump over centuries must not overflow.
  return static_cast<std::uint64_t>(greatest_ns) - static_cast<std::uint64_t>(least_ns) >=
         static_cast<std::uint64_t>(config_.segment_duration_ns_max);
}

// Steps and the index of the whole segment hold the same postings, and exist together for a moment.
std::uint64_t SegmentWriter::final_bytes_max(std::uint64_t block_bytes, std::size_t postings) const {
  const std::uint64_t copies = config_.index_step_bytes == 0 ? 1 : 2;
  return segment_->file_bytes() + block_bytes + kNextPaddingBytesMax +
         (segment_->block_count() + 1) * kBlockListingBytes +
         copies * (index_.postings() + postings) * kIndexPostingBytesMax +
         (1 + step_paths_.size() + 1) * kEndBytesMax;
}

Status SegmentWriter::write_block(const PacketBlock& block, WriteEffort effort) {
  const EncodedBlock encoded = encoder_.encode(block, effort);
  counters_.encoding = encoder_.counters();
  const std::uint64_t bytes =
      sizeof(SkippableHeader) + sizeof(BlockHeader) + block.extension().size() + encoded.stored_bytes;
  const bool full =
      segment_ && (final_bytes_max(bytes, block.pending().size()) > segment_bytes_max_ ||
                   is_too_long(block.info().order_first_ns, block.info().order_last_ns) || index_.full());
  if (full) TAPLINE_TRY(publish_segment());
  if (!segment_) TAPLINE_TRY(open_segment(block, bytes));

  const std::uint32_t number = segment_->block_count();
  const std::uint64_t before = segment_->file_bytes();
  TAPLINE_TRY(segment_->append(block.info(), encoded, block.extension()));
  order_first_ns_ = std::min(order_first_ns_, block.info().order_first_ns);
  counters_.stored_bytes += segment_->file_bytes() - before;
  for (const IndexKey key : block.pending()) index_.post(key, number);
  const auto begins_last = [&](std::uint64_t divisor) {
    const std::uint64_t at = segment_bytes_max_ / divisor * (divisor - 1);
    return seen_bytes_ <= at && segment_->file_bytes() > at;
  };
  if (begins_last(kPrepareAtDivisor))
    space_.prepare(segment_->identity().segment_id, config_.segment_bytes_max);
  if (begins_last(kSortAtDivisor)) index_.sort_ahead();
  seen_bytes_ = segment_->file_bytes();
  if (config_.index_step_bytes == 0) return {};
  for (const IndexKey key : block.pending()) index_step_.post(key, number);
  // The block is stored, whatever becomes of the step: a failure shows with the next call.
  const bool step_done = segment_->file_bytes() - step_first_bytes_ >= config_.index_step_bytes;
  if (step_done) static_cast<void>(keep_failure(publish_index_step()).ok());
  return {};
}

Status SegmentWriter::open_segment(const PacketBlock& block, std::uint64_t block_bytes) {
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
  identity.start_ns = block.info().first_ns;
  // A single block may take more than a whole segment should.
  const std::uint64_t least_bytes =
      kLeadFrameBytes + sizeof(SkippableHeader) + sizeof(SegmentHeader) + block_bytes + kBlockListingBytes +
      2 * block.pending().size() * kIndexPostingBytesMax + 2 * kEndBytesMax + kNextPaddingBytesMax;
  segment_bytes_max_ = std::max(config_.segment_bytes_max, least_bytes);
  const Result<std::string> granted = space_.reserve(identity.segment_id, segment_bytes_max_);
  if (!granted) return granted.error();
  directory_ = granted->empty() ? config_.directory : *granted;
  index_directory_ = granted->empty() ? config_.index_directory : *granted;
  const std::string path = directory_ + "/" + open_name(identity.segment_id, kPacketSuffix);
  Result<ContainerWriter> writer =
      ContainerWriter::create(*config_.disk, path, identity, make_pcap_header(config_.link_type),
                              config_.allocate ? segment_bytes_max_ : 0);
  if (!writer) {
    space_.give_up(identity.segment_id, writer.error());
    return writer.error();
  }
  segment_ = std::make_unique<ContainerWriter>(std::move(*writer));
  order_first_ns_ = block.info().order_first_ns;
  seen_bytes_ = 0;
  step_first_block_ = 0;
  step_first_bytes_ = 0;
  return {};
}

Status SegmentWriter::publish_index_step() {
  const SegmentId& id = segment_->identity().segment_id;
  const std::uint32_t end_block = segment_->block_count();
  const std::string path = index_directory_ + "/" + step_name(id, step_first_block_, end_block);
  const ByteBuffer step = index_step_.finish(id, end_block);
  TAPLINE_TRY(segment_->flush());  // nobody is to look for blocks that are not there yet
  TAPLINE_TRY(config_.disk->publish_file(path, step));
  step_paths_.push_back(path);
  step_first_block_ = end_block;
  step_first_bytes_ = segment_->file_bytes();
  return {};
}

// Leftovers cost readers nothing: they belong to no open segment. Recovery removes them.
void SegmentWriter::remove_index_steps() {
  for (const std::string& path : step_paths_) {
    static_cast<void>(config_.disk->remove(path).ok());
  }
  step_paths_.clear();
  index_step_ = {};
}

Status SegmentWriter::publish_segment() {
  if (!segment_) return {};
  const FooterHeader& totals = segment_->totals();
  const SegmentId id = segment_->identity().segment_id;
  const FinalName name{totals.first_ns, totals.last_ns, config_.port, config_.worker, id_high(id)};
  const ByteBuffer index = index_.finish(id, segment_->block_count());
  // The index first: whoever sees the segment's final name finds its index, too.
  TAPLINE_TRY(config_.disk->publish_file(index_directory_ + "/" + final_name(name, kIndexSuffix), index));
  const std::string path = directory_ + "/" + final_name(name, kPacketSuffix);
  TAPLINE_TRY(segment_->publish(path));
  remove_index_steps();
  space_.publish(id, path, segment_->file_bytes() + index.size());
  counters_.index_bytes += index.size();
  ++counters_.segments_published;
  previous_id_ = id;
  std::ranges::copy(segment_->totals().root, previous_root_.begin());
  segment_.reset();
  return {};
}

}  // namespace tapline::storage
