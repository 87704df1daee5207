#include "storage/query/session_history.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>

#include "storage/query/session_visit.hpp"
#include "storage/session_lookup.hpp"

namespace tapline::query {
namespace {

struct Delta {
  Uid uid;
  std::uint32_t seq = 0;
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  DirectionCounters a_to_b;
  DirectionCounters b_to_a;
};

/// Wraps at 64 bits, so that damaged records cannot make it undefined.
DirectionCounters difference(const DirectionState& state) {
  return {state.total.packets - state.previous.packets, state.total.frame_bytes - state.previous.frame_bytes,
          state.total.ip_bytes - state.previous.ip_bytes,
          state.total.payload_bytes - state.previous.payload_bytes,
          state.total.duplicate_packets - state.previous.duplicate_packets};
}

void add(DirectionCounters& sum, const DirectionCounters& more) {
  sum.packets += more.packets;
  sum.frame_bytes += more.frame_bytes;
  sum.ip_bytes += more.ip_bytes;
  sum.payload_bytes += more.payload_bytes;
  sum.duplicate_packets += more.duplicate_packets;
}

template <class Record>
bool by_uid_and_seq(const Record& a, const Record& b) {
  return std::tie(a.uid, a.seq) < std::tie(b.uid, b.seq);
}

template <class Record>
void order_records(std::vector<Record>& records) {
  std::ranges::stable_sort(records, by_uid_and_seq<Record>);
  const auto same = [](const Record& a, const Record& b) { return a.uid == b.uid && a.seq == b.seq; };
  records.erase(std::unique(records.begin(), records.end(), same), records.end());
}

/// `deltas`: of one session, at least one.
WindowedSession windowed(const SessionRecord& newest, std::span<const Delta> deltas,
                         const TimeWindow& window) {
  WindowedSession result{newest, false};
  SessionRecord& session = result.session;
  session.a_to_b.total = session.b_to_a.total = {};
  session.a_to_b.previous = session.b_to_a.previous = {};
  session.delta_first_ns = deltas.front().first_ns;
  session.delta_last_ns = deltas.front().last_ns;
  for (const Delta& delta : deltas) {
    add(session.a_to_b.total, delta.a_to_b);
    add(session.b_to_a.total, delta.b_to_a);
    session.delta_first_ns = std::min(session.delta_first_ns, delta.first_ns);
    session.delta_last_ns = std::max(session.delta_last_ns, delta.last_ns);
  }
  result.crosses_edge = !window.contains(session.delta_first_ns) || !window.contains(session.delta_last_ns);
  return result;
}

}  // namespace

std::vector<SessionRecord> find_history(const storage::Catalog& catalog,
                                        std::span<const SessionRecord> sessions,
                                        std::vector<Error>& unreadable) {
  constexpr std::size_t kLookUpsMax = 8;  // each reads one group a file; beyond, one scan is cheaper
  std::vector<SessionRecord> records;
  if (sessions.size() <= kLookUpsMax) {
    for (const SessionRecord& session : sessions) {
      std::ranges::copy(storage::find_session(session_paths(catalog), session.uid, unreadable),
                        std::back_inserter(records));
    }
    order_records(records);
    return records;
  }
  std::vector<Uid> uids;
  TimeWindow window{TimeWindow::kUnlimitedUntil, TimeWindow::kUnlimitedSince};
  for (const SessionRecord& session : sessions) {
    uids.push_back(session.uid);
    window.since_ns = std::min(window.since_ns, session.first_ns);
    window.until_ns = std::max(window.until_ns, time_after(session.last_ns));
  }
  std::ranges::sort(uids);
  visit_records(catalog, window, unreadable, [&](const SessionRecord& record) {
    if (std::ranges::binary_search(uids, record.uid)) records.push_back(record);
    return true;
  });
  order_records(records);
  return records;
}

Result<WindowedAnswer> find_sessions_in_window(const storage::Catalog& catalog,
                                               const SessionQuestion& question) {
  WindowedAnswer answer;
  storage::NewestSessions newest(std::numeric_limits<std::uint32_t>::max());
  std::vector<Delta> deltas;
  Status status;
  answer.records_read +=
      visit_records(catalog, question.window, answer.unreadable, [&](const SessionRecord& record) {
        if (!touches(question.window, record)) {
          newest.update(record);
          return true;
        }
        deltas.push_back({record.uid, record.seq, record.delta_first_ns, record.delta_last_ns,
                          difference(record.a_to_b), difference(record.b_to_a)});
        status = newest.add(record);
        return status.ok();
      });
  if (!status) return status.error();
  answer.records_read += follow_open_sessions(catalog, question.window, answer.unreadable, newest);
  order_records(deltas);
  std::vector<SessionRecord> sessions(newest.records().begin(), newest.records().end());
  order_sessions(sessions);
  for (const SessionRecord& session : sessions) {
    const auto first = std::ranges::lower_bound(deltas, session.uid, {}, &Delta::uid);
    const auto last = std::ranges::upper_bound(deltas, session.uid, {}, &Delta::uid);
    const WindowedSession result = windowed(session, {first, last}, question.window);
    if (question.filter.matches_session(result.session)) answer.sessions.push_back(result);
  }
  return answer;
}

}  // namespace tapline::query
