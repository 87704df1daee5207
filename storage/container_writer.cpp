#include "storage/container_writer.hpp"

#include <fmt/core.h>
#include <sys/random.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "storage/container_layout.hpp"

namespace tapline::storage {
namespace {

template <class T>
Bytes bytes_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

SkippableHeader skippable(std::size_t content_bytes) {
  return {kSkippableMagic, static_cast<std::uint32_t>(content_bytes)};
}

SegmentHeader make_segment_header(const ContainerIdentity& identity) {
  SegmentHeader header{};
  header.magic = kSegmentMagic;
  header.header_bytes = sizeof header;
  header.version = kFormatVersion;
  header.kind = identity.kind;
  header.link_type = identity.link_type;
  header.sensor_id = identity.sensor_id;
  std::ranges::copy(identity.segment_id, header.segment_id);
  std::ranges::copy(identity.source_id, header.source_id);
  std::ranges::copy(identity.previous_segment_id, header.previous_segment_id);
  std::ranges::copy(identity.previous_root, header.previous_root);
  header.previous_state = identity.previous_state;
  header.snap_length = identity.snap_length;
  header.port = identity.port;
  header.worker = identity.worker;
  header.start_ns = identity.start_ns;
  header.created_ns = wall_clock_ns();
  header.checksum = checksum_before(header, header.checksum);
  return header;
}

/// FORMAT.md, "Seek table": number of frames, descriptor without checksums, magic.
ByteBuffer make_seek_table(const std::vector<std::uint64_t>& entries) {
  ByteBuffer table;
  table.reserve(8 + entries.size() * 8 + kSeekTableTailBytes);
  put(table, kSeekTableFrameMagic);
  put(table, static_cast<std::uint32_t>(entries.size() * 8 + kSeekTableTailBytes));
  for (const std::uint64_t entry : entries) put(table, entry);
  put(table, static_cast<std::uint32_t>(entries.size()));
  table.push_back(0);
  put(table, kSeekTableMagic);
  return table;
}

}  // namespace

SegmentId make_segment_id() {
  SegmentId id{};
  // 16 bytes from an initialised pool are never short and never interrupted (getrandom(2)).
  TAPLINE_CHECK(::getrandom(id.data(), id.size(), 0) == static_cast<ssize_t>(id.size()));
  return id;
}

std::string format_segment_id(const SegmentId& id) {
  return fmt::format("{:016x}{:016x}", load_be64(id.data()), load_be64(id.data() + 8));
}

std::optional<SegmentId> parse_segment_id(std::string_view text) {
  SegmentId id;
  if (text.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const std::string_view digits = text.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, id[i], 16);
    if (error != std::errc() || end != digits.data() + 2) return std::nullopt;
  }
  return id;
}

struct ContainerWriter::RootHash {
  XXH3_state_t* state = XXH3_createState();
  RootHash() { XXH3_128bits_reset(state); }
  RootHash(const RootHash&) = delete;
  RootHash& operator=(const RootHash&) = delete;
  ~RootHash() { XXH3_freeState(state); }
  void add(Bytes bytes) { XXH3_128bits_update(state, bytes.data(), bytes.size()); }
};

ContainerWriter::ContainerWriter(Disk& disk, const std::string& path, std::unique_ptr<DiskFile> file,
                                 const ContainerIdentity& identity)
    : disk_(&disk),
      path_(path),
      file_(std::move(file)),
      identity_(identity),
      root_(std::make_unique<RootHash>()) {
  std::ranges::copy(identity.segment_id, totals_.segment_id);
}

ContainerWriter::ContainerWriter(ContainerWriter&&) noexcept = default;
ContainerWriter& ContainerWriter::operator=(ContainerWriter&&) noexcept = default;
ContainerWriter::~ContainerWriter() = default;

