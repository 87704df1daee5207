#pragma once
// RowWriter: rows of an answer -> text, in one of three formats. JSON: one object a line, absent values left
// out. CSV: RFC 4180 with a header. Table: aligned for people, written as a whole by finish().

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tools/text_output.hpp"

namespace tapline::tools {

enum class RowFormat : std::uint8_t { kTable, kJson, kCsv };

struct Column {
  std::string_view name;
  bool is_number = false;  // set right in a table
};

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  /// One value for each column.
  virtual Status add(std::span<const FieldValue> values) = 0;
  /// Writes what is left. Nothing may follow.
  virtual Status finish() = 0;
};

/// `output` must outlive the writer. Memory of a table: all of its text.
std::unique_ptr<RowWriter> make_row_writer(RowFormat format, std::vector<Column> columns, TextOutput& output);

}  // namespace tapline::tools
