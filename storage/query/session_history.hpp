#pragma once
// What sessions looked like over time: all their records, or what they moved within a window.

#include <span>
#include <vector>

#include "storage/query/session_question.hpp"

namespace tapline::query {

/// Every record of the given sessions, whatever its window, by uid, then seq, each once.
std::vector<SessionRecord> find_history(const storage::Catalog& catalog,
                                        std::span<const SessionRecord> sessions,
                                        std::vector<Error>& unreadable);

struct WindowedSession {
  /// The newest record, its counters replaced: `total` is the sum of the deltas of all records that touch the
  /// window, `previous` is zero, delta_first and delta_last are the earliest and latest of those records.
  /// unstored_packets has no deltas and still counts the whole session.
  SessionRecord session;
  /// One of these records also counts frames outside of the window.
  bool crosses_edge = false;
};

struct WindowedAnswer {
  std::vector<WindowedSession> sessions;  // by first time, then uid
  std::vector<Error> unreadable;
  std::uint64_t records_read = 0;
};

/// The filter looks at the counters within the window. question.sessions_max is not looked at.
Result<WindowedAnswer> find_sessions_in_window(const storage::Catalog& catalog,
                                               const SessionQuestion& question);

}  // namespace tapline::query