Result<ContainerWriter> ContainerWriter::create(Disk& disk, const std::string& path,
                                                const ContainerIdentity& identity, Bytes lead,
                                                std::uint64_t allocate_bytes) {
  Result<std::unique_ptr<DiskFile>> file =
      identity.kind == kKindPackets ? disk.create_stream(path) : disk.create(path);
  if (!file) return file.error();
  ContainerWriter writer(disk, path, std::move(*file), identity);

  BlockEncoder encoder(static_cast<std::uint32_t>(lead.size()), 1);
  const EncodedBlock lead_frame = encoder.wrap_raw(lead);
  const SegmentHeader header = make_segment_header(identity);
  const SkippableHeader header_frame = skippable(sizeof header);

  std::vector<Bytes> pieces(lead_frame.pieces.begin(), lead_frame.pieces.end());
  pieces.push_back(bytes_of(header_frame));
  pieces.push_back(bytes_of(header));
  Status written = allocate_bytes > 0 ? writer.file_->allocate(allocate_bytes) : Status();
  if (written) written = writer.file_->append(pieces);
  if (written) written = writer.flush();
  if (written) written = disk.sync_directory(std::filesystem::path(path).parent_path().string());
  if (!written) {
    // Whoever tries again on a full disk must not leave a file each time.
    static_cast<void>(disk.remove(path).ok());
    return written.error();
  }
  writer.add_frame(lead_frame.stored_bytes, static_cast<std::uint32_t>(lead.size()));
  writer.add_frame(sizeof header_frame + sizeof header, 0);
  return writer;
}

Result<ContainerWriter> ContainerWriter::reopen(Disk& disk, const std::string& path,
                                                const SegmentHeader& header) {
  Result<std::unique_ptr<DiskFile>> file = disk.open(path);
  if (!file) return file.error();
  ContainerIdentity identity;
  identity.kind = header.kind;
  identity.link_type = header.link_type;
  identity.port = header.port;
  identity.worker = header.worker;
  identity.sensor_id = header.sensor_id;
  std::ranges::copy(header.segment_id, identity.segment_id.begin());
  std::ranges::copy(header.source_id, identity.source_id.begin());
  ContainerWriter writer(disk, path, std::move(*file), identity);
  writer.add_frame(kLeadFrameBytes, kPcapHeaderBytes);
  writer.add_frame(sizeof(SkippableHeader) + sizeof header, 0);
  return writer;
}

void ContainerWriter::add_frame(std::uint32_t stored_bytes, std::uint32_t content_bytes) {
  seek_entries_.push_back(static_cast<std::uint64_t>(content_bytes) << 32 | stored_bytes);
  file_bytes_ += stored_bytes;
}

Status ContainerWriter::append(const BlockInfo& info, const EncodedBlock& encoded, Bytes extension) {
  if (entries_.size() >= kSegmentBlocksMax) {
    return Error{ErrorCode::kLimit, fmt::format("{}: more than {} blocks", path_, kSegmentBlocksMax)};
  }
  BlockHeader header{};
  header.magic = kBlockMagic;
  header.header_bytes = sizeof header;
  header.codec = encoded.codec;
  header.segment_tag = id_tag(identity_.segment_id);
  header.file_offset = file_bytes_;
  header.sequence = block_count();
  header.lane = info.lane;
  header.first_ns = info.first_ns;
  header.last_ns = info.last_ns;
  header.order_first_ns = info.order_first_ns;
  header.order_last_ns = info.order_last_ns;
  header.order_first_count = info.order_first_count;
  header.frames = info.frames;
  header.raw_bytes = encoded.raw_bytes;
  header.stored_bytes = encoded.stored_bytes;
  header.extension_bytes = static_cast<std::uint32_t>(extension.size());
  header.stored_checksum = encoded.checksum;
  header.wire_bytes = info.wire_bytes;
  header.captured_bytes = info.captured_bytes;
  header.cut_frames = info.cut_frames;
  header.synced_blocks = synced_blocks_;
  header.checksum = block_header_checksum(header, extension);

  const SkippableHeader frame = skippable(sizeof header + extension.size());
  pieces_.assign({bytes_of(frame), bytes_of(header), extension});
  pieces_.insert(pieces_.end(), encoded.pieces.begin(), encoded.pieces.end());
  if (Status written = file_->append(pieces_); !written) {
    // Half a block must not stay in front of the next one; if cutting it fails, too, readers find it by
    // checksum.
    static_cast<void>(cut_tail().ok());
    return written;
  }
  add_block(header, extension);
  return {};
}

