#include "storage/file_names.hpp"

#include <fmt/core.h>

#include <charconv>

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

std::string index_step_name(const SegmentId& id, std::uint32_t first_block, std::uint32_t end_block) {
  return fmt::format("open-{}.{}-{}{}", format_segment_id(id), first_block, end_block, kIndexSuffix);
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

bool is_open_name(std::string_view file_name, std::string_view suffix) {
  if (!take_text(file_name, "open-") || file_name.size() != 32 + suffix.size() + kOpenSuffix.size())
    return false;
  if (file_name.find_first_not_of("0123456789abcdef") != 32) return false;
  file_name.remove_prefix(32);
  return take_text(file_name, suffix) && file_name == kOpenSuffix;
}

}  // namespace tapline::storage
