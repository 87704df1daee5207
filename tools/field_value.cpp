#include "tools/field_value.hpp"

#include "storage/query/filter_field.hpp"
#include "storage/query/json_text.hpp"

namespace tapline::tools {
namespace {

void append(TextBuffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

void append_seconds(TextBuffer& out, std::uint64_t ns) {
  constexpr std::uint64_t kSecond = kNsPerSecond;
  fmt::format_to(fmt::appender(out), "{}.{:09}", ns / kSecond, ns % kSecond);
}

/// Text of the alternatives that have the same one everywhere.
struct PlainText {
  TextBuffer& out;

  void operator()(Absent) const {}
  void operator()(bool value) const { append(out, value ? "true" : "false"); }
  void operator()(std::uint64_t value) const {
    const fmt::format_int text(value);
    append(out, {text.data(), text.size()});
  }
  void operator()(double value) const { fmt::format_to(fmt::appender(out), "{:.4f}", value); }
  void operator()(Moment value) const { append(out, format_rfc3339(value.time_ns)); }
  void operator()(Span value) const { append_seconds(out, value.ns); }
  void operator()(TcpFlags value) const { append(out, query::tcp_flags_text(value.bits)); }
  void operator()(const WireAddress& value) const {
    append(out, format_wire_address(value.address, value.ipv6));
  }
  void operator()(const Uid& value) const { append(out, format_uid(value)); }
  void operator()(const VlanList& value) const {
    for (unsigned i = 0; i < value.count; ++i) {
      fmt::format_to(fmt::appender(out), "{}{}", i == 0 ? "" : " ", value.ids[i]);
    }
  }
  void operator()(const std::string& value) const { append(out, value); }
};

bool is_json_text(const FieldValue& value) {
  return std::holds_alternative<Moment>(value) || std::holds_alternative<TcpFlags>(value) ||
         std::holds_alternative<WireAddress>(value) || std::holds_alternative<Uid>(value);
}

}  // namespace

void append_plain(TextBuffer& out, const FieldValue& value) {
  std::visit(PlainText{out}, value);
}

void append_json(TextBuffer& out, const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    append(out, query::json_string(*text));
  } else if (const auto* list = std::get_if<VlanList>(&value)) {
    out.push_back('[');
    for (unsigned i = 0; i < list->count; ++i) {
      fmt::format_to(fmt::appender(out), "{}{}", i == 0 ? "" : ",", list->ids[i]);
    }
    out.push_back(']');
  } else if (is_json_text(value)) {  // nothing in these needs escaping
    out.push_back('"');
    append_plain(out, value);
    out.push_back('"');
  } else {
    append_plain(out, value);
  }
}

void append_cell(TextBuffer& out, const FieldValue& value) {
  constexpr std::size_t kDigitsCut = 6;  // of nine
  if (is_absent(value)) {
    out.push_back('-');
  } else if (const auto* moment = std::get_if<Moment>(&value)) {
    std::string text = format_rfc3339(moment->time_ns);
    text.erase(text.size() - 1 - kDigitsCut, kDigitsCut);
    append(out, text);
  } else if (std::holds_alternative<Span>(value)) {
    append_plain(out, value);
    out.resize(out.size() - kDigitsCut);
  } else {
    append_plain(out, value);
  }
}

void append_csv(TextBuffer& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return append(out, text);
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace tapline::tools
