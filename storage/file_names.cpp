#include "storage/file_names.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace tapline::storage {
namespace {

constexpr std::size_t kTimeChars = 26;  // format_compact

template <class T>
bool take_number(std::string_view& text, int base, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_text(std::string_view& text, std::string_view expected) {
  if (text.substr(0, expected.size()) != expected) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_time(std::string_view& text, TimeNs& value) {
  if (text.size() < kTimeChars) return false;
  const auto time = parse_compact(text.substr(0, kTimeChars));
  if (!time) return false;
  value = *time;
  text.remove_prefix(kTimeChars);
  return true;
}

/// `open-` and 32 hexadecimal digits.
bool take_open_digits(std::string_view& text, std::string_view& digits) {
  constexpr std::size_t kDigits = 2 * std::tuple_size_v<SegmentId>;
  if (!take_text(text, "open-") || text.size() < kDigits) return false;
  digits = text.substr(0, kDigits);
  text.remove_prefix(kDigits);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::uint64_t id_high(const SegmentId& id) {
  return load_be64(id.data());
}

std::string final_name(const FinalName& name, std::string_view suffix) {
  return fmt::format("{}_{}_p{}_w{}_{:016x}{}", format_compact(name.first_ns), format_compact(name.last_ns),
                     name.port, name.worker, name.id_high, suffix);
}

std::string open_name(const SegmentId& id, std::string_view suffix) {
  return fmt::format("open-{}{}{}", format_segment_id(id), suffix, kOpenSuffix);
}

std::optional<FinalName> parse_final_name(std::string_view file_name, std::string_view suffix) {
  FinalName name;
  const bool parsed = take_time(file_name, name.first_ns) && take_text(file_name, "_") &&
                      take_time(file_name, name.last_ns) && take_text(file_name, "_p") &&
                      take_number(file_name, 10, name.port) && take_text(file_name, "_w") &&
                      take_number(file_name, 10, name.worker) && take_text(file_name, "_") &&
                      file_name.size() == 16 + suffix.size() && take_number(file_name, 16, name.id_high) &&
                      file_name == suffix;
  if (!parsed) return std::nullopt;
  return name;
}

std::optional<FinalName> parse_final_path(std::string_view path, std::string_view suffix) {
  const std::size_t slash = path.rfind('/');
  return parse_final_name(path.substr(slash == std::string_view::npos ? 0 : slash + 1), suffix);
}

bool is_open_name(std::string_view file_name, std::string_view suffix) {
  std::string_view digits;
  return take_open_digits(file_name, digits) && take_text(file_name, suffix) && file_name == kOpenSuffix;
}

std::optional<std::uint64_t> parse_open_id_high(std::string_view file_name) {
  std::string_view digits;
  if (!file_name.ends_with(kOpenSuffix) || !take_open_digits(file_name, digits)) return std::nullopt;
  std::string_view high = digits.substr(0, 16);
  std::uint64_t id_high = 0;
  take_number(high, 16, id_high);
  return id_high;
}

std::string step_name(const SegmentId& id, std::uint32_t first_block, std::uint32_t end_block) {
  return fmt::format("open-{}.{}-{}{}", format_segment_id(id), first_block, end_block, kIndexSuffix);
}

std::optional<StepName> parse_step_name(std::string_view file_name) {
  StepName step;
  std::string_view digits;
  const bool parsed = take_open_digits(file_name, digits) && take_text(file_name, ".") &&
                      take_number(file_name, 10, step.first_block) && take_text(file_name, "-") &&
                      take_number(file_name, 10, step.end_block) && file_name == kIndexSuffix;
  if (!parsed || step.first_block >= step.end_block) return std::nullopt;
  step.open_digits = digits;
  return step;
}

Result<std::vector<std::string>> list_names(const std::string& directory) {
  constexpr int kListingsMax = 16;
  std::vector<std::string> before;
  for (int listing = 0; listing < kListingsMax; ++listing) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) return Error{ErrorCode::kIo, fmt::format("cannot list {}: {}", directory, error.message())};
    std::ranges::sort(names);
    if (listing > 0 && names == before) break;
    before = std::move(names);
  }
  return before;
}

}  // namespace tapline::storage
