// Questions about sessions, asked of files written for the purpose.

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "storage/query/session_history.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/session_maker.hpp"

namespace tapline {
namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;

TimeNs at(std::int64_t seconds) {
  return kStart + seconds * kNsPerSecond;
}

/// A record of session `number` whose frames since the record before lie within [first, last] seconds; each
/// record adds one packet of 100 bytes to A's and none to B's.
SessionRecord make_record(std::uint8_t number, std::uint32_t seq, std::int64_t first, std::int64_t last,
                          EndReason end_reason) {
  SessionRecord record = make_session(number);
  record.seq = seq;
  record.first_ns = record.first_order.time_ns = at(number);
  record.delta_first_ns = at(first);
  record.delta_last_ns = record.last_ns = at(last);
  record.a_to_b.total = {seq + 1u, (seq + 1u) * 140u, (seq + 1u) * 120u, (seq + 1u) * 100u};
  record.a_to_b.previous = {seq, seq * 140u, seq * 120u, seq * 100u};
  record.a_to_b.first_ns = record.first_ns;
  record.a_to_b.last_ns = record.last_ns;
  record.b_to_a = {};
  record.end_reason = end_reason;
  return record;
}

/// A store with session files, one for each list of records.
class SessionStore {
 public:
  explicit SessionStore(const std::vector<std::vector<SessionRecord>>& files,
                        std::uint32_t group_rows = 4096) {
    const Result<storage::Store> store = storage::Store::open_or_create(folder_.path(), "test");
    REQUIRE(store);
    for (const std::vector<SessionRecord>& records : files) {
      storage::SessionFileConfig config;
      config.file.directory = store->sessions_directory();
      config.file.source_id = storage::make_segment_id();
      config.group_rows = group_rows;
      storage::SessionFileWriter writer(config);
      for (const SessionRecord& record : records) REQUIRE(writer.append(record));
      REQUIRE(writer.finish());
    }
    Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
    REQUIRE(catalog);
    catalog_ = std::move(*catalog);
    REQUIRE(catalog_.sessions.size() == files.size());
  }

  const storage::Catalog& catalog() const { return catalog_; }

 private:
  TemporaryFolder folder_;
  storage::Catalog catalog_;
};

query::SessionQuestion question(std::string_view filter, std::int64_t since, std::int64_t until) {
  return {*query::Filter::parse(filter, {}), TimeWindow{at(since), at(until)}, 0};
}

query::SessionQuestion question(std::string_view filter) {
  return {*query::Filter::parse(filter, {}), TimeWindow{}, 0};
}

/// (number, seq) of each session found.
std::vector<std::pair<int, int>> found(const SessionStore& store, const query::SessionQuestion& asked) {
  const Result<query::SessionAnswer> answer = query::find_sessions(store.catalog(), asked);
  REQUIRE(answer);
  CHECK(answer->unreadable.empty());
  std::vector<std::pair<int, int>> sessions;
  for (const SessionRecord& session : answer->sessions) {
    sessions.emplace_back(session.uid.bytes[15], static_cast<int>(session.seq));
  }
  return sessions;
}

using Found = std::vector<std::pair<int, int>>;

/// Session 1: three records over 100 s, ended. 2: one record. 3: goes on. In two files.
SessionStore small_store() {
  return SessionStore(
      {{make_record(1, 0, 1, 2, EndReason::kOpen), make_record(2, 0, 2, 3, EndReason::kIdle),
        make_record(1, 1, 10, 20, EndReason::kOpen)},
       {make_record(3, 0, 90, 91, EndReason::kOpen), make_record(1, 2, 100, 101, EndReason::kFinished)}});
}

}  // namespace

TEST_CASE("without a window every session is found by its newest record") {
  const SessionStore store = small_store();
  CHECK(found(store, question("")) == Found{{1, 2}, {2, 0}, {3, 0}});
  CHECK(found(store, question("orig_payload_bytes = 300")) == Found{{1, 2}});
  CHECK(found(store, question("orig_payload_bytes = 200")).empty());
}

