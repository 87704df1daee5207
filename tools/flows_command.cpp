// tapline flows: sessions as a table, JSON or CSV.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "storage/query/coverage.hpp"
#include "storage/query/packet_expiry.hpp"
#include "storage/query/session_history.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/flows_options.hpp"
#include "tools/report.hpp"
#include "tools/session_rows.hpp"

namespace tapline::tools {
namespace {

struct FoundSessions {
  storage::Catalog catalog;
  std::vector<SessionRecord> records;
  std::vector<bool> crosses_edge;  // of each record; empty unless --in-window
  std::vector<Error> unreadable;
  query::Coverage coverage;
};

Status find_rows(const FlowsOptions& options, FoundSessions& found) {
  if (options.in_window) {
    Result<query::WindowedAnswer> answer = query::find_sessions_in_window(found.catalog, options.question);
    if (!answer) return answer.error();
    for (query::WindowedSession& windowed : answer->sessions) {
      found.records.push_back(windowed.session);
      found.crosses_edge.push_back(windowed.crosses_edge);
    }
    found.unreadable = std::move(answer->unreadable);
    return {};
  }
  Result<query::SessionAnswer> answer = query::find_sessions(found.catalog, options.question);
  if (!answer) return answer.error();
  found.records = std::move(answer->sessions);
  found.unreadable = std::move(answer->unreadable);
  if (options.history) found.records = query::find_history(found.catalog, found.records, found.unreadable);
  return {};
}

/// The coverage first: what it says to be complete is in the files that are listed after it.
Result<FoundSessions> find_in_store(const storage::Store& store, const FlowsOptions& options) {
  FoundSessions found;
  Result<query::Coverage> coverage =
      query::read_coverage(store, options.question.window, query::QuestionKind::kSessions);
  if (!coverage) return coverage.error();
  Result<storage::Catalog> catalog = storage::Catalog::scan(store);
  if (!catalog) return catalog.error();
  found.coverage = std::move(*coverage);
  found.catalog = std::move(*catalog);
  TAPLINE_TRY(find_rows(options, found));
  found.coverage.add_unreadable_files(found.catalog.sessions, found.unreadable);
  return found;
}

std::vector<SessionRow> rows_of(const FoundSessions& found) {
  std::vector<SessionRow> rows;
  rows.reserve(found.records.size());
  for (std::size_t i = 0; i < found.records.size(); ++i) {
    SessionRow row{&found.records[i], std::nullopt};
    if (!found.crosses_edge.empty()) row.crosses_edge = found.crosses_edge[i];
    rows.push_back(row);
  }
  return rows;
}

std::size_t rows_shown(const FlowsOptions& options, std::size_t rows) {
  return options.rows_max == 0 ? rows
                               : static_cast<std::size_t>(std::min<std::uint64_t>(options.rows_max, rows));
}

/// Writes rows or groups; the number of those that the answer has, shown or not.
Result<std::size_t> write_sessions(const FlowsOptions& options, std::vector<SessionRow>& rows,
                                   TextOutput& output) {
  if (!options.sort.empty()) {
    sort_rows(rows, *find_session_field(options.sort), options.sort_descending, options.context);
  }
  const FieldList fields = options.fields ? *options.fields : default_fields(options.format);
  const auto writer = make_row_writer(options.format, columns_of(fields), output);
  const std::span<const SessionRow> shown = std::span(rows).first(rows_shown(options, rows.size()));
  TAPLINE_TRY(write_rows(shown, fields, options.context, *writer));
  return rows.size();
}

Status arrange_groups(const FlowsOptions& options, GroupTable& table) {
  if (!options.sort.empty()) {
    const Result<std::size_t> column = find_column(table, options.sort, "--sort");
    if (!column) return column.error();
    sort_groups(table, *column, options.sort_descending);
  }
  if (!options.columns) return {};
  std::vector<std::size_t> columns;
  for (const std::string_view name : split_list(*options.columns)) {
    const Result<std::size_t> column = find_column(table, name, "--fields");
    if (!column) return column.error();
    columns.push_back(*column);
  }
  select_columns(table, columns);
  return {};
}

Result<std::size_t> write_grouped(const FlowsOptions& options, const std::vector<SessionRow>& rows,
                                  TextOutput& output) {
  GroupTable table = group_rows(rows, *options.group_by, options.context);
  TAPLINE_TRY(arrange_groups(options, table));
  const auto writer = make_row_writer(options.format, table.columns, output);
  TAPLINE_TRY(write_groups(table, rows_shown(options, table.rows.size()), *writer));
  return table.rows.size();
}

const char* rows_name(const FlowsOptions& options) {
  if (options.group_by) return "groups";
  return options.history ? "records" : "sessions";
}

bool asks_for_os_labels(const FlowsOptions& options) {
  const auto any = [](const std::optional<FieldList>& fields) {
    return fields && std::ranges::any_of(*fields, &SessionField::needs_os_labels);
  };
  const SessionField* const sort = find_session_field(options.sort);
  return any(options.fields) || any(options.group_by) || (sort != nullptr && sort->needs_os_labels);
}

/// Without the file there are no labels, and a note.
Status load_os_labels(std::optional<OsLabels>& labels) {
  Result<OsLabels> loaded = OsLabels::load(OsLabels::kDebianPath);
  if (loaded) {
    labels = std::move(*loaded);
    return {};
  }
  if (loaded.error().code != ErrorCode::kNotFound) return loaded.error();
  fmt::print(stderr,
             "tapline flows: os_client and os_server are empty: there is no {} (Debian package p0f)\n",
             OsLabels::kDebianPath);
  return {};
}

int list_sessions(const storage::Store& store, const CommandLine& command_line, FlowsOptions options) {
  const Result<FoundSessions> found = find_in_store(store, options);
  if (!found) return report_error("flows", found.error());
  const query::PacketExpiry packet_expiry(found->catalog);
  options.context.packet_expiry = &packet_expiry;
  std::optional<OsLabels> os_labels;
  if (asks_for_os_labels(options)) {
    if (const Status loaded = load_os_labels(os_labels); !loaded)
      return report_error("flows", loaded.error());
  }
  if (os_labels) options.context.os_labels = &*os_labels;
  std::vector<SessionRow> rows = rows_of(*found);
  TextOutput output = TextOutput::standard();
  const Result<std::size_t> count =
      options.group_by ? write_grouped(options, rows, output) : write_sessions(options, rows, output);
  if (!count && output.broken_pipe()) return kExitError;
  if (!count) return report_error("flows", count.error());

  const int exit_code = report_coverage("flows", command_line, found->coverage, *count > 0);
  const std::size_t shown = rows_shown(options, *count);
  if (shown == *count) return exit_code;
  fmt::print(stderr, "{} of {} {} shown; --limit 0 shows all\n", shown, *count, rows_name(options));
  if (!options.rows_max_is_given || command_line.has("exit-zero")) return exit_code;
  return kExitCutShort;
}

}  // namespace

int run_flows(const Arguments& arguments) {
  CommandLine command_line = make_flows_command_line();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("flows", parsed.error());
  if (!*parsed) return kExitOk;
  if (command_line.text("fields") == "help") {
    fmt::print("{}", explain_fields());
    return kExitOk;
  }
  Result<FlowsOptions> options = read_flows_options(command_line, is_terminal(STDOUT_FILENO));
  if (!options) return report_error("flows", options.error());
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("flows", store.error());
  return list_sessions(*store, command_line, std::move(*options));
}

}  // namespace tapline::tools
