#pragma once
// SessionRowReader: a row group -> session records, a batch at a time, so that memory stays the same for any
// group. Trusts nothing. One thread; reuses its memory from group to group.

#include <array>
#include <span>
#include <vector>

#include "capture/packet/session_record.hpp"
#include "storage/row_group.hpp"
#include "storage/session_schema.hpp"

namespace tapline::storage {

class SessionRowReader {
 public:
  static constexpr std::uint32_t kBatchRows = 256;

  SessionRowReader();

  /// `group` must outlive the reading. `fields`: SessionFields to decode; all others keep their defaults.
  /// kCorrupt, kUnsupported as RowGroupView.
  Status open(Bytes group, std::uint8_t fields);
  std::uint32_t rows() const { return rows_; }
  TimeNs complete_until_ns() const { return complete_until_ns_; }

  /// The next records, at most kBatchRows, in the order in which they were written, valid until the next
  /// call; empty after the last. kCorrupt names the column.
  Result<std::span<const SessionRecord>> next();

 private:
  using Cells = std::array<std::uint64_t, kBatchRows>;

  Status open_column(const RowGroupView& view, const ColumnSpec& spec);
  Status decode_columns(std::uint32_t count);
  Status decode_column(const ColumnSpec& spec, std::uint32_t count);
  const Cells& cells(std::uint16_t column) const { return cells_[column - 1u]; }
  void fill_identity(std::uint32_t count);
  void fill_times(std::uint32_t count);
  void fill_key(std::uint32_t count);
  void fill_details(std::uint32_t count);
  void fill_tcp(std::uint32_t count);
  SynSignature signature_at(std::uint16_t column, std::uint32_t row, std::uint8_t ttl_foretold) const;
  DirectionCounters counters_at(std::uint16_t column, std::uint16_t duplicates_column,
                                std::uint32_t row) const;
  void fill_counters(std::uint32_t count);
  void fill_previous(std::uint32_t count);

  std::uint8_t fields_ = 0;
  std::uint32_t rows_ = 0;
  std::uint32_t rows_read_ = 0;
  TimeNs complete_until_ns_ = 0;
  std::vector<ColumnCursor> cursors_;  // by number - 1; those of addresses and uids are unused
  AddressCursor address_a_cursor_;
  AddressCursor address_b_cursor_;
  Bytes uid_tails_;
  std::vector<Cells> cells_;
  std::array<IpAddress, kBatchRows> addresses_a_{};
  std::array<IpAddress, kBatchRows> addresses_b_{};
  std::vector<SessionRecord> records_;
};

}  // namespace tapline::storage
