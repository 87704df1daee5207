#include "storage/recovery.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/catalog.hpp"
#include "storage/frame_keys.hpp"
#include "storage/index_builder.hpp"

namespace tapline::storage {
namespace {

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

Status post_block(const DecodedBlock& block, const SegmentHeader& segment, std::uint32_t number,
                  std::vector<Frame>& frames, IndexBuilder& index) {
  TAPLINE_TRY(parse_frames(block, segment, frames));
  std::uint64_t previous_fingerprint = 0;
  std::uint32_t previous_envelope = 0;
  for (const Frame& frame : frames) {
    PacketMeta meta;
    decode(frame, meta);
    std::uint64_t fingerprint = 0;
    if (meta.status == DecodeStatus::kIp) {
      FlowKey key;
      make_flow_key(frame, meta, 0, key);
      fingerprint = flow_fingerprint(key);
      // Repetitions cost memory only; runs of one flow are the common ones.
      const bool repeated = fingerprint == previous_fingerprint && meta.envelope_hash == previous_envelope;
      if (repeated && !keys_vary_by_frame(meta)) continue;
    }
    previous_fingerprint = fingerprint;
    previous_envelope = meta.envelope_hash;
    const FrameKeys keys = collect_frame_keys(frame, meta, fingerprint);
    for (const IndexKey key : keys.keys()) index.post(key, number);
  }
  return {};
}

}  // namespace

Result<ByteBuffer> build_index(const std::string& segment_path) {
  Result<ContainerReader> reader = ContainerReader::open(segment_path);
  if (!reader) return reader.error();
  const Result<std::vector<BlockEntry>> entries = reader->load_entries();
  if (!entries) return entries.error();
  IndexBuilder index;
  DecodedBlock block;
  std::vector<Frame> frames;
  for (std::uint32_t number = 0; number < entries->size(); ++number) {
    TAPLINE_TRY(reader->read_block((*entries)[number], number, block));
    TAPLINE_TRY(post_block(block, reader->header(), number, frames, index));
  }
  SegmentId id;
  std::ranges::copy(reader->header().segment_id, id.begin());
  return index.finish(id, reader->block_count());
}

Status rebuild_index(const std::string& segment_path, const std::string& index_path) {
  const Result<ByteBuffer> index = build_index(segment_path);
  if (!index) return index.error();
  return publish_file(index_path, *index);
}

Result<RecoveredFile> recover_file(const std::string& open_path, std::string_view suffix) {
  RecoveredFile recovered;
  recovered.open_path = open_path;
  Result<ContainerReader> reader = ContainerReader::open(open_path);
  if (!reader && reader.error().code != ErrorCode::kCorrupt) return reader.error();
  if (!reader || reader->block_count() == 0) {
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
  recovered.torn_bytes = reader->file_bytes() - end_bytes;
  recovered.last_ns = writer->totals().last_ns;
  TAPLINE_TRY(writer->cut_tail());

  const ContainerIdentity& identity = writer->identity();
  const FinalName name{writer->totals().first_ns, writer->totals().last_ns, identity.port, identity.worker,
                       id_high(identity.segment_id)};
  const std::string directory = directory_of(open_path);
  recovered.final_path = directory + "/" + final_name(name, suffix);
  if (identity.kind == kKindPackets)
    TAPLINE_TRY(rebuild_index(open_path, index_path_of(recovered.final_path)));
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
      if (!result) return result.error();
      recovered.push_back(std::move(*result));
      for (const IndexStep& step : file.steps) TAPLINE_TRY(remove_file(step.path));
    }
  }
  for (const std::string& stray : catalog->strays) TAPLINE_TRY(remove_file(stray));
  return recovered;
}

}  // namespace tapline::storage
