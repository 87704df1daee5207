#include "storage/verification.hpp"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

#include "storage/block_frames.hpp"
#include "storage/container_layout.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "storage/segment_index.hpp"

namespace tapline::storage {
namespace {

Error corrupt(const std::string& path, std::string what) {
  return {ErrorCode::kCorrupt, fmt::format("{}: {}", path, what)};
}

/// Recomputed from the blocks while they are read.
struct Recount {
  FooterHeader totals{};
  XXH3_state_t* root = XXH3_createState();
  std::vector<Frame> frames;

  Recount() { XXH3_128bits_reset(root); }
  Recount(const Recount&) = delete;
  Recount& operator=(const Recount&) = delete;
  ~Recount() { XXH3_freeState(root); }

  void add(const DecodedBlock& block) {
    XXH3_128bits_update(root, &block.header, sizeof block.header);
    XXH3_128bits_update(root, block.extension.data(), block.extension.size());
    add_totals(totals, block.header);
  }
};

/// What the decoded frames say against what the block's header says.
Status check_frames(const ContainerReader& reader, const DecodedBlock& block, std::vector<Frame>& frames) {
  const auto complain = [&](std::string_view what) {
    return corrupt(reader.path(), fmt::format("block {}: {}", block.header.sequence, what));
  };
  if (Status parsed = parse_frames(block, reader.header(), frames); !parsed)
    return complain(parsed.error().context);
  std::uint64_t captured_bytes = 0;
  std::uint64_t wire_bytes = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    captured_bytes += frames[i].captured_bytes;
    wire_bytes += frames[i].wire_bytes;
    if (frames[i].time_ns < block.header.first_ns || frames[i].time_ns > block.header.last_ns) {
      return complain(fmt::format("frame {} lies outside the block's times", i));
    }
  }
  if (captured_bytes != block.header.captured_bytes || wire_bytes != block.header.wire_bytes) {
    return complain("the frames' bytes are not those of the block's header");
  }
  return {};
}

Status check_footer(const ContainerReader& reader, Recount& recount) {
  const FooterHeader& stated = reader.footer();
  const FooterHeader& found = recount.totals;
  const std::pair<const char*, bool> checks[] = {
      {"frames", stated.frames == found.frames},
      {"cut frames", stated.cut_frames == found.cut_frames},
      {"captured bytes", stated.captured_bytes == found.captured_bytes},
      {"wire bytes", stated.wire_bytes == found.wire_bytes},
      {"raw bytes", stated.raw_bytes == found.raw_bytes},
      {"stored bytes", stated.stored_bytes == found.stored_bytes},
      {"times", stated.first_ns == found.first_ns && stated.last_ns == found.last_ns},
      {"order times",
       stated.order_first_ns == found.order_first_ns && stated.order_last_ns == found.order_last_ns}};
  for (const auto& [what, same] : checks) {
    if (!same)
      return corrupt(reader.path(), fmt::format("the footer's {} are not the sum of the blocks'", what));
  }
  XXH128_canonical_t root;
  XXH128_canonicalFromHash(&root, XXH3_128bits_digest(recount.root));
  if (stated.root_algorithm == kRootXxh3Headers &&
      std::memcmp(root.digest, stated.root, sizeof root.digest) != 0) {
    return corrupt(reader.path(), "the footer's root is not that of the blocks");
  }
  return {};
}

/// The index must be the one that the frames give; anything else could hide a frame. `expected` is empty
/// unless the frames were looked at.
Status check_index(const ContainerReader& reader, const ByteBuffer& expected, VerifiedFile& verified) {
  const std::string path = index_path_of(reader.path());
  Result<IndexReader> index = IndexReader::open(path, reader.header().segment_id, reader.block_count());
  if (!index && index.error().code == ErrorCode::kNotFound) {
    verified.index_missing = true;
    return {};
  }
  if (!index) return index.error();
  TAPLINE_TRY(index->for_each_posting([](IndexKeyKind, std::uint64_t, std::uint32_t) {}));
  verified.index_bytes = index->bytes_read();
  if (expected.empty()) return {};
  const Result<std::vector<std::uint8_t>> found = read_file(path);
  if (!found) return found.error();
  if (expected != *found) {
    return corrupt(path, "the index is not that of the segment's frames; rebuild it with `tapline reindex`");
  }
  return {};
}

/// One look at a file under the name that it has now.
class FileCheck {
 public:
  FileCheck(ContainerReader& reader, const VerifyOptions& options)
      : reader_(reader), options_(options), packets_(reader.header().kind == kKindPackets) {}

