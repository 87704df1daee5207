#include "storage/query/session_visit.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace tapline::query {
namespace {

/// Moves records[order[i]] to i, in place: a second copy of all records would double the peak of memory.
void permute(std::vector<SessionRecord>& records, std::vector<std::uint32_t>& order) {
  for (std::uint32_t start = 0; start < order.size(); ++start) {
    if (order[start] == start) continue;
    const SessionRecord held = records[start];
    std::uint32_t place = start;
    while (order[place] != start) {
      const std::uint32_t from = order[place];
      records[place] = records[from];
      order[place] = place;
      place = from;
    }
    records[place] = held;
    order[place] = place;
  }
}

}  // namespace

std::vector<std::string> session_paths(const storage::Catalog& catalog) {
  std::vector<std::string> paths;
  paths.reserve(catalog.sessions.size());
  for (const storage::CatalogFile& file : catalog.sessions) paths.push_back(file.path);
  return paths;
}

void order_sessions(std::vector<SessionRecord>& sessions) {
  std::vector<std::uint32_t> order(sessions.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto comes_before = [&](std::uint32_t left, std::uint32_t right) {
    const SessionRecord& a = sessions[left];
    const SessionRecord& b = sessions[right];
    return std::tie(a.first_ns, a.uid, b.seq) < std::tie(b.first_ns, b.uid, a.seq);
  };
  std::ranges::sort(order, comes_before);
  permute(sessions, order);
  const auto same_uid = [](const SessionRecord& a, const SessionRecord& b) { return a.uid == b.uid; };
  sessions.erase(std::unique(sessions.begin(), sessions.end(), same_uid), sessions.end());
}

std::uint64_t follow_open_sessions(const storage::Catalog& catalog, const TimeWindow& window,
                                   std::vector<Error>& unreadable, storage::NewestSessions& newest) {
  if (newest.open_sessions() == 0 || window.until_ns == TimeWindow::kUnlimitedUntil) return 0;
  const TimeWindow later{window.until_ns, TimeWindow::kUnlimitedUntil};
  return visit_records(catalog, later, unreadable, [&](const SessionRecord& record) {
    newest.update(record);
    return newest.open_sessions() > 0;
  });
}

}  // namespace tapline::query
