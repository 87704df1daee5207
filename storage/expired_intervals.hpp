#pragma once
// Expired intervals: when a ring has dropped what. An evicted file first leaves an empty `.expired` file of
// its name; when there are many, they are folded into one text file of intervals, so that years of eviction
// neither fill a directory nor slow down its listing.

#include <string>
#include <string_view>
#include <vector>

#include "capture/base/time.hpp"
#include "storage/disk/disk.hpp"

namespace tapline::storage {

/// Capture times, both ends included.
struct ExpiredInterval {
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
};

/// Sorted and disjoint; those with less than a second between them are one. Of more than `intervals_max`,
/// those that are nearest to each other are one, too: what was between them is then called expired.
std::vector<ExpiredInterval> merge_intervals(std::vector<ExpiredInterval> intervals,
                                             std::size_t intervals_max);

std::string expired_intervals_path(const std::string& directory);
/// Of a directory; none where there is no such file. kCorrupt names file and line.
Result<std::vector<ExpiredInterval>> load_expired_intervals(const std::string& directory);
/// The same of what was read elsewhere; `path` stands in messages.
Result<std::vector<ExpiredInterval>> parse_expired_intervals(std::string_view text, const std::string& path);
/// Adds `intervals` to the directory's file. Whoever removes their `.expired` files then loses nothing.
Status fold_expired_intervals(Disk& disk, const std::string& directory,
                              const std::vector<ExpiredInterval>& intervals);

}  // namespace tapline::storage
