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
#include "storage/stranded_blocks.hpp"

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

/// Long, but never written: what some file systems leave of a file that was not synced before a power cut,
/// and what a stream's length is ahead.
Result<bool> holds_only_zeroes(const File& file, std::uint64_t file_bytes) {
  constexpr std::uint64_t kPieceBytes = 64 * 1024;
  std::vector<std::uint8_t> piece;
  for (std::uint64_t offset = 0; offset < file_bytes; offset += piece.size()) {
    piece.resize(std::min(kPieceBytes, file_bytes - offset));
    TAPLINE_TRY(file.pread_exact(offset, piece));
    if (std::ranges::any_of(piece, [](std::uint8_t byte) { return byte != 0; })) return false;
  }
  return true;
}

/// Where the padding behind the last good block at `end_bytes` ends, if there is any.
Result<std::uint64_t> skip_padding(const File& file, std::uint64_t end_bytes, std::uint64_t file_bytes) {
  std::array<std::uint8_t, sizeof(SkippableHeader)> head{};
  if (file_bytes - end_bytes < head.size()) return end_bytes;
  TAPLINE_TRY(file.pread_exact(end_bytes, head));
  return end_bytes + padding_frame_bytes(load_le<SkippableHeader>(head.data()), file_bytes - end_bytes);
}

/// Bytes behind the last good block at `end_bytes` that are neither padding, footer nor seek table; what an
/// interrupted recovery had cut before, as far as its footer says so.
Result<std::uint64_t> count_torn_bytes(const ContainerReader& reader, const ContainerWriter& writer,
                                       std::uint64_t end_bytes) {
  const Result<File> file = File::open_read(reader.path());
  if (!file) return file.error();
  const Result<std::uint64_t> tail_offset = skip_padding(*file, end_bytes, reader.file_bytes());
  if (!tail_offset) return tail_offset.error();
  const std::uint64_t tail_bytes = reader.file_bytes() - *tail_offset;
  std::array<std::uint8_t, sizeof(SkippableHeader) + sizeof(FooterHeader)> tail{};
  const std::span<std::uint8_t> read =
      std::span(tail).first(std::min<std::uint64_t>(tail_bytes, tail.size()));
  TAPLINE_TRY(file->pread_exact(*tail_offset, read));
  if (!is_own_footer(writer, read)) {
    const Result<std::uint64_t> end = reader.written_end(*tail_offset);
    return end ? Result<std::uint64_t>(*end - *tail_offset) : end.error();
  }
  const auto footer = load_le<FooterHeader>(tail.data() + sizeof(SkippableHeader));
  const bool whole =
      read.size() == tail.size() && footer.checksum == checksum_before(footer, footer.checksum);
  return whole ? footer.torn_bytes : 0;
}

/// The name under which bytes are set aside: frames or rows of the times that it tells may be missing.
std::string damaged_path(const std::string& open_path, const FinalName& name) {
  return directory_of(open_path) + "/" + final_name(name, kDamagedSuffix);
}

/// Keeps what nobody can read for whoever wants to look at it, under a name that readers ignore.
Result<RecoveredFile> set_aside(Disk& disk, const std::string& path, const std::string& reason,
                                RecoveredFile recovered) {
  std::error_code error;
  recovered.damaged_bytes = std::filesystem::file_size(recovered.open_path, error);
  TAPLINE_TRY(disk.rename_durably(recovered.open_path, path));
  recovered.damaged_path = path;
  recovered.problem = reason;
  return recovered;
}

