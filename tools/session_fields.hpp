#pragma once
// The fields of a session row, by the names of the JSON record (README.md): what --fields, --sort and
// --group-by choose from.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "capture/packet/session_record.hpp"
#include "storage/query/filter_network.hpp"
#include "storage/query/packet_expiry.hpp"
#include "tools/field_value.hpp"
#include "tools/os_labels.hpp"
#include "tools/row_writer.hpp"

namespace tapline::tools {

/// One line of an answer about sessions.
struct SessionRow {
  const SessionRecord* record = nullptr;
  std::optional<bool> crosses_edge;  // only where counters are sums within a window
};

struct FieldContext {
  std::vector<query::Network> home_nets = query::default_home_nets();
  std::uint16_t community_id_seed = 0;
  // Both outlive the context; null: nobody knows.
  const query::PacketExpiry* packet_expiry = nullptr;
  const OsLabels* os_labels = nullptr;
};

/// A row seen from its originator. Lives for one row.
struct SessionView {
  SessionView(const SessionRow& its_row, const FieldContext& its_context);

  const SessionRow& row;
  const FieldContext& context;
  const SessionRecord& record;
  bool orig_is_a;
  const DirectionState& orig;
  const DirectionState& resp;
};

struct SessionField {
  std::string_view name;
  bool is_number;
  bool in_record;  // part of the JSON record, and of CSV, where no --fields are given
  FieldValue (*value)(const SessionView&);
  std::string_view help;
  bool needs_os_labels = false;  // has no value without FieldContext::os_labels
};

std::span<const SessionField> session_fields();
/// Null where there is none of this name.
const SessionField* find_session_field(std::string_view name);

/// `a,b,c` -> a, b, c.
std::vector<std::string_view> split_list(std::string_view list);

using FieldList = std::vector<const SessionField*>;

/// `a,b,c` in this order; `what` is the option's name. kInvalid names what is unknown or not yet measured,
/// and lists what there is.
Result<FieldList> parse_fields(std::string_view list, std::string_view what);
/// What --json and --csv show, or the table, without --fields.
FieldList default_fields(RowFormat format);
std::vector<Column> columns_of(const FieldList& fields);

}  // namespace tapline::tools
