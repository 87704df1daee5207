#include "storage/recovery.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "capture/base/bytes.hpp"
#include "storage/catalog.hpp"
#include "storage/container_layout.hpp"
#include "storage/container_reader.hpp"
#include "storage/segment_index.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint64_t kHeadersBytes = kLeadFrameBytes + sizeof(SkippableHeader) + sizeof(SegmentHeader);

/// Complete blocks whose content matches its checksum, from the front: after a power cut, a block may have
/// its length but not its bytes.
Result<std::uint32_t> count_good_blocks(ContainerReader& reader, ContainerWriter& writer,
                                        std::uint64_t& end_bytes) {
  const Result<std::vector<BlockEntry>> entries = reader.load_entries();
  if (!entries) return entries.error();
  DecodedBlock block;
  std::uint32_t good = 0;
  for (const BlockEntry& entry : *entries) {
    const Status checked = reader.check_block(entry, good, block);
    if (!checked && checked.error().code != ErrorCode::kCorrupt) return checked.error();
    if (!checked) break;
    writer.add_block(block.header, block.extension);
    end_bytes = entry.file_offset + block.stored.size();
    ++good;
  }
  return good;
}

Status remove_file(const std::string& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return Error{ErrorCode::kIo, fmt::format("cannot remove {}: {}", path, error.message())};
  return {};
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

/// What a recovery (or a writer) that was interrupted while it finished the file had already written behind
/// the last block is no torn data: the tail then begins as this file's footer does.
bool is_own_footer(const ContainerWriter& writer, Bytes tail) {
  const std::uint32_t blocks = writer.block_count();
  FooterHeader footer{};
  footer.magic = kFooterMagic;
  footer.header_bytes = sizeof footer;
  footer.version = kFormatVersion;
  footer.block_count = blocks;
  std::ranges::copy(writer.identity().segment_id, footer.segment_id);
  const SkippableHeader frame{kSkippableMagic,
                              static_cast<std::uint32_t>(sizeof footer + blocks * sizeof(BlockEntry))};
  constexpr std::size_t kKnownBytes = offsetof(FooterHeader, frames);
  std::array<std::uint8_t, sizeof frame + kKnownBytes> expected;
  store_le(expected.data(), frame);
  std::memcpy(expected.data() + sizeof frame, &footer, kKnownBytes);
  return tail.size() >= sizeof frame &&
         std::equal(expected.begin(), expected.begin() + std::min(tail.size(), expected.size()),
                    tail.begin());
}

/// Bytes behind the last good block at `end_bytes` that are neither footer nor seek table; what an
/// interrupted recovery had cut before, as far as its footer says so.
Result<std::uint64_t> count_torn_bytes(const ContainerReader& reader, const ContainerWriter& writer,
                                       std::uint64_t end_bytes) {
  const std::uint64_t tail_bytes = reader.file_bytes() - end_bytes;
  std::array<std::uint8_t, sizeof(SkippableHeader) + sizeof(FooterHeader)> tail{};
  const std::span<std::uint8_t> read =
      std::span(tail).first(std::min<std::uint64_t>(tail_bytes, tail.size()));
  const Result<File> file = File::open_read(reader.path());
  if (!file) return file.error();
  TAPLINE_TRY(file->pread_exact(end_bytes, read));
  if (!is_own_footer(writer, read)) return tail_bytes;
  const auto footer = load_le<FooterHeader>(tail.data() + sizeof(SkippableHeader));
  const bool whole =
      read.size() == tail.size() && footer.checksum == checksum_before(footer, footer.checksum);
  return whole ? footer.torn_bytes : 0;
}

/// Keeps what nobody can read for whoever wants to look at it, under a name that readers ignore.
Result<RecoveredFile> set_aside(const std::string& open_path, const Error& problem) {
  RecoveredFile recovered;
  recovered.open_path = open_path;
  recovered.damaged_path =
      open_path.substr(0, open_path.size() - kOpenSuffix.size()) + std::string(kDamagedSuffix);
  recovered.problem = problem.context;
  TAPLINE_TRY(rename_durably(open_path, recovered.damaged_path));
  return recovered;
}

Result<RecoveredFile> give_up(const std::string& open_path, const Error& problem) {
  std::error_code error;
  const std::uintmax_t file_bytes = std::filesystem::file_size(open_path, error);
  if (error) return Error{ErrorCode::kIo, fmt::format("cannot read {}: {}", open_path, error.message())};
  if (file_bytes > kHeadersBytes) return set_aside(open_path, problem);
  TAPLINE_TRY(remove_file(open_path));
  RecoveredFile recovered;
  recovered.open_path = open_path;
  return recovered;
}

/// The index of what can be read; blocks that cannot be parsed are in the segment and not in it.
Status publish_index(const std::string& open_path, RecoveredFile& recovered) {
  Result<SegmentIndex> index = index_readable_blocks(open_path);
  if (!index) return index.error();
  recovered.blocks_unreadable = static_cast<std::uint32_t>(index->unreadable.size());
  if (!index->unreadable.empty()) recovered.problem = index->unreadable.front().context;
  return publish_file(index_path_of(recovered.final_path), index->bytes);
}

}  // namespace

