#include "tools/session_rows.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

namespace tapline::tools {
namespace {

/// The fields that are summed in a group, after the number of sessions.
constexpr std::array<std::string_view, 10> kSummed = {
    "orig_packets",  "resp_packets",       "orig_frame_bytes",   "resp_frame_bytes", "orig_ip_bytes",
    "resp_ip_bytes", "orig_payload_bytes", "resp_payload_bytes", "egress",           "ingress"};

struct Group {
  std::vector<FieldValue> keys;
  std::uint64_t sessions = 0;
  std::array<std::uint64_t, kSummed.size()> sums{};
};

/// Text that two sessions share if and only if they are equal by all fields.
std::string group_name(std::span<const FieldValue> keys, TextBuffer& buffer) {
  constexpr char kSeparator = '\x1f';  // no field's text holds it
  buffer.clear();
  for (const FieldValue& key : keys) {
    append_plain(buffer, key);
    buffer.push_back(kSeparator);
  }
  return {buffer.data(), buffer.size()};
}

void add_session(const SessionView& view, std::span<const SessionField* const> summed, Group& group) {
  ++group.sessions;
  for (std::size_t i = 0; i < summed.size(); ++i) {
    group.sums[i] += std::get<std::uint64_t>(summed[i]->value(view));
  }
}

std::vector<FieldValue> row_of(const Group& group) {
  std::vector<FieldValue> row = group.keys;
  row.emplace_back(group.sessions);
  for (const std::uint64_t sum : group.sums) row.emplace_back(sum);
  return row;
}

}  // namespace

void sort_rows(std::vector<SessionRow>& rows, const SessionField& field, bool descending,
               const FieldContext& context) {
  std::vector<std::pair<FieldValue, SessionRow>> keyed;
  keyed.reserve(rows.size());
  for (const SessionRow& row : rows) keyed.emplace_back(field.value(SessionView(row, context)), row);
  std::ranges::sort(keyed, [descending](const auto& a, const auto& b) {
    if (a.first != b.first) return descending ? b.first < a.first : a.first < b.first;
    return std::tie(a.second.record->uid, a.second.record->seq) <
           std::tie(b.second.record->uid, b.second.record->seq);
  });
  std::ranges::transform(keyed, rows.begin(), [](const auto& pair) { return pair.second; });
}

Status write_rows(std::span<const SessionRow> rows, const FieldList& fields, const FieldContext& context,
                  RowWriter& writer) {
  std::vector<FieldValue> values(fields.size());
  for (const SessionRow& row : rows) {
    const SessionView view(row, context);
    for (std::size_t i = 0; i < fields.size(); ++i) values[i] = fields[i]->value(view);
    TAPLINE_TRY(writer.add(values));
  }
  return writer.finish();
}

GroupTable group_rows(std::span<const SessionRow> rows, const FieldList& keys, const FieldContext& context) {
  std::vector<const SessionField*> summed;
  summed.reserve(std::size(kSummed));
  for (const std::string_view name : kSummed) summed.push_back(find_session_field(name));
  std::unordered_map<std::string, Group> groups;
  std::vector<FieldValue> values(keys.size());
  TextBuffer buffer;
  for (const SessionRow& row : rows) {
    const SessionView view(row, context);
    for (std::size_t i = 0; i < keys.size(); ++i) values[i] = keys[i]->value(view);
    Group& group = groups[group_name(values, buffer)];
    if (group.sessions == 0) group.keys = values;
    add_session(view, summed, group);
  }
  GroupTable table;
  table.columns = columns_of(keys);
  table.columns.push_back({"sessions", true});
  for (const std::string_view name : kSummed) table.columns.push_back({name, true});
  for (const auto& [name, group] : groups) table.rows.push_back(row_of(group));
  std::ranges::sort(table.rows);
  return table;
}

Result<std::size_t> find_column(const GroupTable& table, std::string_view name, std::string_view what) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  if (found != table.columns.end()) return static_cast<std::size_t>(found - table.columns.begin());
  std::string known;
  for (const Column& column : table.columns) {
    known += (known.empty() ? "" : ", ");
    known += column.name;
  }
  return Error{
      ErrorCode::kInvalid,
      fmt::format("{}: '{}' is not one of the columns that --group-by makes: {}", what, name, known)};
}

void sort_groups(GroupTable& table, std::size_t column, bool descending) {
  std::ranges::stable_sort(table.rows, [&](const auto& a, const auto& b) {
    return descending ? b[column] < a[column] : a[column] < b[column];
  });
}

void select_columns(GroupTable& table, std::span<const std::size_t> columns) {
  const auto pick = [&](const auto& all) {
    std::remove_cvref_t<decltype(all)> picked;
    for (const std::size_t column : columns) picked.push_back(all[column]);
    return picked;
  };
  table.columns = pick(table.columns);
  for (std::vector<FieldValue>& row : table.rows) row = pick(row);
}

Status write_groups(const GroupTable& table, std::size_t rows_max, RowWriter& writer) {
  for (std::size_t i = 0; i < std::min(rows_max, table.rows.size()); ++i) {
    TAPLINE_TRY(writer.add(table.rows[i]));
  }
  return writer.finish();
}

}  // namespace tapline::tools