void ContainerWriter::add_block(const BlockHeader& header, Bytes extension) {
  if (header.file_offset > file_bytes_)
    add_frame(static_cast<std::uint32_t>(header.file_offset - file_bytes_), 0);
  root_->add(bytes_of(header));
  root_->add(extension);
  entries_.push_back(make_entry(header));
  add_totals(totals_, header);
  add_frame(static_cast<std::uint32_t>(sizeof(SkippableHeader) + sizeof header + extension.size()), 0);
  add_frame(header.stored_bytes, header.raw_bytes);
}

Status ContainerWriter::cut_tail() {
  return file_->truncate(file_bytes_);
}

Status ContainerWriter::sync() {
  if (sync_failure_) return *sync_failure_;
  if (synced_bytes_ == file_bytes_) return {};
  // Where there is no room for padding, a sector is written again: no reason to fail.
  if (!pad()) static_cast<void>(cut_tail().ok());
  return sync_file();
}

/// Up to where the next sector begins: FORMAT.md, "Padding".
Status ContainerWriter::pad() {
  static constexpr std::array<std::uint8_t, 2 * kSyncUnitMax> kZeroes{};
  const std::uint32_t bytes = padding_bytes(file_bytes_, file_->sync_unit());
  if (bytes == 0 || entries_.empty()) return {};
  const auto content = static_cast<std::uint32_t>(bytes - sizeof(SkippableHeader));
  const SkippableHeader frame{kPaddingMagic, content};
  const std::array<Bytes, 2> pieces{bytes_of(frame), Bytes(kZeroes).first(content)};
  TAPLINE_TRY(file_->append(pieces));
  add_frame(bytes, 0);
  return {};
}

Status ContainerWriter::sync_file() {
  if (Status synced = file_->sync(); !synced) {
    sync_failure_ = synced.error();
    return synced;
  }
  synced_bytes_ = file_bytes_;
  synced_blocks_ = block_count();
  return {};
}

bool ContainerWriter::end_at_last_sync() {
  if (sync()) return true;
  if (file_->truncate(synced_bytes_)) static_cast<void>(file_->sync().ok());
  entries_.resize(synced_blocks_);
  return false;
}

Status ContainerWriter::publish(const std::string& final_path, std::uint32_t end_state,
                                std::uint64_t torn_bytes) {
  totals_.magic = kFooterMagic;
  totals_.header_bytes = sizeof totals_;
  totals_.version = kFormatVersion;
  totals_.block_count = block_count();
  totals_.root_algorithm = kRootXxh3Headers;
  totals_.end_state = end_state;
  totals_.torn_bytes = torn_bytes;
  XXH128_canonical_t root;
  XXH128_canonicalFromHash(&root, XXH3_128bits_digest(root_->state));
  std::ranges::copy(root.digest, totals_.root);
  const Bytes table(reinterpret_cast<const std::uint8_t*>(entries_.data()),
                    entries_.size() * sizeof(BlockEntry));
  totals_.table_checksum = XXH3_64bits(table.data(), table.size());
  totals_.checksum = checksum_before(totals_, totals_.checksum);

  const SkippableHeader frame = skippable(sizeof totals_ + table.size());
  add_frame(static_cast<std::uint32_t>(sizeof frame + sizeof totals_ + table.size()), 0);
  const ByteBuffer seek_table = make_seek_table(seek_entries_);
  const std::array<Bytes, 4> pieces{bytes_of(frame), bytes_of(totals_), table, Bytes(seek_table)};
  if (Status written = file_->append(pieces); !written) {
    // Whoever tries again must find the file as it was.
    file_bytes_ -= seek_entries_.back() & UINT32_MAX;
    seek_entries_.pop_back();
    static_cast<void>(cut_tail().ok());
    return written;
  }
  file_bytes_ += seek_table.size();
  TAPLINE_TRY(cut_tail());
  TAPLINE_TRY(sync_file());
  file_.reset();
  return disk_->rename_durably(path_, final_path);
}

}  // namespace tapline::storage
