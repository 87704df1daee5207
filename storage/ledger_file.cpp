#include "storage/ledger_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

constexpr std::uint32_t kColumnCount = kLedgerColumnCount + kLedgerCounterCount;
constexpr std::uint32_t kGroupBytesMax =
    LedgerFileWriter::kGroupRows * 10 * kColumnCount + 64 * kColumnCount + sizeof(RowGroupHeader);
static_assert(kGroupBytesMax <= kBlockRawBytesMax);

/// First and last nanosecond of a second, within what TimeNs can say.
TimeNs first_ns_of(std::int64_t second) {
  constexpr std::int64_t kLimit = std::numeric_limits<TimeNs>::max() / kNsPerSecond;
  return std::clamp(second, -kLimit, kLimit) * kNsPerSecond;
}
TimeNs last_ns_of(std::int64_t second) {
  const TimeNs first_ns = first_ns_of(second);
  return first_ns > std::numeric_limits<TimeNs>::max() - kNsPerSecond ? std::numeric_limits<TimeNs>::max()
                                                                      : first_ns + kNsPerSecond - 1;
}

const ColumnSpec& column(LedgerColumn number) {
  return kLedgerColumns[number - 1u];
}

}  // namespace

template <class Field>
void LedgerGroupCodec::encode_column(const ColumnSpec& spec, std::span<const LedgerRow> rows, Field field) {
  std::ranges::transform(rows, values_.begin(),
                         [&](const LedgerRow& row) { return static_cast<std::uint64_t>(field(row)); });
  builder_.add(spec, values_);
}

Bytes LedgerGroupCodec::encode(std::span<const LedgerRow> rows, TimeNs complete_until_ns) {
  builder_.begin(kKindLedger, static_cast<std::uint32_t>(rows.size()), complete_until_ns);
  values_.resize(rows.size());
  if (rows.empty()) return builder_.finish();
  encode_column(column(kLedgerSecond), rows, [](const LedgerRow& row) { return row.second; });
  encode_column(column(kLedgerPort), rows, [](const LedgerRow& row) { return row.port; });
  encode_column(column(kLedgerWorker), rows, [](const LedgerRow& row) { return row.worker; });
  encode_column(column(kLedgerDeviceMeasured), rows,
                [](const LedgerRow& row) { return row.device_measured; });
  encode_column(column(kLedgerDeviceReceived), rows,
                [](const LedgerRow& row) { return row.device_received_frames; });
  encode_column(column(kLedgerDeviceDropped), rows,
                [](const LedgerRow& row) { return row.device_dropped_frames; });
  for (std::size_t i = 0; i < kLedgerCounterCount; ++i) {
    encode_column(kLedgerCounters[i], rows, [i](const LedgerRow& row) { return row.counts[i]; });
  }
  return builder_.finish();
}

template <class Store>
Status LedgerGroupCodec::decode_column(const RowGroupView& view, const ColumnSpec& spec, Store store) {
  TAPLINE_TRY(view.open(spec, cursor_));
  if (!cursor_.next(values_)) return column_error(spec, "damaged");
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (spec.bits < 64 && values_[row] >> spec.bits != 0) return column_error(spec, "value out of bounds");
    store(rows_[row], values_[row]);
  }
  return {};
}

Result<std::span<const LedgerRow>> LedgerGroupCodec::decode(Bytes group) {
  const Result<RowGroupView> parsed = RowGroupView::parse(group);
  if (!parsed) return parsed.error();
  const RowGroupView& view = *parsed;
  if (view.header().schema != kKindLedger) return Error{ErrorCode::kCorrupt, "row group: not of the ledger"};
  rows_.assign(view.rows(), LedgerRow{});
  values_.resize(view.rows());
  using Row = LedgerRow;
  using Value = std::uint64_t;
  TAPLINE_TRY(decode_column(view, column(kLedgerSecond),
                            [](Row& row, Value v) { row.second = static_cast<std::int64_t>(v); }));
  TAPLINE_TRY(decode_column(view, column(kLedgerPort),
                            [](Row& row, Value v) { row.port = static_cast<std::uint16_t>(v); }));
  TAPLINE_TRY(decode_column(view, column(kLedgerWorker),
                            [](Row& row, Value v) { row.worker = static_cast<std::uint16_t>(v); }));
  TAPLINE_TRY(decode_column(view, column(kLedgerDeviceMeasured),
                            [](Row& row, Value v) { row.device_measured = v != 0; }));
  TAPLINE_TRY(decode_column(view, column(kLedgerDeviceReceived),
                            [](Row& row, Value v) { row.device_received_frames = v; }));
  TAPLINE_TRY(decode_column(view, column(kLedgerDeviceDropped),
                            [](Row& row, Value v) { row.device_dropped_frames = v; }));
  for (std::size_t i = 0; i < kLedgerCounterCount; ++i) {
    TAPLINE_TRY(decode_column(view, kLedgerCounters[i], [i](Row& row, Value v) {
      row.counts.values[i] = static_cast<std::int64_t>(v);
    }));
  }
  return std::span<const LedgerRow>(rows_);
}

LedgerFileWriter::LedgerFileWriter(const RowGroupFileConfig& config)
    : files_(config, kKindLedger, kLedgerSuffix, kGroupBytesMax) {
  rows_.reserve(kGroupRows);
}

Status LedgerFileWriter::append(const LedgerRow& row) {
  if (rows_.size() == kGroupRows) TAPLINE_TRY(flush());
  rows_.push_back(row);
  return {};
}

Status LedgerFileWriter::flush() {
  if (rows_.empty()) return {};
  const auto [least, greatest] = std::ranges::minmax_element(rows_, {}, &LedgerRow::second);
  const TimeNs last_ns = last_ns_of(greatest->second);
  const RowGroupInfo info{static_cast<std::uint32_t>(rows_.size()), first_ns_of(least->second), last_ns,
                          last_ns};
  const Bytes group = codec_.encode(rows_, complete_until_ns_);
  rows_.clear();
  return files_.append(group, info);
}

Status LedgerFileWriter::finish() {
  TAPLINE_TRY(flush());
  return files_.finish();
}

Result<LedgerFileReader> LedgerFileReader::open(const std::string& path) {
  Result<ContainerReader> container = ContainerReader::open(path);
  if (!container) return container.error();
  if (container->header().kind != kKindLedger) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: not a ledger file (kind {})", path, container->header().kind)};
  }
  Result<std::vector<BlockEntry>> groups = container->load_entries();
  if (!groups) return groups.error();
  return LedgerFileReader(std::move(*container), std::move(*groups));
}

Result<std::span<const LedgerRow>> LedgerFileReader::next() {
  while (next_group_ < groups_.size()) {
    const std::uint32_t group = next_group_;
    next_group_ = static_cast<std::uint32_t>(groups_.size());  // until this one was read
    TAPLINE_TRY(container_.read_block(groups_[group], group, block_));
    const Result<std::span<const LedgerRow>> rows = codec_.decode(block_.content);
    if (!rows) {
      return Error{rows.error().code,
                   fmt::format("{}: group {}: {}", container_.path(), group, rows.error().context)};
    }
    next_group_ = group + 1;
    if (!rows->empty()) return rows;
  }
  return std::span<const LedgerRow>{};
}

}  // namespace tapline::storage
