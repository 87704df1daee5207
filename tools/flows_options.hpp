#pragma once
// What `tapline flows` was asked for.

#include <cstdint>
#include <optional>
#include <string>

#include "storage/query/session_question.hpp"
#include "tools/command_line.hpp"
#include "tools/session_fields.hpp"

namespace tapline::tools {

struct FlowsOptions {
  explicit FlowsOptions(query::SessionQuestion its_question) : question(std::move(its_question)) {}

  query::SessionQuestion question;
  FieldContext context;
  RowFormat format = RowFormat::kTable;
  std::optional<FieldList> fields;     // --fields, without --group-by
  std::optional<std::string> columns;  // --fields, with it
  std::optional<FieldList> group_by;
  std::string sort;  // empty: by first time, groups by their fields
  bool sort_descending = false;
  bool history = false;
  bool in_window = false;
  std::uint64_t rows_max = 0;      // 0: no limit
  bool rows_max_is_given = false;  // then an answer that is cut has its own exit code
};

CommandLine make_flows_command_line();

/// `on_terminal`: standard output is one, so that long answers are cut unless --limit says otherwise.
/// kInvalid for what cannot be asked together, and for unknown fields.
Result<FlowsOptions> read_flows_options(const CommandLine& command_line, bool on_terminal);

/// `--fields help`.
std::string explain_fields();

}  // namespace tapline::tools