/// A copy of [offset, end_bytes), as `path`.
Status copy_tail(Disk& disk, const ContainerReader& reader, std::uint64_t offset, std::uint64_t end_bytes,
                 const std::string& path) {
  constexpr std::uint64_t kPieceBytes = 1u << 20;
  const std::string draft = path + std::string(kDraftSuffix);
  const auto copy = [&]() -> Status {
    const Result<File> from = File::open_read(reader.path());
    if (!from) return from.error();
    Result<std::unique_ptr<DiskFile>> to = disk.create(draft);
    if (!to) return to.error();
    std::vector<std::uint8_t> piece;
    for (; offset < end_bytes; offset += piece.size()) {
      piece.resize(std::min(kPieceBytes, end_bytes - offset));
      TAPLINE_TRY(from->pread_exact(offset, piece));
      const Bytes written(piece);
      TAPLINE_TRY((*to)->append({&written, 1}));
    }
    return (*to)->sync();
  };
  if (Status copied = copy(); !copied) {
    static_cast<void>(disk.remove(draft).ok());
    return copied;
  }
  return disk.rename_durably(draft, path);
}

/// A file whose segment header is damaged: its name has its id, by which its blocks are known.
Result<RecoveredFile> give_up(Disk& disk, const std::string& open_path, const Error& problem) {
  RecoveredFile recovered;
  recovered.open_path = open_path;
  const Result<File> file = File::open_read(open_path);
  if (!file) return file.error();
  const Result<std::uint64_t> file_bytes = file->size_bytes();
  if (!file_bytes) return file_bytes.error();
  const Result<bool> empty = holds_only_zeroes(*file, *file_bytes);
  if (!empty) return empty.error();
  if (*empty || *file_bytes <= kHeadersBytes) {
    recovered.torn_bytes = *file_bytes;
    TAPLINE_TRY(disk.remove(open_path));
    return recovered;
  }
  const std::string file_name = std::filesystem::path(open_path).filename().string();
  const std::uint64_t id_high = parse_open_id_high(file_name).value_or(0);
  const Result<StrandedBlocks> stranded =
      find_stranded_blocks(*file, __builtin_bswap64(id_high), kHeadersBytes);
  if (!stranded) return stranded.error();
  std::string path = open_path.substr(0, open_path.size() - kOpenSuffix.size()) + std::string(kDamagedSuffix);
  if (stranded->headers > 0)
    path = damaged_path(open_path, {stranded->first_ns, stranded->last_ns, 0, 0, id_high});
  return set_aside(disk, path, problem.context, std::move(recovered));
}

/// What stands behind the good blocks of a file, if that is more than a torn tail: in which times.
struct Damage {
  bool any = false;
  std::string reason;
  FinalName name;    // of what is damaged, and what follows it
  FinalName of_all;  // of the whole file
};

Result<Damage> find_damage(const ContainerReader& reader, const ContainerWriter& writer,
                           std::uint64_t end_bytes) {
  Damage damage;
  const Result<File> file = File::open_read(reader.path());
  if (!file) return file.error();
  const Result<StrandedBlocks> stranded =
      find_stranded_blocks(*file, id_tag(writer.identity().segment_id), end_bytes);
  if (!stranded) return stranded.error();
  const std::uint32_t bad = writer.block_count();
  // What had not been synced may be lost in any order: writes are under way side by side.
  damage.any = stranded->good > 0 && stranded->synced_blocks > bad;
  if (!damage.any) return damage;
  const ContainerIdentity& identity = writer.identity();
  damage.name = {stranded->first_ns, stranded->last_ns, identity.port, identity.worker,
                 id_high(identity.segment_id)};
  damage.of_all = damage.name;
  if (bad > 0) {
    damage.of_all.first_ns = std::min(damage.name.first_ns, writer.totals().first_ns);
    damage.of_all.last_ns = std::max(damage.name.last_ns, writer.totals().last_ns);
  }
  // Nobody knows the times of a block whose header is damaged, but that the file had begun before it.
  if (bad >= reader.block_count())
    damage.name.first_ns = std::min(damage.of_all.first_ns, reader.header().start_ns);
  damage.reason = fmt::format("{}: block {} is damaged, and {} good ones stand behind it", reader.path(), bad,
                              stranded->good);
  return damage;
}