Result<RecoveredFile> recover_file(const std::string& open_path, std::string_view suffix) {
  RecoveredFile recovered;
  recovered.open_path = open_path;
  Result<ContainerReader> reader = ContainerReader::open(open_path);
  if (!reader && reader.error().code != ErrorCode::kCorrupt) return reader.error();
  if (!reader) return give_up(open_path, reader.error());
  if (reader->block_count() == 0) {
    TAPLINE_TRY(remove_file(open_path));
    return recovered;
  }
  Result<File> file = File::open_existing(open_path);
  if (!file) return file.error();
  Result<ContainerWriter> writer = ContainerWriter::reopen(std::move(*file), reader->header());
  if (!writer) return writer.error();
  std::uint64_t end_bytes = writer->file_bytes();
  const Result<std::uint32_t> good = count_good_blocks(*reader, *writer, end_bytes);
  if (!good) return good.error();
  if (*good == 0) {
    TAPLINE_TRY(remove_file(open_path));
    return recovered;
  }
  recovered.blocks_kept = *good;
  recovered.frames_kept = writer->totals().frames;
  const Result<std::uint64_t> torn_bytes = count_torn_bytes(*reader, *writer, end_bytes);
  if (!torn_bytes) return torn_bytes.error();
  recovered.torn_bytes = *torn_bytes;
  recovered.last_ns = writer->totals().last_ns;
  TAPLINE_TRY(writer->cut_tail());

  const ContainerIdentity& identity = writer->identity();
  const FinalName name{writer->totals().first_ns, writer->totals().last_ns, identity.port, identity.worker,
                       id_high(identity.segment_id)};
  const std::string directory = directory_of(open_path);
  recovered.final_path = directory + "/" + final_name(name, suffix);
  if (identity.kind == kKindPackets) TAPLINE_TRY(publish_index(open_path, recovered));
  TAPLINE_TRY(writer->publish(recovered.final_path, kEndRecovered, recovered.torn_bytes));
  return recovered;
}

Result<std::vector<RecoveredFile>> recover_store(const Store& store) {
  const Result<Catalog> catalog = Catalog::scan(store);
  if (!catalog) return catalog.error();
  const std::pair<const std::vector<CatalogFile>*, std::string_view> lists[] = {
      {&catalog->segments, kPacketSuffix},
      {&catalog->sessions, kSessionSuffix},
      {&catalog->ledgers, kLedgerSuffix}};
  std::vector<RecoveredFile> recovered;
  for (const auto& [files, suffix] : lists) {
    for (const CatalogFile& file : *files) {
      if (!file.open) continue;
      Result<RecoveredFile> result = recover_file(file.path, suffix);
      if (!result && result.error().code == ErrorCode::kUnsupported) {
        recovered.emplace_back().open_path = file.path;
        recovered.back().problem = result.error().context;
        continue;
      }
      if (!result) return result.error();
      recovered.push_back(std::move(*result));
      for (const IndexStep& step : file.steps) TAPLINE_TRY(remove_file(step.path));
    }
  }
  for (const std::string& stray : catalog->strays) TAPLINE_TRY(remove_file(stray));
  return recovered;
}

}  // namespace tapline::storage