  Result<VerifiedFile> run() {
    VerifiedFile verified;
    verified.open = !reader_.finished();
    verified.file_bytes = reader_.file_bytes();
    const Result<std::vector<BlockEntry>> entries = reader_.load_entries();
    if (!entries) return entries.error();
    std::uint64_t complete_bytes = reader_.complete_bytes();
    for (std::uint32_t number = 0; number < entries->size(); ++number) {
      Status read = read_block((*entries)[number], number);
      if (!read && reader_.is_not_there_yet((*entries)[number], number, block_) &&
          !has_vanished(reader_.path())) {
        complete_bytes = (*entries)[number].file_offset;
        break;
      }
      if (!read && verified.open)
        read = read_block((*entries)[number], number);  // it may have come meanwhile
      TAPLINE_TRY(read);
      TAPLINE_TRY(check_block(number));
      ++verified.blocks;
      verified.stopped = !note_read(block_.stored.size());
      if (verified.stopped) return verified;
    }
    verified.link = read_link(reader_);
    verified.frames = recount_.totals.frames;
    if (verified.open) {
      const Result<std::uint64_t> end = reader_.written_end(complete_bytes);
      if (!end) return end.error();
      verified.torn_bytes = *end - complete_bytes;
      return verified;
    }
    TAPLINE_TRY(check_footer(reader_, recount_));
    if (!packets_) return verified;
    ByteBuffer expected;
    if (options_.deep) expected = indexer_.finish(reader_.header(), reader_.block_count());
    TAPLINE_TRY(check_index(reader_, expected, verified));
    note_read(verified.index_bytes);
    return verified;
  }

 private:
  Status read_block(const BlockEntry& entry, std::uint32_t number) {
    return options_.deep ? reader_.read_block(entry, number, block_)
                         : reader_.check_block(entry, number, block_);
  }

  /// Of the block that was read last.
  Status check_block(std::uint32_t number) {
    recount_.add(block_);
    if (!options_.deep || !packets_) return {};
    TAPLINE_TRY(check_frames(reader_, block_, recount_.frames));
    TAPLINE_TRY(check_lane_order());
    if (reader_.finished()) indexer_.add(number, recount_.frames);
    return {};
  }

  /// Of the block whose frames were checked last: it begins behind the one before it of its lane.
  Status check_lane_order() {
    if (recount_.frames.empty()) return {};
    const auto [lane, is_first] = lane_ends_.try_emplace(block_.header.lane, recount_.frames.back().order);
    if (is_first) return {};
    if (recount_.frames.front().order <= lane->second) {
      return corrupt(reader_.path(), fmt::format("block {}: its frames are out of the order of lane {}",
                                                 block_.header.sequence, block_.header.lane));
    }
    lane->second = recount_.frames.back().order;
    return {};
  }

  /// False: stop.
  bool note_read(std::uint64_t bytes) const { return !options_.on_read || options_.on_read(bytes); }

  ContainerReader& reader_;
  const VerifyOptions& options_;
  const bool packets_;
  Recount recount_;
  DecodedBlock block_;
  std::map<std::uint16_t, OrderKey> lane_ends_;  // deep: of the last frame of each lane
  SegmentIndexer indexer_;                       // deep: of the frames that were decoded anyway
};

/// `file` is brought up to date with where the file is by now.
Result<VerifiedFile> verify_once(CatalogFile& file, const VerifyOptions& options) {
  Result<ContainerReader> reader = open_listed(file);
  if (!reader && file.path.ends_with(kExpiredSuffix)) {
    VerifiedFile expired;
    expired.expired = true;
    return expired;
  }
  if (!reader) return reader.error();
  return FileCheck(*reader, options).run();
}

}  // namespace

Result<VerifiedFile> verify_file(CatalogFile file, const VerifyOptions& options) {
  constexpr int kMovesMax = 3;  // published, expired, and one to spare
  for (int move = 0;; ++move) {
    Result<VerifiedFile> verified = verify_once(file, options);
    const bool as_it_is = verified && !verified->index_missing;
    if (as_it_is || move == kMovesMax || !has_vanished(file.path)) return verified;
  }
}

}  // namespace tapline::storage
