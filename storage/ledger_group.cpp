#include "storage/ledger_group.hpp"

#include <algorithm>

#include "storage/format.hpp"

namespace tapline::storage {
namespace {

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
  complete_until_ns_ = view.header().complete_until_ns;
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

}  // namespace tapline::storage
