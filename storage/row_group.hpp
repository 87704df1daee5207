#pragma once
// Row group: many rows of one schema as columns; the content of one block of a session file or of the ledger.
// A header, a directory of columns, the columns. Columns have never-reused numbers: a reader skips what it
// does not know and takes a default for what is missing (written before the column existed). Normative:
// FORMAT.md, "Row groups". Pure functions over memory; the container's checksums have been verified before,
// and still nothing is trusted.

#include <cstdint>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/base/time.hpp"
#include "storage/column.hpp"

namespace tapline::storage {

inline constexpr std::uint32_t kRowGroupMagic = 0x574F5254;  // "TROW"
inline constexpr std::uint16_t kRowGroupVersion = 1;
inline constexpr std::uint16_t kRowGroupColumnsMax = 1024;

struct RowGroupHeader {
  std::uint32_t magic;
  std::uint16_t header_bytes;
  std::uint16_t version;
  std::uint16_t schema;  // kKindSessions, kKindLedger
  std::uint16_t column_count;
  std::uint32_t rows;
  std::int64_t
      complete_until_ns;  // order time up to which every row that was due stands in this or earlier groups
  std::uint64_t reserved_1;
};
static_assert(sizeof(RowGroupHeader) == 32);

/// One column of a schema. Tables of these are the single place where numbers, names and meanings are written
/// down.
struct ColumnSpec {
  std::uint16_t number = 0;
  const char* name = "";
  ColumnType type = ColumnType::kUnsigned;
  std::uint8_t bits = 64;  // kUnsigned: greater values are damage; kBytes: bytes a row
  ColumnHints hints;
  const char* help = "";
  std::uint64_t missing = 0;  // integers: the value where a file does not have the column
};

/// Builds one row group after another; reuses its buffers.
class RowGroupBuilder {
 public:
  /// Begins a group of `rows` rows; columns follow in any order, each once. With 0 rows there are no columns.
  void begin(std::uint16_t schema, std::uint32_t rows, TimeNs complete_until_ns);
  /// `values` is used as scratch space; its size is the group's rows.
  void add(const ColumnSpec& spec, std::span<std::uint64_t> values);
  void add_addresses(const ColumnSpec& spec, std::span<const IpAddress> values);
  void add_bytes(const ColumnSpec& spec, Bytes bytes);
  /// The finished group, valid until the next begin().
  Bytes finish();

 private:
  ColumnEntry& add_entry(const ColumnSpec& spec);

  RowGroupHeader header_{};
  std::vector<ColumnEntry> entries_;
  ByteBuffer columns_;
  ByteBuffer group_;
  ColumnEncoder encoder_;
};

/// A parsed header and directory over bytes that outlive it.
class RowGroupView {
 public:
  /// kCorrupt where lengths contradict the bytes; kUnsupported for a newer version.
  static Result<RowGroupView> parse(Bytes group);

  const RowGroupHeader& header() const { return header_; }
  std::uint32_t rows() const { return header_.rows; }
  bool has(std::uint16_t number) const { return find(number) != nullptr; }

  /// Opens the column for decoding. A missing column reads as the constant spec.missing, a missing address
  /// as ::. kCorrupt where it cannot be read as `spec` says.
  Status open(const ColumnSpec& spec, ColumnCursor& cursor) const;
  Status open_addresses(const ColumnSpec& spec, AddressCursor& cursor) const;
  /// spec.bits bytes a row; empty where the column is missing.
  Result<Bytes> fixed_bytes(const ColumnSpec& spec) const;

  /// Least and greatest value of a column that carries them; kNotFound where it does not.
  Result<ColumnRange> range(const ColumnSpec& spec) const;

 private:
  struct Column {
    ColumnEntry entry;
    Bytes bytes;
  };
  const Column* find(std::uint16_t number) const;

  RowGroupHeader header_{};
  std::vector<Column> columns_;
};

/// kCorrupt naming the column; for decoders of whole rows.
Error column_error(const ColumnSpec& spec, const char* what);

}  // namespace tapline::storage
