#include "storage/query/session_question.hpp"

#include <algorithm>
#include <limits>

#include "storage/query/session_visit.hpp"
#include "storage/session_lookup.hpp"

namespace tapline::query {
namespace {

constexpr std::size_t kSessionsMax = std::numeric_limits<std::uint32_t>::max();

/// Longest time from the last frame that a session's newest record counts to a frame of the same session: the
/// longest timeout of a flow, and as long as an interim record may take (flowgen/flow_table.hpp).
constexpr TimeNs kUncountedNsMax = (3600 + 60 + 2) * kNsPerSecond;

void find_one(const storage::Catalog& catalog, const SessionQuestion& question, const Uid& uid,
              SessionAnswer& answer) {
  const std::vector<SessionRecord> records =
      storage::find_session(session_paths(catalog), uid, answer.unreadable);
  answer.records_read += records.size();
  const bool is_within = std::ranges::any_of(
      records, [&](const SessionRecord& record) { return touches(question.window, record); });
  if (is_within && question.filter.matches_session(records.back())) answer.sessions.push_back(records.back());
}

/// The newest records of the sessions of which a record touches the window, as far as matches(record).
template <class Matches>
Status find_many(const storage::Catalog& catalog, const TimeWindow& window, const Matches& matches,
                 SessionAnswer& answer) {
  storage::NewestSessions newest(kSessionsMax);
  const auto keep_match = [&](const SessionRecord& record) {
    if (matches(record)) answer.sessions.push_back(record);
  };
  Status status;
  answer.records_read += visit_records(catalog, window, answer.unreadable, [&](const SessionRecord& record) {
    // Most sessions end before their first interim record is due: their only record is the newest.
    if (!touches(window, record)) {
      newest.update(record);
    } else if (record.seq == 0 && record.final()) {
      keep_match(record);
    } else {
      status = newest.add(record);
    }
    return status.ok();
  });
  if (!status) return status;
  answer.records_read += follow_open_sessions(catalog, window, answer.unreadable, newest);
  for (const SessionRecord& record : newest.records()) keep_match(record);
  return {};
}

}  // namespace

Result<SessionAnswer> find_sessions(const storage::Catalog& catalog, const SessionQuestion& question) {
  SessionAnswer answer;
  if (const std::optional<Uid> uid = question.filter.single_uid()) {
    find_one(catalog, question, *uid, answer);
  } else {
    const auto matches = [&](const SessionRecord& record) { return question.filter.matches_session(record); };
    TAPLINE_TRY(find_many(catalog, question.window, matches, answer));
  }
  order_sessions(answer.sessions);
  if (question.sessions_max != 0 && answer.sessions.size() > question.sessions_max) {
    answer.sessions.resize(question.sessions_max);
    answer.cut_short = true;
  }
  return answer;
}

Result<SessionAnswer> find_sessions_of_frames(const storage::Catalog& catalog, const Filter& filter,
                                              const TimeWindow& window) {
  SessionAnswer answer;
  TimeWindow scanned = window;
  const bool recording = std::ranges::any_of(catalog.sessions, &storage::CatalogFile::open);
  if (recording) scanned.since_ns = saturating_add(window.since_ns, -kUncountedNsMax);
  const auto matches = [&](const SessionRecord& record) {
    const TimeWindow frames = record.frames();
    return window.touches(frames.since_ns, time_before(frames.until_ns)) && filter.may_match_frames(record);
  };
  TAPLINE_TRY(find_many(catalog, scanned, matches, answer));
  order_sessions(answer.sessions);
  return answer;
}

}  // namespace tapline::query
