#include "storage/row_group_file_writer.hpp"

#include <algorithm>

#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

/// Later less earlier, for any two times.
std::uint64_t span_ns(TimeNs first_ns, TimeNs last_ns) {
  return static_cast<std::uint64_t>(last_ns) - static_cast<std::uint64_t>(first_ns);
}

}  // namespace

RowGroupFileWriter::RowGroupFileWriter(RowGroupFileConfig config, std::uint16_t kind, std::string_view suffix,
                                       std::uint32_t group_bytes_max)
    : config_(std::move(config)),
      kind_(kind),
      suffix_(suffix),
      encoder_(group_bytes_max, config_.compression_level) {}

Status RowGroupFileWriter::append(Bytes group, const RowGroupInfo& info, std::span<const IndexKey> keys) {
  return keep_failure(append_group(group, info, keys));
}

Status RowGroupFileWriter::finish() {
  return keep_failure(publish());
}

Status RowGroupFileWriter::keep_failure(Status status) {
  if (!status && !failure_) failure_ = status.error();
  return status;
}

template <class Write>
Status RowGroupFileWriter::insist(const Write& write) {
  constexpr int kTriesMax = 64;
  Status written = write();
  for (int i = 0; i < kTriesMax && !written && written.error().code == ErrorCode::kNoSpace; ++i) {
    if (config_.space == nullptr || !config_.space->yield_space()) break;
    written = write();
  }
  return written;
}

bool RowGroupFileWriter::must_rotate(const RowGroupInfo& info) const {
  if (file_->file_bytes() >= config_.file_bytes_max) return true;
  if (file_->block_count() >= config_.file_groups_max) return true;
  const FooterHeader& totals = file_->totals();
  const TimeNs first_ns = std::min(totals.first_ns, info.first_ns);
  const TimeNs last_ns = std::max(totals.last_ns, info.last_ns);
  return totals.frames >= config_.file_rows_min &&
         span_ns(first_ns, last_ns) > static_cast<std::uint64_t>(config_.file_span_ns_max);
}

Status RowGroupFileWriter::append_group(Bytes group, const RowGroupInfo& info,
                                        std::span<const IndexKey> keys) {
  if (failure_) return *failure_;
  if (config_.before_group) TAPLINE_TRY(config_.before_group());
  if (file_ && must_rotate(info)) TAPLINE_TRY(publish());
  if (!file_) TAPLINE_TRY(open_file(info));
  const Result<EncodedBlock> encoded = encoder_.compress(group);
  if (!encoded) return encoded.error();
  BlockInfo block;
  block.frames = info.rows;
  block.first_ns = info.first_ns;
  block.last_ns = info.last_ns;
  block.order_first_ns = info.order_last_ns;
  block.order_last_ns = info.order_last_ns;
  const std::uint32_t number = file_->block_count();
  const std::uint64_t bytes_before = file_->file_bytes();
  TAPLINE_TRY(insist([&] { return file_->append(block, *encoded, {}); }));
  for (const IndexKey& key : keys) index_.post(key, number);
  counters_.stored_bytes += file_->file_bytes() - bytes_before;
  counters_.rows_written += info.rows;
  ++counters_.groups_written;
  return {};
}

Status RowGroupFileWriter::open_file(const RowGroupInfo& info) {
  ContainerIdentity identity;
  identity.kind = kind_;
  identity.sensor_id = config_.sensor_id;
  identity.segment_id = make_segment_id();
  identity.source_id = config_.source_id;
  identity.previous_segment_id = previous_id_;
  identity.previous_root = previous_root_;
  identity.previous_state = counters_.files_published > 0 ? kPreviousClosed : kPreviousNone;
  identity.port = config_.port;
  identity.worker = config_.worker;
  identity.start_ns = info.first_ns;
  const std::string path = config_.directory + "/" + open_name(identity.segment_id, suffix_);
  const Bytes lead(reinterpret_cast<const std::uint8_t*>(kRecordsLead.data()), kRecordsLead.size());
  TAPLINE_TRY(insist([&]() -> Status {
    Result<ContainerWriter> file = ContainerWriter::create(*config_.disk, path, identity, lead);
    if (!file) return file.error();
    file_.emplace(std::move(*file));
    return {};
  }));
  counters_.stored_bytes += file_->file_bytes();
  return {};
}

Status RowGroupFileWriter::publish() {
  if (failure_) return *failure_;
  if (!file_) return {};
  const FooterHeader& totals = file_->totals();
  const FinalName name{totals.first_ns, totals.last_ns, config_.port, config_.worker,
                       id_high(file_->identity().segment_id)};
  if (index_.postings() > 0) {
    const ByteBuffer index = index_.finish(file_->identity().segment_id, file_->block_count());
    TAPLINE_TRY(insist([&] {
      return config_.disk->publish_file(config_.directory + "/" + final_name(name, kIndexSuffix), index);
    }));
  }
  const std::uint64_t bytes_before = file_->file_bytes();
  TAPLINE_TRY(insist([&] { return file_->publish(config_.directory + "/" + final_name(name, suffix_)); }));
  counters_.stored_bytes += file_->file_bytes() - bytes_before;
  ++counters_.files_published;
  previous_id_ = file_->identity().segment_id;
  std::ranges::copy(file_->totals().root, previous_root_.begin());
  file_.reset();
  return {};
}

}  // namespace tapline::storage