TEST_CASE("a session that touches the window has the numbers of its newest record after it") {
  const SessionStore store = small_store();
  CHECK(found(store, question("", 10, 11)) == Found{{1, 2}});
  CHECK(found(store, question("final = true", 1, 2)) == Found{{1, 2}});
  CHECK(found(store, question("", 2, 3)) == Found{{1, 2}, {2, 0}});
  CHECK(found(store, question("", 21, 90)).empty());
  CHECK(found(store, question("", 3, 4)) == Found{{2, 0}});
  CHECK(found(store, question("", 91, 1000)) == Found{{1, 2}, {3, 0}});
}

TEST_CASE("a session asked for by uid follows the same rules") {
  const SessionStore store = small_store();
  const std::string uid = format_uid(make_record(1, 0, 1, 2, EndReason::kOpen).uid);
  CHECK(found(store, question(uid)) == Found{{1, 2}});
  CHECK(found(store, question(uid, 21, 99)).empty());
  CHECK(found(store, question(uid, 20, 99)) == Found{{1, 2}});
  CHECK(found(store, question(uid + " and port 80")) == Found{{1, 2}});
  CHECK(found(store, question(uid + " and port 81")).empty());
  CHECK(found(store, question(format_uid(Uid{}))).empty());
}

TEST_CASE("a limit keeps the earliest and says so") {
  const SessionStore store = small_store();
  query::SessionQuestion asked = question("");
  asked.sessions_max = 2;
  const Result<query::SessionAnswer> answer = query::find_sessions(store.catalog(), asked);
  REQUIRE(answer);
  CHECK(answer->cut_short);
  REQUIRE(answer->sessions.size() == 2);
  CHECK(answer->sessions[1].uid.bytes[15] == 2);
  asked.sessions_max = 3;
  CHECK(!query::find_sessions(store.catalog(), asked)->cut_short);
}

TEST_CASE("records that are stored twice count once") {
  const std::vector<SessionRecord> records = {make_record(1, 0, 1, 2, EndReason::kOpen),
                                              make_record(2, 0, 2, 3, EndReason::kIdle),
                                              make_record(1, 1, 10, 20, EndReason::kIdle)};
  const SessionStore store({records, records});
  CHECK(found(store, question("")) == Found{{1, 1}, {2, 0}});
  const Result<query::WindowedAnswer> windowed =
      query::find_sessions_in_window(store.catalog(), question(""));
  REQUIRE(windowed);
  REQUIRE(windowed->sessions.size() == 2);
  CHECK(windowed->sessions[0].session.a_to_b.total.packets == 2);
  std::vector<Error> unreadable;
  const std::vector<SessionRecord> sessions = query::find_sessions(store.catalog(), question(""))->sessions;
  CHECK(query::find_history(store.catalog(), sessions, unreadable).size() == 3);
}

TEST_CASE("the history has all records of what was found, by uid and seq") {
  const SessionStore store = small_store();
  std::vector<Error> unreadable;
  const std::vector<SessionRecord> sessions =
      query::find_sessions(store.catalog(), question("", 10, 11))->sessions;
  const std::vector<SessionRecord> history = query::find_history(store.catalog(), sessions, unreadable);
  REQUIRE(history.size() == 3);
  for (std::uint32_t seq = 0; seq < 3; ++seq) {
    CHECK(history[seq].uid.bytes[15] == 1);
    CHECK(history[seq].seq == seq);
  }
  CHECK(query::find_history(store.catalog(), {}, unreadable).empty());
  CHECK(unreadable.empty());
}

TEST_CASE("counters within a window are the deltas of the records that touch it") {
  const SessionStore store = small_store();
  const Result<query::WindowedAnswer> answer =
      query::find_sessions_in_window(store.catalog(), question("port 80", 2, 15));
  REQUIRE(answer);
  REQUIRE(answer->sessions.size() == 2);
  const query::WindowedSession& first = answer->sessions[0];
  CHECK(first.session.a_to_b.total == DirectionCounters{2, 280, 240, 200});
  CHECK(first.session.a_to_b.previous == DirectionCounters{});
  CHECK(first.session.seq == 2);  // the newest record's, for everything else
  CHECK(first.session.final());
  CHECK(first.session.delta_first_ns == at(1));
  CHECK(first.session.delta_last_ns == at(20));
  CHECK(first.crosses_edge);
  CHECK(!answer->sessions[1].crosses_edge);
  CHECK(
      query::find_sessions_in_window(store.catalog(), question("orig_packets = 2", 2, 15))->sessions.size() ==
      1);
  CHECK(
      query::find_sessions_in_window(store.catalog(), question("orig_packets = 3", 2, 15))->sessions.empty());
  CHECK(!query::find_sessions_in_window(store.catalog(), question("orig_packets = 3"))
             ->sessions[0]
             .crosses_edge);
}

