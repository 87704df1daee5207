#include "tools/row_writer.hpp"

#include <algorithm>

#include "storage/query/json_text.hpp"

namespace tapline::tools {
namespace {

void append(TextBuffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

class JsonWriter final : public RowWriter {
 public:
  JsonWriter(const std::vector<Column>& columns, TextOutput& output) : output_(output) {
    for (const Column& column : columns) names_.push_back(query::json_string(column.name) + ':');
  }

  Status add(std::span<const FieldValue> values) override {
    TextBuffer& out = output_.buffer();
    out.push_back('{');
    bool first = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (is_absent(values[i])) continue;
      if (!first) out.push_back(',');
      first = false;
      append(out, names_[i]);
      append_json(out, values[i]);
    }
    append(out, "}\n");
    return output_.flush_if_full();
  }

  Status finish() override { return output_.flush(); }

 private:
  TextOutput& output_;
  std::vector<std::string> names_;  // quoted, with colon
};

class CsvWriter final : public RowWriter {
 public:
  CsvWriter(const std::vector<Column>& columns, TextOutput& output) : output_(output) {
    for (const Column& column : columns) {
      if (&column != &columns.front()) output_.buffer().push_back(',');
      append_csv(output_.buffer(), column.name);
    }
    append(output_.buffer(), "\r\n");
  }

  Status add(std::span<const FieldValue> values) override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) output_.buffer().push_back(',');
      text_.clear();
      append_plain(text_, values[i]);
      append_csv(output_.buffer(), {text_.data(), text_.size()});
    }
    append(output_.buffer(), "\r\n");
    return output_.flush_if_full();
  }

  Status finish() override { return output_.flush(); }

 private:
  TextOutput& output_;
  TextBuffer text_;
};

/// Headings are the fields' names, so that they can be used as they stand; orig_ and resp_ go above the rest
/// of the name, which halves the width.
class TableWriter final : public RowWriter {
 public:
  TableWriter(std::vector<Column> columns, TextOutput& output)
      : columns_(std::move(columns)), output_(output), widths_(columns_.size(), 0) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      widths_[i] = std::max(upper_heading(i).size(), lower_heading(i).size());
    }
  }

  Status add(std::span<const FieldValue> values) override {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t begin = cells_.size();
      append_cell(cells_, values[i]);
      const std::size_t bytes = cells_.size() - begin;
      widths_[i] = std::max(widths_[i], bytes);
      cell_bytes_.push_back(static_cast<std::uint32_t>(bytes));
    }
    return {};
  }

  Status finish() override {
    if (cell_bytes_.empty()) return output_.flush();
    const auto is_split = [this](std::size_t i) { return !upper_heading(i).empty(); };
    std::size_t split = 0;
    while (split < columns_.size() && !is_split(split)) ++split;
    if (split < columns_.size()) append_line([this](std::size_t i) { return upper_heading(i); });
    append_line([this](std::size_t i) { return lower_heading(i); });
    const char* cell = cells_.data();
    for (std::size_t row = 0; row < cell_bytes_.size(); row += columns_.size()) {
      append_line([&](std::size_t i) {
        const std::string_view text(cell, cell_bytes_[row + i]);
        cell += text.size();
        return text;
      });
      TAPLINE_TRY(output_.flush_if_full());
    }
    return output_.flush();
  }

 private:
  static constexpr std::string_view kGap = "  ";

  static std::size_t prefix_bytes(std::string_view name) {
    return name.starts_with("orig_") || name.starts_with("resp_") ? 5 : 0;
  }
  std::string_view upper_heading(std::size_t i) const {
    return columns_[i].name.substr(0, prefix_bytes(columns_[i].name));
  }
  std::string_view lower_heading(std::size_t i) const {
    return columns_[i].name.substr(prefix_bytes(columns_[i].name));
  }

  template <class Cell>
  void append_line(Cell cell) {
    TextBuffer& out = output_.buffer();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string_view text = cell(i);
      const std::size_t padding = widths_[i] - std::min(widths_[i], text.size());
      if (columns_[i].is_number) append_blanks(padding);
      append(out, text);
      if (!columns_[i].is_number) append_blanks(padding);
      append(out, kGap);
    }
    while (out.size() > 0 && out[out.size() - 1] == ' ') out.resize(out.size() - 1);
    out.push_back('\n');
  }

  void append_blanks(std::size_t count) {
    for (; count > 0; --count) output_.buffer().push_back(' ');
  }

  std::vector<Column> columns_;
  TextOutput& output_;
  std::vector<std::size_t> widths_;
  TextBuffer cells_;
  std::vector<std::uint32_t> cell_bytes_;
};

}  // namespace

std::unique_ptr<RowWriter> make_row_writer(RowFormat format, std::vector<Column> columns,
                                           TextOutput& output) {
  switch (format) {
    case RowFormat::kJson:
      return std::make_unique<JsonWriter>(columns, output);
    case RowFormat::kCsv:
      return std::make_unique<CsvWriter>(columns, output);
    case RowFormat::kTable:
      break;
  }
  return std::make_unique<TableWriter>(std::move(columns), output);
}

}  // namespace tapline::tools
