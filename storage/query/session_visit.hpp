#pragma once
// What every question about sessions does: look at the records of a window, and put sessions into order.

#include <span>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/session_newest.hpp"
#include "storage/session_scan.hpp"

namespace tapline::query {

std::vector<std::string> session_paths(const storage::Catalog& catalog);

inline bool touches(const TimeWindow& window, const SessionRecord& record) {
  return window.touches(record.delta_first_ns, record.delta_last_ns);
}

/// Calls visit(const SessionRecord&) for the records that touch the window, and those that a step of the
/// clock has put before it (SessionScan::next), until it returns false. Errors go to `unreadable`; what is
/// whole is visited. Returns the number of records read.
template <class Visit>
std::uint64_t visit_records(const storage::Catalog& catalog, const TimeWindow& window,
                            std::vector<Error>& unreadable, Visit visit) {
  storage::SessionScan scan(session_paths(catalog), window, storage::kFieldsAll, true);
  while (true) {
    const Result<std::span<const SessionRecord>> batch = scan.next();
    if (!batch) {
      unreadable.push_back(batch.error());
      continue;
    }
    if (batch->empty()) return scan.counters().rows_read;
    for (const SessionRecord& record : *batch) {
      if (!visit(record)) return scan.counters().rows_read;
    }
  }
}

/// Brings sessions that go on after the window up to their newest record. Returns the number of records read.
std::uint64_t follow_open_sessions(const storage::Catalog& catalog, const TimeWindow& window,
                                   std::vector<Error>& unreadable, storage::NewestSessions& newest);

/// By first time, then uid; of records with the same uid only the newest stays.
void order_sessions(std::vector<SessionRecord>& sessions);

}  // namespace tapline::query
