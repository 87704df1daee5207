#include "storage/row_group.hpp"

#include <fmt/core.h>

#include "capture/base/check.hpp"

namespace tapline::storage {

void RowGroupBuilder::begin(std::uint16_t schema, std::uint32_t rows, TimeNs complete_until_ns) {
  TAPLINE_CHECK(rows <= kRowGroupRowsMax);
  header_ = {kRowGroupMagic, sizeof(RowGroupHeader), kRowGroupVersion, schema, 0, rows, complete_until_ns, 0};
  entries_.clear();
  columns_.clear();
}

ColumnEntry& RowGroupBuilder::add_entry(const ColumnSpec& spec) {
  TAPLINE_CHECK(entries_.size() < kRowGroupColumnsMax);
  ColumnEntry entry{};
  entry.number = spec.number;
  entry.type = static_cast<std::uint8_t>(spec.type);
  entries_.push_back(entry);
  return entries_.back();
}

void RowGroupBuilder::add(const ColumnSpec& spec, std::span<std::uint64_t> values) {
  TAPLINE_CHECK(values.size() == header_.rows);
  encoder_.encode(add_entry(spec), values, spec.hints, columns_);
}

void RowGroupBuilder::add_addresses(const ColumnSpec& spec, std::span<const IpAddress> values) {
  TAPLINE_CHECK(values.size() == header_.rows);
  encoder_.encode_addresses(add_entry(spec), values, columns_);
}

void RowGroupBuilder::add_bytes(const ColumnSpec& spec, Bytes bytes) {
  TAPLINE_CHECK(bytes.size() == std::size_t{header_.rows} * spec.bits);
  ColumnEncoder::encode_bytes(add_entry(spec), bytes, spec.bits, columns_);
}

Bytes RowGroupBuilder::finish() {
  header_.column_count = static_cast<std::uint16_t>(entries_.size());
  group_.clear();
  put(group_, header_);
  for (const ColumnEntry& entry : entries_) put(group_, entry);
  put_bytes(group_, columns_);
  return group_;
}

Error column_error(const ColumnSpec& spec, const char* what) {
  return {ErrorCode::kCorrupt, fmt::format("column {} ({}): {}", spec.number, spec.name, what)};
}

Result<RowGroupView> RowGroupView::parse(Bytes group) {
  const auto corrupt = [](const char* what) {
    return Error{ErrorCode::kCorrupt, fmt::format("row group: {}", what)};
  };
  RowGroupView view;
  ByteReader reader(group);
  view.header_ = reader.read<RowGroupHeader>();
  if (!reader.ok() || view.header_.magic != kRowGroupMagic) return corrupt("no header");
  if (view.header_.version > kRowGroupVersion) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("row group: version {} is newer than this program, which reads {}",
                             view.header_.version, kRowGroupVersion)};
  }
  if (view.header_.header_bytes != sizeof(RowGroupHeader)) return corrupt("header of another size");
  if (view.header_.rows > kRowGroupRowsMax) return corrupt("too many rows");
  if (view.header_.column_count > kRowGroupColumnsMax) return corrupt("too many columns");
  if (reader.remaining() < view.header_.column_count * sizeof(ColumnEntry))
    return corrupt("directory past the end");
  view.columns_.resize(view.header_.column_count);
  for (Column& column : view.columns_) column.entry = reader.read<ColumnEntry>();
  for (Column& column : view.columns_) column.bytes = reader.take(column.entry.bytes);
  if (!reader.ok()) return corrupt("a column past the end");
  if (reader.remaining() != 0) return corrupt("bytes after the last column");
  return view;
}

const RowGroupView::Column* RowGroupView::find(std::uint16_t number) const {
  for (const Column& column : columns_) {
    if (column.entry.number == number) return &column;
  }
  return nullptr;
}

Status RowGroupView::open(const ColumnSpec& spec, ColumnCursor& cursor) const {
  const Column* column = find(spec.number);
  if (column == nullptr) {
    cursor.open_constant(spec.missing, rows());
    return {};
  }
  if (column->entry.type != static_cast<std::uint8_t>(spec.type))
    return column_error(spec, "of another type");
  if (!cursor.open(column->entry, column->bytes, rows()))
    return column_error(spec, "damaged or of unknown encoding");
  return {};
}

Status RowGroupView::open_addresses(const ColumnSpec& spec, AddressCursor& cursor) const {
  const Column* column = find(spec.number);
  if (column == nullptr) {
    cursor.open_missing(rows());
    return {};
  }
  if (!cursor.open(column->entry, column->bytes, rows()))
    return column_error(spec, "damaged or of unknown encoding");
  return {};
}

Result<Bytes> RowGroupView::fixed_bytes(const ColumnSpec& spec) const {
  const Column* column = find(spec.number);
  if (column == nullptr) return Bytes{};
  const ColumnEntry& entry = column->entry;
  if (entry.type != static_cast<std::uint8_t>(ColumnType::kBytes) ||
      entry.encoding != static_cast<std::uint8_t>(ColumnEncoding::kFixed) || entry.flags != 0 ||
      entry.width != spec.bits || column->bytes.size() != std::size_t{rows()} * spec.bits) {
    return column_error(spec, "damaged or of unknown encoding");
  }
  return column->bytes;
}

Result<ColumnRange> RowGroupView::range(const ColumnSpec& spec) const {
  const Column* column = find(spec.number);
  if (column == nullptr || (column->entry.flags & kColumnRange) == 0) {
    return Error{ErrorCode::kNotFound, fmt::format("column {} ({}) states no range", spec.number, spec.name)};
  }
  if (column->bytes.size() < sizeof(ColumnRange)) return column_error(spec, "damaged range");
  return load_le<ColumnRange>(column->bytes.data());
}

}  // namespace tapline::storage
