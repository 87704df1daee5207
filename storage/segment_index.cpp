#include "storage/segment_index.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/container_reader.hpp"
#include "storage/frame_keys.hpp"
#include "storage/index_builder.hpp"

namespace tapline::storage {
namespace {

/// The keys of one block, each kept about once: many frames of few flows cost no more memory than the flows.
class BlockKeys {
 public:
  void add(std::span<const IndexKey> keys) {
    keys_.insert(keys_.end(), keys.begin(), keys.end());
    if (keys_.size() < compact_at_) return;
    compact();
    compact_at_ = std::max(kCompactKeysMin, 2 * keys_.size());
  }

  void post(std::uint32_t block, IndexBuilder& index) {
    compact();
    for (const IndexKey key : keys_) index.post(key, block);
    keys_.clear();
    compact_at_ = kCompactKeysMin;
  }

 private:
  static constexpr std::size_t kCompactKeysMin = 1u << 16;

  void compact() {
    const auto name = [](const IndexKey& key) { return std::tuple(key.kind, key.value); };
    std::ranges::sort(keys_, {}, name);
    const auto same = [&](const IndexKey& a, const IndexKey& b) { return name(a) == name(b); };
    keys_.erase(std::unique(keys_.begin(), keys_.end(), same), keys_.end());
  }

  std::vector<IndexKey> keys_;
  std::size_t compact_at_ = kCompactKeysMin;
};

void collect_keys(const std::vector<Frame>& frames, BlockKeys& keys) {
  std::uint64_t previous_fingerprint = 0;
  std::uint32_t previous_envelope = 0;
  for (const Frame& frame : frames) {
    PacketMeta meta;
    decode(frame, meta);
    const std::uint64_t fingerprint = frame_fingerprint(frame, meta);
    // Repetitions only cost time; runs of one flow are the common ones.
    const bool repeated = fingerprint == previous_fingerprint && meta.envelope_hash == previous_envelope;
    if (repeated && !keys_vary_by_frame(meta) && !meta.has(kMetaTunnel)) continue;
    previous_fingerprint = fingerprint;
    previous_envelope = meta.envelope_hash;
    keys.add(collect_frame_keys(frame, meta, fingerprint).keys());
  }
}

}  // namespace

struct SegmentIndexer::State {
  IndexBuilder index;
  BlockKeys keys;
};

SegmentIndexer::SegmentIndexer() : state_(std::make_unique<State>()) {}
SegmentIndexer::~SegmentIndexer() = default;

void SegmentIndexer::add(std::uint32_t block, const std::vector<Frame>& frames) {
  collect_keys(frames, state_->keys);
  state_->keys.post(block, state_->index);
}

void SegmentIndexer::add_unreadable(std::uint32_t block) {
  state_->index.post({IndexKeyKind::kUnreadable, 0}, block);
}

ByteBuffer SegmentIndexer::finish(const SegmentHeader& segment, std::uint32_t block_count) {
  SegmentId id;
  std::ranges::copy(segment.segment_id, id.begin());
  return state_->index.finish(id, block_count);
}

namespace {

/// Posts every block; those that cannot be parsed as kUnreadable, and `unreadable` says why.
Result<ByteBuffer> index_blocks(const std::string& segment_path, std::vector<Error>& unreadable) {
  Result<ContainerReader> reader = ContainerReader::open(segment_path);
  if (!reader) return reader.error();
  const Result<std::vector<BlockEntry>> entries = reader->load_entries();
  if (!entries) return entries.error();
  SegmentIndexer index;
  DecodedBlock block;
  std::vector<Frame> frames;
  for (std::uint32_t number = 0; number < entries->size(); ++number) {
    Status parsed = reader->read_block((*entries)[number], number, block);
    if (parsed) parsed = parse_frames(block, reader->header(), frames);
    if (!parsed) {
      if (parsed.error().code == ErrorCode::kIo) return parsed.error();
      unreadable.push_back({parsed.error().code,
                            fmt::format("{}: block {}: {}", segment_path, number, parsed.error().context)});
      index.add_unreadable(number);
      continue;
    }
    index.add(number, frames);
  }
  return index.finish(reader->header(), reader->block_count());
}

}  // namespace

Result<ByteBuffer> build_index(const std::string& segment_path) {
  std::vector<Error> unreadable;
  Result<ByteBuffer> index = index_blocks(segment_path, unreadable);
  if (!unreadable.empty()) return unreadable.front();
  return index;
}

Result<SegmentIndex> index_readable_blocks(const std::string& segment_path) {
  SegmentIndex index;
  Result<ByteBuffer> bytes = index_blocks(segment_path, index.unreadable);
  if (!bytes) return bytes.error();
  index.bytes = std::move(*bytes);
  return index;
}

Result<std::vector<Error>> rebuild_index(const std::string& segment_path, const std::string& index_path) {
  Result<SegmentIndex> index = index_readable_blocks(segment_path);
  if (!index) return index.error();
  TAPLINE_TRY(publish_file(index_path, index->bytes));
  return std::move(index->unreadable);
}

}  // namespace tapline::storage