/// The index of what can be read; blocks that cannot be parsed are in the segment and not in it.
Status publish_index(Disk& disk, const std::string& open_path, RecoveredFile& recovered) {
  Result<SegmentIndex> index = index_readable_blocks(open_path);
  if (!index) return index.error();
  recovered.blocks_unreadable = static_cast<std::uint32_t>(index->unreadable.size());
  if (!index->unreadable.empty() && recovered.problem.empty())
    recovered.problem = index->unreadable.front().context;
  return disk.publish_file(index_path_of(recovered.final_path), index->bytes);
}

}  // namespace

std::string describe(const RecoveredFile& recovered) {
  const bool left_alone =
      recovered.final_path.empty() && recovered.damaged_path.empty() && !recovered.problem.empty();
  if (left_alone) return fmt::format("left alone: {}", recovered.problem);
  std::string text =
      fmt::format("recovered {}: {} blocks with {} frames or records kept, {} torn bytes cut",
                  recovered.open_path, recovered.blocks_kept, recovered.frames_kept, recovered.torn_bytes);
  if (!recovered.damaged_path.empty())
    text += fmt::format(", {} bytes set aside as {}", recovered.damaged_bytes, recovered.damaged_path);
  if (recovered.blocks_unreadable > 0)
    text += fmt::format("; {} of its blocks cannot be read", recovered.blocks_unreadable);
  return recovered.problem.empty() ? text : text + ": " + recovered.problem;
}

Result<RecoveredFile> recover_file(Disk& disk, const std::string& open_path, std::string_view suffix) {
  RecoveredFile recovered;
  recovered.open_path = open_path;
  Result<ContainerReader> reader = ContainerReader::open(open_path);
  if (!reader && reader.error().code != ErrorCode::kCorrupt) return reader.error();
  if (!reader) return give_up(disk, open_path, reader.error());
  Result<ContainerWriter> writer = ContainerWriter::reopen(disk, open_path, reader->header());
  if (!writer) return writer.error();
  std::uint64_t end_bytes = writer->file_bytes();
  const Result<std::uint32_t> good = count_good_blocks(*reader, *writer, end_bytes);
  if (!good) return good.error();
  const Result<Damage> damage = find_damage(*reader, *writer, end_bytes);
  if (!damage) return damage.error();
  if (damage->any) {
    const Result<std::uint64_t> tail_end = reader->written_end(end_bytes);
    if (!tail_end) return tail_end.error();
    // Where there is no room for a copy, the good blocks are set aside with the others.
    const bool copied =
        *good > 0 &&
        copy_tail(disk, *reader, end_bytes, *tail_end, damaged_path(open_path, damage->name)).ok();
    if (!copied)
      return set_aside(disk, damaged_path(open_path, damage->of_all), damage->reason, std::move(recovered));
    recovered.damaged_path = damaged_path(open_path, damage->name);
    recovered.damaged_bytes = *tail_end - end_bytes;
    recovered.problem = damage->reason;
  }
  if (*good == 0) {
    TAPLINE_TRY(disk.remove(open_path));
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
  if (identity.kind == kKindPackets) TAPLINE_TRY(publish_index(disk, open_path, recovered));
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
  // First: the index of a segment that is still open has the name under which it will be made anew.
  for (const std::string& stray : catalog->strays) TAPLINE_TRY(store.disk().remove(stray));
  std::vector<RecoveredFile> recovered;
  for (const auto& [files, suffix] : lists) {
    for (const CatalogFile& file : *files) {
      if (!file.open) continue;
      Result<RecoveredFile> result = recover_file(store.disk(), file.path, suffix);
      if (!result && result.error().code == ErrorCode::kUnsupported) {
        recovered.emplace_back().open_path = file.path;
        recovered.back().problem = result.error().context;
        continue;
      }
      if (!result) return result.error();
      recovered.push_back(std::move(*result));
      for (const IndexStep& step : file.steps) TAPLINE_TRY(store.disk().remove(step.path));
    }
  }
  return recovered;
}

}  // namespace tapline::storage
