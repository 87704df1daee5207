#include "storage/query/filter_error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace tapline::query {
namespace {

constexpr std::size_t kContextChars = 60;  // on either side of the column: fits a terminal with its indent
constexpr std::string_view kElision = "...";
constexpr std::size_t kSuggestionsMax = 3;
constexpr std::size_t kWordCharsMax = 40;  // longer words resemble no name of ours

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::size_t back_up(std::string_view text, std::size_t at, std::size_t count) {
  for (; count > 0 && at > 0; --count) {
    do --at;
    while (at > 0 && is_continuation(text[at]));
  }
  return at;
}

std::size_t advance(std::string_view text, std::size_t at, std::size_t count) {
  for (; count > 0 && at < text.size(); --count) {
    do ++at;
    while (at < text.size() && is_continuation(text[at]));
  }
  return at;
}

std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return shown;
}

/// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b` (optimal string
/// alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> cost((a.size() + 1) * width);
  for (std::size_t j = 0; j < width; ++j) cost[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t* const row = cost.data() + i * width;
    const std::size_t* const above = row - width;
    row[0] = i;
    for (std::size_t j = 1; j < width; ++j) {
      row[j] = std::min({above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], *(above - width + j - 2) + 1);
    }
  }
  return cost.back();
}

bool shares_a_part(std::string_view word, std::string_view name) {
  return word.size() >= 3 && name.size() >= 3 &&
         (name.find(word) != std::string_view::npos || word.find(name) != std::string_view::npos);
}

}  // namespace

Error filter_error(std::string_view expression, const FilterMistake& mistake) {
  const std::size_t offset = std::min(mistake.offset, expression.size());
  const std::size_t begin = back_up(expression, offset, kContextChars);
  const std::size_t end = advance(expression, offset, kContextChars);
  const std::string_view lead = begin > 0 ? kElision : "";
  const std::string_view tail = end < expression.size() ? kElision : "";
  const std::size_t indent = lead.size() + characters(expression.substr(begin, offset - begin));
  return {mistake.code,
          fmt::format("filter: column {}: {}\n  {}{}{}\n  {:>{}}",
                      characters(expression.substr(0, offset)) + 1, printable(mistake.message), lead,
                      printable(expression.substr(begin, end - begin)), tail, '^', indent + 1)};
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kWordCharsMax) return "";
  struct Near {
    std::size_t distance;
    std::string_view name;
  };
  std::vector<Near> near;
  for (const std::string_view name : candidates) {
    const std::size_t distance = edit_distance(word, name);
    const std::size_t close = std::max<std::size_t>(1, name.size() / 3);
    if (distance <= close)
      near.push_back({distance, name});
    else if (shares_a_part(word, name))
      near.push_back({kWordCharsMax + distance, name});
  }
  if (near.empty()) return "";
  std::stable_sort(near.begin(), near.end(),
                   [](const Near& a, const Near& b) { return a.distance < b.distance; });
  near.resize(std::min(near.size(), kSuggestionsMax));
  std::vector<std::string_view> names;
  names.reserve(near.size());
  for (const Near& item : near) names.push_back(item.name);
  return fmt::format("; did you mean {}?", fmt::join(names, ", "));
}

}  // namespace tapline::query
