#include "tools/os_labels.hpp"

#include <fmt/format.h>

#include "capture/base/file.hpp"

namespace tapline::tools {
namespace {

constexpr std::uint64_t kFileBytesMax = 16 << 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

Result<OsLabels> OsLabels::load(const std::string& path) {
  const Result<File> file = File::open_read(path);
  if (!file) return file.error();
  const Result<std::uint64_t> bytes = file->size_bytes();
  if (!bytes) return bytes.error();
  if (*bytes > kFileBytesMax)
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{}: {} bytes are more than the {} of a p0f.fp", path, *bytes, kFileBytesMax)};
  std::vector<std::uint8_t> content(*bytes);
  TAPLINE_TRY(file->pread_exact(0, content));
  return parse({reinterpret_cast<const char*>(content.data()), content.size()}, path);
}

Result<OsLabels> OsLabels::parse(std::string_view text, std::string_view name) {
  OsLabels labels;
  Section section = Section::kOther;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const Status parsed = labels.parse_line(trimmed(take_part(text, '\n')), section);
    if (!parsed)
      return Error{ErrorCode::kUnsupported, fmt::format("{}:{}: {}", name, number, parsed.error().context)};
  }
  return labels;
}

Status OsLabels::parse_line(std::string_view line, Section& section) {
  if (line.empty() || line.front() == ';') return {};
  if (line.front() == '[') {
    if (line.back() != ']')
      return Error{ErrorCode::kUnsupported, fmt::format("section '{}' does not end", line)};
    section = line == "[tcp:request]"    ? Section::kRequest
              : line == "[tcp:response]" ? Section::kResponse
                                         : Section::kOther;
    labels_.push_back({});  // signatures of a section need a label of it
    return {};
  }
  if (line.find('=') == std::string_view::npos)
    return Error{ErrorCode::kUnsupported, fmt::format("'{}' is neither a section nor NAME = VALUE", line)};
  const std::string_view key = trimmed(take_part(line, '='));
  const std::string_view value = trimmed(line);
  if (section == Section::kOther) return {};
  if (key == "label") return add_label(value);
  if (key == "sig") return add_signature(value, section);
  if (key == "sys") return {};  // where a program runs
  return Error{ErrorCode::kUnsupported, fmt::format("'{}' is not known here", key)};
}

// type:class:name:flavor; the flavor may be empty.
Status OsLabels::add_label(std::string_view text) {
  std::string_view rest = text;
  const std::string_view type = take_part(rest, ':');
  const std::string_view family = take_part(rest, ':');
  const std::string_view system = take_part(rest, ':');
  if ((type != "s" && type != "g") || family.empty() || system.empty())
    return Error{ErrorCode::kUnsupported, fmt::format("label '{}' is not TYPE:CLASS:NAME:FLAVOR", text)};
  labels_.push_back(
      {fmt::format("{}{}{}", system, rest.empty() ? "" : " ", rest), type == "g", family == "!"});
  return {};
}

Status OsLabels::add_signature(std::string_view text, Section section) {
  const Result<OsSignature> signature = OsSignature::parse(text);
  if (!signature) return signature.error();
  if (labels_.back().text.empty())
    return Error{ErrorCode::kUnsupported, "a signature before the first label"};
  (section == Section::kRequest ? requests_ : responses_).push_back({*signature, labels_.size() - 1});
  return {};
}

std::string_view OsLabels::find(const std::vector<Entry>& entries, const SynSignature& signature,
                                const SynSignature* syn) const {
  if (!signature.exists()) return {};
  const std::optional<WindowMultiple> multiple = window_multiple(signature, syn);
  const Label* generic = nullptr;
  const Label* fuzzy = nullptr;
  for (const Entry& entry : entries) {
    const Label& label = labels_[entry.label];
    const OsMatch match = entry.signature.match(signature, multiple);
    if (match == OsMatch::kExact && !label.is_generic) return label.text;
    if (match == OsMatch::kExact && generic == nullptr) generic = &label;
    if (match == OsMatch::kFuzzy && fuzzy == nullptr && !label.is_program) fuzzy = &label;
  }
  if (generic != nullptr) return generic->text;
  return fuzzy != nullptr ? std::string_view(fuzzy->text) : std::string_view();
}

}  // namespace tapline::tools
