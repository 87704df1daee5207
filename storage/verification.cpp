#include "storage/verification.hpp"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>

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
    if (i > 0 && frames[i].order <= frames[i - 1].order)
      return complain(fmt::format("frame {} is out of order", i));
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

/// The index must be the one that the frames give; anything else could hide a frame.
Status check_index(const ContainerReader& reader, bool deep, VerifiedFile& verified) {
  const std::string path = index_path_of(reader.path());
  Result<IndexReader> index = IndexReader::open(path, reader.header().segment_id, reader.block_count());
  if (!index && index.error().code == ErrorCode::kNotFound) {
    verified.index_missing = true;
    return {};
  }
  if (!index) return index.error();
  TAPLINE_TRY(index->for_each_posting([](IndexKeyKind, std::uint64_t, std::uint32_t) {}));
  if (!deep) return {};
  const Result<ByteBuffer> expected = build_index(reader.path());
  if (!expected) return expected.error();
  const Result<std::vector<std::uint8_t>> found = read_file(path);
  if (!found) return found.error();
  if (*expected != *found) {
    return corrupt(path, "the index is not that of the segment's frames; rebuild it with `tapline reindex`");
  }
  return {};
}

/// `file` is brought up to date with where the file is by now.
Result<VerifiedFile> verify_once(CatalogFile& file, bool deep) {
  VerifiedFile verified;
  Result<ContainerReader> reader = open_listed(file);
  verified.expired = !reader && file.path.ends_with(kExpiredSuffix);
  if (verified.expired) return verified;
  if (!reader) return reader.error();
  const Result<std::vector<BlockEntry>> entries = reader->load_entries();
  if (!entries) return entries.error();
  const bool packets = reader->header().kind == kKindPackets;
  verified.open = !reader->finished();
  verified.file_bytes = reader->file_bytes();
  Recount recount;
  DecodedBlock block;
  for (std::uint32_t number = 0; number < entries->size(); ++number) {
    TAPLINE_TRY(deep ? reader->read_block((*entries)[number], number, block)
                     : reader->check_block((*entries)[number], number, block));
    recount.add(block);
    if (deep && packets) TAPLINE_TRY(check_frames(*reader, block, recount.frames));
  }
  verified.blocks = entries->size();
  verified.frames = recount.totals.frames;
  if (verified.open) {
    verified.torn_bytes = reader->file_bytes() - reader->complete_bytes();
    return verified;
  }
  TAPLINE_TRY(check_footer(*reader, recount));
  if (packets) TAPLINE_TRY(check_index(*reader, deep, verified));
  return verified;
}

}  // namespace

Result<VerifiedFile> verify_file(CatalogFile file, bool deep) {
  constexpr int kMovesMax = 3;  // published, expired, and one to spare
  for (int move = 0;; ++move) {
    Result<VerifiedFile> verified = verify_once(file, deep);
    const bool as_it_is = verified && !verified->index_missing;
    if (as_it_is || move == kMovesMax || !has_vanished(file.path)) return verified;
  }
}

}  // namespace tapline::storage
