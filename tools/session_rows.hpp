#pragma once
// Rows of an answer: ordered by any field, summed by groups, written.

#include <span>
#include <string>
#include <vector>

#include "tools/session_fields.hpp"

namespace tapline::tools {

/// Stable in all formats: rows that are equal by the field are ordered by uid, then seq, whichever way it
/// goes.
void sort_rows(std::vector<SessionRow>& rows, const SessionField& field, bool descending,
               const FieldContext& context);

Status write_rows(std::span<const SessionRow> rows, const FieldList& fields, const FieldContext& context,
                  RowWriter& writer);

/// Sessions that are equal by some fields, as one row: these fields, then the sums.
struct GroupTable {
  std::vector<Column> columns;
  std::vector<std::vector<FieldValue>> rows;  // one value for each column
};

/// In the order of the groups' fields.
GroupTable group_rows(std::span<const SessionRow> rows, const FieldList& keys, const FieldContext& context);

/// Position of a column; kInvalid lists the columns.
Result<std::size_t> find_column(const GroupTable& table, std::string_view name, std::string_view what);
/// Rows that are equal by the column stay in the order of the groups' fields.
void sort_groups(GroupTable& table, std::size_t column, bool descending);
/// Keeps these columns, in this order.
void select_columns(GroupTable& table, std::span<const std::size_t> columns);
Status write_groups(const GroupTable& table, std::size_t rows_max, RowWriter& writer);

}  // namespace tapline::tools
