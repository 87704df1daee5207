#pragma once
// A question about sessions: the newest record of every session that matches a filter and touches a window.

#include <cstdint>
#include <vector>

#include "capture/base/time_window.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/catalog.hpp"
#include "storage/query/filter.hpp"

namespace tapline::query {

struct SessionQuestion {
  Filter filter;
  TimeWindow window;
  std::uint64_t sessions_max = 0;  // 0: no limit; else the answer is cut short there and says so
};

struct SessionAnswer {
  std::vector<SessionRecord> sessions;  // by first time, then uid
  bool cut_short = false;
  std::vector<Error> unreadable;  // session files that could not be read (to their end)
  std::uint64_t records_read = 0;
};

/// A session matches if one of its records touches the window and its newest record in the store matches the
/// filter; a record of the same session that was stored twice counts once. Memory: one record for each
/// session that matches, and for each that touches the window and had more than one record written. kLimit
/// for more sessions than fit 32 bits.
Result<SessionAnswer> find_sessions(const storage::Catalog& catalog, const SessionQuestion& question);

/// The sessions that may have frames within `window` that match the filter, by their newest records: a
/// superset. One whose newest record is not final may have frames after it (session_selection.hpp).
Result<SessionAnswer> find_sessions_of_frames(const storage::Catalog& catalog, const Filter& filter,
                                              const TimeWindow& window);

}  // namespace tapline::query