TEST_CASE("a damaged file is named, and the rest is found") {
  const SessionStore store = small_store();
  const std::string& damaged = store.catalog().sessions[1].path;
  std::filesystem::resize_file(damaged, 100);
  const Result<query::SessionAnswer> answer = query::find_sessions(store.catalog(), question(""));
  REQUIRE(answer);
  REQUIRE(answer->unreadable.size() == 1);
  CHECK(answer->unreadable[0].context.find(damaged) != std::string::npos);
  CHECK(answer->sessions.size() == 2);
}

TEST_CASE("a clock that steps back does not hide the newest record of a session") {
  const std::uint32_t group_rows = GENERATE(1u, 4096u);
  CAPTURE(group_rows);
  const SessionStore store(
      {{make_record(2, 0, 30, 40, EndReason::kOpen), make_record(1, 0, 100, 110, EndReason::kOpen),
        make_record(3, 0, 50, 55, EndReason::kIdle), make_record(1, 1, 60, 70, EndReason::kIdle)}},
      group_rows);
  CHECK(found(store, question("", 90, 200)) == Found{{1, 1}});
  CHECK(found(store, question("", 90, 105)) == Found{{1, 1}});
  CHECK(found(store, question("final = yes", 90, 200)) == Found{{1, 1}});
  query::SessionQuestion asked = question("");
  asked.window.since_ns = at(90);
  CHECK(found(store, asked) == Found{{1, 1}});
  const query::WindowedAnswer windowed = *query::find_sessions_in_window(store.catalog(), asked);
  REQUIRE(windowed.sessions.size() == 1);
  CHECK(windowed.sessions[0].session.seq == 1);
  CHECK(windowed.sessions[0].session.a_to_b.total.packets == 1);  // of the window alone
}

TEST_CASE("random windows over random sessions agree with a naive search") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](unsigned bound) { return static_cast<std::int64_t>(random() % bound); };
  std::vector<std::vector<SessionRecord>> files(3);
  std::vector<SessionRecord> all;
  for (std::uint8_t number = 0; number < 200; ++number) {
    std::int64_t second = number + below(20);
    const auto records = static_cast<std::uint32_t>(1 + below(4));
    const bool ends = below(3) > 0;
    for (std::uint32_t seq = 0; seq < records; ++seq) {
      const std::int64_t first = second;
      second += below(30);
      const bool is_last = ends && seq + 1 == records;
      all.push_back(make_record(number, seq, first, second, is_last ? EndReason::kIdle : EndReason::kOpen));
      files[static_cast<std::size_t>(second / 120) % 3].push_back(all.back());
      second += 1 + below(30);
    }
  }
  std::erase_if(files, [](const auto& records) { return records.empty(); });
  const SessionStore store(files);
  for (int round = 0; round < 50; ++round) {
    const std::int64_t since = below(400);
    const std::int64_t until = since + 1 + below(60);
    const TimeWindow window{at(since), at(until)};
    std::map<int, int> newest;
    for (const SessionRecord& record : all) {
      const int number = record.uid.bytes[15];
      if (window.touches(record.delta_first_ns, record.delta_last_ns)) newest.emplace(number, 0);
    }
    for (const SessionRecord& record : all) {
      const auto session = newest.find(record.uid.bytes[15]);
      if (session != newest.end()) {
        session->second = std::max(session->second, static_cast<int>(record.seq));
      }
    }
    CHECK(found(store, question("", since, until)) == Found(newest.begin(), newest.end()));
  }
}

}  // namespace tapline
