#include "storage/expired_intervals.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "capture/base/file.hpp"

namespace tapline::storage {
namespace {

constexpr std::size_t kIntervalsMax = 4096;
constexpr std::size_t kLineChars = 26 + 1 + 26 + 1;  // two times of format_compact(), `_`, line break
constexpr std::size_t kFileBytesMax = 2 * kIntervalsMax * kLineChars;

std::optional<ExpiredInterval> parse_line(std::string_view line) {
  if (line.size() + 1 != kLineChars || line[26] != '_') return std::nullopt;
  const auto first_ns = parse_compact(line.substr(0, 26));
  const auto last_ns = parse_compact(line.substr(27));
  if (!first_ns || !last_ns || *first_ns > *last_ns) return std::nullopt;
  return ExpiredInterval{*first_ns, *last_ns};
}

/// Unsigned: times may be centuries apart.
std::uint64_t gap_ns(const ExpiredInterval& before, const ExpiredInterval& after) {
  if (after.first_ns <= before.last_ns) return 0;
  return static_cast<std::uint64_t>(after.first_ns) - static_cast<std::uint64_t>(before.last_ns);
}

std::vector<ExpiredInterval> join_gaps(const std::vector<ExpiredInterval>& sorted, std::uint64_t gap_ns_max) {
  std::vector<ExpiredInterval> joined;
  for (const ExpiredInterval& interval : sorted) {
    if (!joined.empty() && gap_ns(joined.back(), interval) <= gap_ns_max) {
      joined.back().last_ns = std::max(joined.back().last_ns, interval.last_ns);
    } else {
      joined.push_back(interval);
    }
  }
  return joined;
}

}  // namespace

std::vector<ExpiredInterval> merge_intervals(std::vector<ExpiredInterval> intervals,
                                             std::size_t intervals_max) {
  std::ranges::sort(intervals, {}, &ExpiredInterval::first_ns);
  intervals = join_gaps(intervals, static_cast<std::uint64_t>(kNsPerSecond));
  if (intervals.size() <= intervals_max) return intervals;
  std::vector<std::uint64_t> gaps;
  for (std::size_t i = 1; i < intervals.size(); ++i) gaps.push_back(gap_ns(intervals[i - 1], intervals[i]));
  const std::size_t surplus = intervals.size() - intervals_max;
  std::ranges::nth_element(gaps, gaps.begin() + static_cast<std::ptrdiff_t>(surplus) - 1);
  return join_gaps(intervals, gaps[surplus - 1]);
}

std::string expired_intervals_path(const std::string& directory) {
  return directory + "/expired-intervals";
}

Result<std::vector<ExpiredInterval>> load_expired_intervals(const std::string& directory) {
  const std::string path = expired_intervals_path(directory);
  Result<File> file = File::open_read(path);
  if (!file && file.error().code == ErrorCode::kNotFound) return std::vector<ExpiredInterval>();
  if (!file) return file.error();
  std::vector<std::uint8_t> bytes(kFileBytesMax + 1);
  const Result<std::size_t> count = file->read(bytes);
  if (!count) return count.error();
  if (*count > kFileBytesMax)
    return Error{ErrorCode::kCorrupt, fmt::format("{}: over {} bytes", path, kFileBytesMax)};
  return parse_expired_intervals({reinterpret_cast<const char*>(bytes.data()), *count}, path);
}

Result<std::vector<ExpiredInterval>> parse_expired_intervals(std::string_view text, const std::string& path) {
  std::vector<ExpiredInterval> intervals;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::optional<ExpiredInterval> interval = parse_line(line);
    if (!interval)
      return Error{ErrorCode::kCorrupt,
                   fmt::format("{}: line {} is not an interval", path, intervals.size() + 1)};
    intervals.push_back(*interval);
  }
  return intervals;
}

Status fold_expired_intervals(Disk& disk, const std::string& directory,
                              const std::vector<ExpiredInterval>& intervals) {
  Result<std::vector<ExpiredInterval>> all = load_expired_intervals(directory);
  if (!all) return all.error();
  all->insert(all->end(), intervals.begin(), intervals.end());
  std::string text;
  for (const ExpiredInterval& interval : merge_intervals(std::move(*all), kIntervalsMax)) {
    text += fmt::format("{}_{}\n", format_compact(interval.first_ns), format_compact(interval.last_ns));
  }
  return disk.publish_file(expired_intervals_path(directory),
                           {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace tapline::storage
