#pragma once
// LedgerGroupCodec: rows of the ledger <-> a row group (FORMAT.md, "Ledger rows"). One thread.

#include <span>
#include <vector>

#include "storage/ledger_row.hpp"

namespace tapline::storage {

/// Rows -> a row group, and back. Reuses its memory.
class LedgerGroupCodec {
 public:
  /// Valid until the next call.
  Bytes encode(std::span<const LedgerRow> rows, TimeNs complete_until_ns);
  /// Valid until the next call. kCorrupt, kUnsupported as RowGroupView; counters that a file does not have
  /// are 0.
  Result<std::span<const LedgerRow>> decode(Bytes group);
  /// Of the group that was decoded last.
  TimeNs complete_until_ns() const { return complete_until_ns_; }

 private:
  template <class Field>
  void encode_column(const ColumnSpec& spec, std::span<const LedgerRow> rows, Field field);
  template <class Store>
  Status decode_column(const RowGroupView& view, const ColumnSpec& spec, Store store);

  RowGroupBuilder builder_;
  ColumnCursor cursor_;
  std::vector<std::uint64_t> values_;
  std::vector<LedgerRow> rows_;
  TimeNs complete_until_ns_ = 0;
};

}  // namespace tapline::storage
