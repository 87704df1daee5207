#include "storage/query/hold_in_force.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "storage/query/plan.hpp"

namespace tapline::query {

using storage::Catalog;
using storage::CatalogFile;
using storage::Hold;

namespace {

/// Where the packets of a window without a beginning begin.
TimeNs oldest_ns(const Catalog& catalog) {
  TimeNs oldest = TimeWindow::kUnlimitedUntil;
  for (const CatalogFile& file : catalog.segments) {
    if (!file.open) oldest = std::min(oldest, file.name.first_ns);
  }
  return oldest;
}

}  // namespace

std::uint64_t bytes_of_segment(const CatalogFile& segment) {
  std::error_code missing;
  const std::uintmax_t index = std::filesystem::file_size(storage::index_path_of(segment.path), missing);
  return segment.file_bytes + (missing ? 0 : index);
}

std::vector<Hold::Interval> find_holes(const TimeWindow& window, const Catalog& catalog) {
  const bool limited = window.since_ns != TimeWindow::kUnlimitedSince;
  const TimeNs first_ns = limited ? window.since_ns : oldest_ns(catalog);
  std::vector<Hold::Interval> holes;
  for (const CatalogFile& file : catalog.expired) {  // by first time
    const bool before = limited ? file.name.last_ns < first_ns : file.name.first_ns < first_ns;
    if (before || !window.touches(file.name.first_ns, file.name.last_ns)) continue;
    const bool close =
        !holes.empty() && file.name.first_ns <= saturating_add(holes.back().last_ns, kNsPerSecond);
    if (close || holes.size() == Hold::kHolesMax) {
      holes.back().last_ns = std::max(holes.back().last_ns, file.name.last_ns);
    } else {
      holes.push_back({file.name.first_ns, file.name.last_ns});
    }
  }
  return holes;
}

bool HoldInForce::covers(const CatalogFile& segment) const {
  if (damaged || !hold.request.window.touches(segment.name.first_ns, segment.name.last_ns)) return false;
  Catalog catalog;
  catalog.segments.push_back(segment);
  const Result<Plan> plan = make_plan(catalog, query, hold.request.window);
  if (!plan || !plan->segments.empty()) return true;
  return !plan->unreadable.empty() && plan->unreadable[0].error.code != ErrorCode::kNotFound;
}

bool HoldInForce::has_covered(std::uint64_t id_high) const {
  const auto judgement = judged.find(id_high);
  return judgement != judged.end() && judgement->second.covered;
}

std::vector<std::uint64_t> HoldInForce::segments() const {
  std::vector<std::uint64_t> ids;
  for (const auto& [id_high, judgement] : judged) {
    if (judgement.covered) ids.push_back(id_high);
  }
  std::ranges::sort(ids);
  return ids;
}

void HoldInForce::count() {
  hold.segments = hold.bytes = hold.segments_over_quota = 0;
  for (const auto& [id_high, judgement] : judged) {
    hold.segments += judgement.covered ? 1 : 0;
    hold.bytes += judgement.covered ? judgement.bytes : 0;
    hold.segments_over_quota += judgement.over_quota ? 1 : 0;
  }
}

}  // namespace tapline::query
