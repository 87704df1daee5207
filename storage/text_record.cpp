#include "storage/text_record.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "capture/base/file.hpp"

namespace tapline::storage {

Result<TextRecord> TextRecord::load(const std::string& path) {
  Result<File> file = File::open_read(path);
  if (!file) return file.error();
  std::vector<std::uint8_t> bytes(kBytesMax + 1);
  const Result<std::size_t> count = file->read(bytes);
  if (!count) return count.error();
  if (*count > kBytesMax) return Error{ErrorCode::kCorrupt, fmt::format("{}: over 64 KiB", path)};
  return parse({reinterpret_cast<const char*>(bytes.data()), *count}, path);
}

Result<TextRecord> TextRecord::parse(std::string_view text, const std::string& path) {
  TextRecord record;
  record.path_ = path;
  if (!text.empty() && !text.ends_with('\n')) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: its last line has no line break: the file was cut", path)};
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    const std::size_t split = line.find(" = ");
    if (split == std::string_view::npos) {
      return Error{ErrorCode::kCorrupt,
                   fmt::format("{}: '{}' is not a line of the form name = value", path, line)};
    }
    record.set(line.substr(0, split), line.substr(split + 3));
  }
  return record;
}

std::string TextRecord::content() const {
  std::string text;
  for (const auto& [name, value] : lines_) text += fmt::format("{} = {}\n", name, value);
  return text;
}

Status TextRecord::publish(Disk& disk, const std::string& path) const {
  const std::string text = content();
  return disk.publish_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void TextRecord::set(std::string_view name, std::string_view value) {
  std::string line(value);
  std::ranges::replace(line, '\n', ' ');
  const auto found = std::ranges::find(lines_, name, &std::pair<std::string, std::string>::first);
  if (found != lines_.end()) {
    found->second = std::move(line);
  } else {
    lines_.emplace_back(name, std::move(line));
  }
}

bool TextRecord::has(std::string_view name) const {
  return std::ranges::find(lines_, name, &std::pair<std::string, std::string>::first) != lines_.end();
}

std::string TextRecord::text(std::string_view name) const {
  const auto found = std::ranges::find(lines_, name, &std::pair<std::string, std::string>::first);
  return found != lines_.end() ? found->second : std::string();
}

template <class T>
Result<T> TextRecord::parse_number(std::string_view name) const {
  const std::string value = text(name);
  T number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    return Error{ErrorCode::kCorrupt, fmt::format("{}: '{}' is '{}', not a number", path_, name, value)};
  }
  return number;
}

Result<std::uint64_t> TextRecord::number(std::string_view name) const {
  return parse_number<std::uint64_t>(name);
}
Result<std::int64_t> TextRecord::signed_number(std::string_view name) const {
  return parse_number<std::int64_t>(name);
}

}  // namespace tapline::storage
