#include "tools/flows_options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tapline::tools {
namespace {

constexpr std::uint64_t kTerminalRowsMax = 100;

Error usage(std::string text) {
  return {ErrorCode::kInvalid, std::move(text)};
}

Status check_combinations(const CommandLine& command_line) {
  constexpr std::pair<const char*, const char*> kExclusive[] = {
      {"json", "csv"}, {"history", "group-by"}, {"history", "in-window"}};
  for (const auto& [one, other] : kExclusive) {
    if (command_line.has(one) && command_line.has(other)) {
      return usage(fmt::format("--{} and --{} cannot be used together", one, other));
    }
  }
  return {};
}

Status read_fields(const CommandLine& command_line, FlowsOptions& options) {
  if (command_line.has("group-by")) {
    Result<FieldList> keys = parse_fields(command_line.text("group-by"), "--group-by");
    if (!keys) return keys.error();
    options.group_by = std::move(*keys);
    if (command_line.has("fields")) options.columns = command_line.text("fields");
  } else if (command_line.has("fields")) {
    Result<FieldList> fields = parse_fields(command_line.text("fields"), "--fields");
    if (!fields) return fields.error();
    options.fields = std::move(*fields);
  }
  return {};
}

Status read_order(const CommandLine& command_line, FlowsOptions& options) {
  if (!command_line.has("sort")) return {};
  options.sort = command_line.text("sort");
  options.sort_descending = options.sort.starts_with('-');
  if (options.sort_descending) options.sort.erase(0, 1);
  if (options.group_by) return {};  // columns of groups are checked where they are made
  const Result<FieldList> field = parse_fields(options.sort, "--sort");
  if (!field) return field.error();
  if (field->size() != 1) return usage("--sort: one field is enough: ties are ordered by uid");
  return {};
}

Status read_limit(const CommandLine& command_line, bool on_terminal, FlowsOptions& options) {
  const Result<std::uint64_t> limit = command_line.number("limit", on_terminal ? kTerminalRowsMax : 0);
  if (!limit) return limit.error();
  options.rows_max = *limit;
  options.rows_max_is_given = command_line.has("limit");
  return {};
}

Status read_community_id_seed(const CommandLine& command_line, FlowsOptions& options) {
  const Result<std::uint64_t> seed = command_line.number("community-id-seed", 0, 0, 65'535);
  if (!seed) return seed.error();
  options.context.community_id_seed = static_cast<std::uint16_t>(*seed);
  return {};
}

}  // namespace

CommandLine make_flows_command_line() {
  CommandLine options(
      "usage: tapline flows --store DIR [FILTER] [OPTIONS]",
      "Lists sessions, one row each, with the newest numbers known. FILTER is one quoted string or several "
      "words:\n"
      "host 10.0.0.5 and port 443, a five-tuple 10.0.0.5:51000-203.0.113.9:80/tcp, a session's uid, a "
      "Community "
      "ID,\n"
      "session fields as in `egress > 100MiB and resp_payload_bytes = 0`. What the answer could not see is "
      "said on\n"
      "standard error, and by the exit code: 0 found, 4 nothing found, 5 cut short by --limit, 6 holes.",
      "FILTER");
  options.add_store();
  options.add_question();
  options.add_value("fields", "a,b,...", "show these, in this order; `--fields help` explains them all");
  options.add_value("sort", "[-]FIELD", "by this field, - for descending; default: by first time");
  options.add_value("limit", "N", "show at most N rows, 0: all; default: 100 on a terminal, else all");
  options.add_flag("history", "all records of each session, not only the newest");
  options.add_flag("in-window", "counters of the window alone, from the records that touch it");
  options.add_value("group-by", "a,b,...",
                    "one row for all sessions that are equal by these fields, with sums");
  options.add_value(
      "community-id-seed", "N",
      "seed of the Community IDs shown, as other sensors are set; filters take those of seed 0");
  options.add_flag("json", "one JSON object a line");
  options.add_flag("csv", "comma-separated values with a header (RFC 4180)");
  options.add_answer();
  return options;
}

Result<FlowsOptions> read_flows_options(const CommandLine& command_line, bool on_terminal) {
  TAPLINE_TRY(check_combinations(command_line));
  const Result<query::Filter> filter = command_line.filter();
  if (!filter) return filter.error();
  const Result<TimeWindow> window = command_line.window();
  if (!window) return window.error();
  const Result<std::vector<query::Network>> home_nets = command_line.home_nets();
  if (!home_nets) return home_nets.error();
  FlowsOptions options({*filter, *window, 0});
  options.context.home_nets = *home_nets;
  if (command_line.has("json")) options.format = RowFormat::kJson;
  if (command_line.has("csv")) options.format = RowFormat::kCsv;
  options.history = command_line.has("history");
  options.in_window = command_line.has("in-window");
  TAPLINE_TRY(read_fields(command_line, options));
  TAPLINE_TRY(read_order(command_line, options));
  TAPLINE_TRY(read_limit(command_line, on_terminal, options));
  TAPLINE_TRY(read_community_id_seed(command_line, options));
  return options;
}

std::string explain_fields() {
  std::size_t width = 0;
  for (const SessionField& field : session_fields()) width = std::max(width, field.name.size());
  std::string text;
  for (const SessionField& field : session_fields()) {
    text += fmt::format("{:<{}}  {}\n", field.name, width,
                        field.help.empty() ? "the same of the responder" : field.help);
  }
  return text;
}

}  // namespace tapline::tools
