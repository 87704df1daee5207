// What the ledger tells of live sources: when they were up, what they dropped, and what is not on the disk
// yet.

#include "storage/query/ledger_coverage.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/ledger_file.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
using storage::DropCause;
using storage::LedgerRow;
using storage::Source;
using storage::SourceState;

namespace {

constexpr std::int64_t kStart = 1'767'225'600;  // second

TimeNs at(std::int64_t second) {
  return (kStart + second) * kNsPerSecond;
}

LedgerRow reading(std::int64_t second, std::uint64_t dropped = 0, std::uint16_t worker = 0) {
  LedgerRow row;
  row.second = kStart + second;
  row.worker = worker;
  row.device_measured = true;
  row.device_dropped_frames = dropped;
  return row;
}

LedgerRow drops(std::int64_t second, DropCause cause, std::int64_t frames) {
  LedgerRow row;
  row.second = kStart + second;
  row.counts.values[storage::kFrameDropped + static_cast<std::size_t>(cause)] = frames;
  return row;
}

/// Readings of each second of [first, last].
std::vector<LedgerRow> readings(std::int64_t first, std::int64_t last) {
  std::vector<LedgerRow> rows;
  for (std::int64_t second = first; second <= last; ++second) rows.push_back(reading(second));
  return rows;
}

void append(std::vector<LedgerRow>& rows, const std::vector<LedgerRow>& more) {
  rows.insert(rows.end(), more.begin(), more.end());
}

/// A store with one live source on eth1 that has recorded the seconds 0 to 99.
class LiveStore {
 public:
  explicit LiveStore(std::uint16_t workers = 1) {
    source_.id.fill(7);
    source_.path = "eth1";
    source_.live = true;
    source_.workers = workers;
    source_.state = SourceState::kComplete;
    source_.first_ns = at(0);
    source_.last_ns = at(100) - 1;
    save();
  }

  Source& source() { return source_; }
  void save() { must(storage::save_source(*store_, source_)); }

  storage::RowGroupFileConfig files(const std::string& directory, std::uint16_t worker) const {
    storage::RowGroupFileConfig config;
    config.directory = directory;
    config.source_id = source_.id;
    config.worker = worker;
    return config;
  }

  /// One ledger file; rows of one group each where `group_rows` is so small.
  void write(const std::vector<LedgerRow>& rows, std::uint16_t worker = 0, std::size_t group_rows = 4096) {
    storage::LedgerFileWriter writer(files(store_->ledger_directory(), worker));
    append_groups(writer, rows, group_rows);
    must(writer.finish());
  }

  /// A file that its writer has not finished.
  void write_open(const std::vector<LedgerRow>& rows, TimeNs complete_until_ns, std::uint16_t worker = 0) {
    storage::LedgerFileWriter writer(files(store_->ledger_directory(), worker));
    writer.note_complete(complete_until_ns);
    append_groups(writer, rows, 4096);
  }

  Coverage coverage(const TimeWindow& window = {}, const StoreMoment& moment = {},
                    QuestionKind kind = QuestionKind::kPackets) const {
    return make_coverage({source_}, scan(*store_), window, kind, moment);
  }

  const storage::Store& operator*() const { return *store_; }

 private:
  static void append_groups(storage::LedgerFileWriter& writer, const std::vector<LedgerRow>& rows,
                            std::size_t group_rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i > 0 && i % group_rows == 0) must(writer.flush());
      must(writer.append(rows[i]));
    }
    must(writer.flush());
  }

  TestStore store_;
  Source source_;
};

struct Expected {
  std::int64_t first_second;
  std::int64_t last_second;  // to its end
  HoleReason reason;
  std::string detail;
};

void check_holes(const Coverage& coverage, const std::vector<Expected>& expected) {
  INFO(format_coverage(coverage));
  REQUIRE(coverage.holes.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(coverage.holes[i].first_ns == at(expected[i].first_second));
    CHECK(coverage.holes[i].last_ns == at(expected[i].last_second + 1) - 1);
    CHECK(coverage.holes[i].reason == expected[i].reason);
    CHECK(coverage.holes[i].detail == expected[i].detail);
  }
}

const std::string kDown = "eth1: nothing was received: sensor or interface was down";

}  // namespace

TEST_CASE("a live source with readings all along is covered, with or without frames") {
  LiveStore store;
  store.write(readings(0, 99));
  const Coverage coverage = store.coverage();
  check_holes(coverage, {});
  CHECK(coverage.proof_of_absence());
  CHECK(coverage.window.since_ns == at(0));
  CHECK(coverage.window.until_ns == at(100));
}

TEST_CASE("before and after a run nothing was recorded") {
  LiveStore store;
  store.write(readings(0, 99));
  check_holes(store.coverage({at(-10), at(110)}),
              {{-10, -1, HoleReason::kSensorDown, "nothing was recorded"},
               {100, 109, HoleReason::kSensorDown, "nothing was recorded"}});
}

TEST_CASE("two missing readings are scheduling noise, three are a hole with the seconds around it") {
  for (const std::int64_t missing : {1, 2, 3, 30}) {
    CAPTURE(missing);
    LiveStore store;
    std::vector<LedgerRow> rows = readings(0, 40);
    append(rows, readings(41 + missing, 99));
    store.write(rows);
    if (missing <= 2) {
      check_holes(store.coverage(), {});
    } else {
      check_holes(store.coverage(), {{40, 41 + missing, HoleReason::kSensorDown, kDown}});
    }
  }
}

TEST_CASE("readings that are missing where a run begins or ends are a hole") {
  LiveStore store;
  store.write(readings(5, 90));
  check_holes(store.coverage(),
              {{0, 5, HoleReason::kSensorDown, kDown}, {90, 99, HoleReason::kSensorDown, kDown}});
}

TEST_CASE("a hole without readings is cut to the window, wherever the window begins and ends") {
  LiveStore store;
  std::vector<LedgerRow> rows = readings(0, 40);
  append(rows, readings(50, 99));
  store.write(rows, 0, 7);
  for (std::int64_t since = 0; since < 99; ++since) {
    for (const std::int64_t seconds : {1, 2, 5, 20}) {
      const std::int64_t until = std::min<std::int64_t>(since + seconds, 100);
      CAPTURE(since, until);
      const Coverage coverage = store.coverage({at(since), at(until)});
      if (until <= 40 || since > 50) {
        check_holes(coverage, {});
      } else {
        check_holes(coverage, {{std::max<std::int64_t>(since, 40), std::min<std::int64_t>(until - 1, 50),
                                HoleReason::kSensorDown, kDown}});
      }
    }
  }
}

TEST_CASE("each worker must have its readings, and holes of workers add up") {
  LiveStore store(2);
  std::vector<LedgerRow> first = readings(0, 20);
  append(first, readings(30, 99));
  first[50].device_dropped_frames = 3;  // falls again: as read
  std::vector<LedgerRow> second;
  for (LedgerRow row : readings(0, 99)) {
    row.worker = 1;
    if (row.second >= kStart + 27) row.device_dropped_frames = 5;
    second.push_back(row);
  }
  for (std::size_t i = 50; i < first.size(); ++i) first[i].device_dropped_frames = 3;
  store.write(first, 0);
  store.write(second, 1);
  check_holes(store.coverage(),
              {{20, 30, HoleReason::kSensorDown, kDown},
               {26, 27, HoleReason::kDroppedNic, "eth1: 5 frames dropped by device or kernel"},
               {58, 59, HoleReason::kDroppedNic, "eth1: 3 frames dropped by device or kernel"}});
  const Coverage missing = [&] {
    LiveStore half(2);
    half.write(readings(0, 99), 0);
    return half.coverage();
  }();
  check_holes(missing, {{0, 99, HoleReason::kSensorDown, kDown}});
}

TEST_CASE("frames that the device dropped are a hole between two readings, and neighbours are one") {
  LiveStore store;
  std::vector<LedgerRow> rows = {reading(0, 4)};  // since the start
  append(rows, readings(1, 99));
  for (std::size_t i = 1; i < rows.size(); ++i)
    rows[i].device_dropped_frames = i < 50 ? 4 : i < 51 ? 10 : i < 70 ? 12 : 13;
  rows.erase(rows.begin() + 69);  // a missing reading: the hole is longer
  store.write(rows);
  check_holes(store.coverage(),
              {{0, 0, HoleReason::kDroppedNic, "eth1: 4 frames dropped by device or kernel"},
               {49, 51, HoleReason::kDroppedNic, "eth1: 8 frames dropped by device or kernel"},
               {68, 70, HoleReason::kDroppedNic, "eth1: 1 frames dropped by device or kernel"}});
  check_holes(store.coverage({at(52), at(60)}), {});
  check_holes(store.coverage({at(51), at(52)}),
              {{49, 51, HoleReason::kDroppedNic, "eth1: 8 frames dropped by device or kernel"}});
}

TEST_CASE("frames that the sensor dropped are holes by cause, rows of a second added up") {
  LiveStore store;
  std::vector<LedgerRow> rows = readings(0, 99);
  append(rows, {drops(10, DropCause::kNoBlock, 3), drops(11, DropCause::kNoSpace, 4),
                drops(12, DropCause::kOverload, 5), drops(20, DropCause::kIoError, 6),
                drops(30, DropCause::kCrash, 7), drops(40, DropCause::kNoBlock, 8),
                drops(40, DropCause::kNoBlock, -8), drops(50, DropCause::kNoBlock, 2),
                drops(50, DropCause::kNoBlock, 2)});
  store.write(rows);
  const std::vector<Expected> expected = {
      {10, 12, HoleReason::kDroppedPool, "eth1: 12 frames dropped by the sensor, which could not keep up"},
      {20, 20, HoleReason::kDiskError, "eth1: 6 frames dropped: the disk refused them"},
      {30, 30, HoleReason::kSensorDown, "eth1: 7 frames lost in a crash"},
      {50, 50, HoleReason::kDroppedPool, "eth1: 4 frames dropped by the sensor, which could not keep up"}};
  check_holes(store.coverage(), expected);
  check_holes(store.coverage({}, {}, QuestionKind::kSessions), expected);
  check_holes(store.coverage({at(20), at(30)}), {expected[1]});
}

TEST_CASE(
    "what a source that records now has not written yet is a hole, up to now and only where asked for") {
  LiveStore store;
  store.source().state = SourceState::kStarted;
  store.write(readings(0, 49));
  store.write_open(readings(50, 60), at(61));
  const StoreMoment moment{true, at(63)};
  const Coverage all = store.coverage({}, moment);
  check_holes(all, {});
  CHECK(all.window.until_ns == at(61));
  CHECK(store.coverage({at(50), TimeWindow::kUnlimitedUntil}, moment).complete());
  CHECK(store.coverage({at(50), at(61)}, moment).complete());
  const std::string detail = "eth1: not on the disk yet";
  check_holes(store.coverage({at(50), at(63)}, moment), {{61, 62, HoleReason::kNotYetFlushed, detail}});
  check_holes(store.coverage({at(62), at(63)}, moment), {{62, 62, HoleReason::kNotYetFlushed, detail}});
  const Coverage future = store.coverage({at(50), at(1000)}, moment);
  REQUIRE(future.holes.size() == 1);
  CHECK(future.holes[0].reason == HoleReason::kNotYetFlushed);
  CHECK(future.holes[0].last_ns == at(63));
  CHECK(store.coverage({at(100), at(200)}, moment).complete());  // nobody can know of it yet
}

TEST_CASE("what is complete is what every worker says, and for sessions what the session files say") {
  LiveStore store(2);
  store.source().state = SourceState::kStarted;
  store.write_open(readings(0, 60), at(61), 0);
  std::vector<LedgerRow> rows = readings(0, 60);
  for (LedgerRow& row : rows) row.worker = 1;
  store.write_open(rows, at(59), 1);
  const StoreMoment moment{true, at(63)};
  CHECK(store.coverage({}, moment).window.until_ns == at(59));
  storage::SessionFileConfig config;
  config.file = store.files((*store).sessions_directory(), 1);
  storage::SessionFileWriter sessions(config);
  must(sessions.append(SessionRecord{}));
  sessions.note_complete(at(57));
  must(sessions.flush());
  CHECK(store.coverage({}, moment).window.until_ns == at(59));
  CHECK(store.coverage({}, moment, QuestionKind::kSessions).window.until_ns == at(57));
}

TEST_CASE("a source whose sensor has died is a hole from its last second on") {
  LiveStore store;
  store.source().state = SourceState::kStarted;
  store.write(readings(0, 49));
  store.write_open(readings(50, 60), at(60));
  const std::string detail = "eth1: the sensor has died";
  check_holes(store.coverage(), {{60, 60, HoleReason::kSensorDown, detail}});
  check_holes(store.coverage({at(10), at(200)}), {{60, 199, HoleReason::kSensorDown, detail}});
  check_holes(store.coverage({at(10), at(60)}), {});
  check_holes(store.coverage({at(70), at(80)}), {{70, 79, HoleReason::kSensorDown, detail}});
}

TEST_CASE("a run without any ledger is a hole as long as it was") {
  LiveStore store;
  check_holes(store.coverage(), {{0, 99, HoleReason::kSensorDown, kDown}});
  store.source().state = SourceState::kStarted;
  check_holes(store.coverage({at(0), at(10)}, {true, at(5) - 1}),
              {{0, 4, HoleReason::kNotYetFlushed, "eth1: not on the disk yet"}});
}

TEST_CASE("a ledger file that cannot be read is a hole, and no proof that the sensor was down") {
  LiveStore store;
  store.write(readings(0, 30));
  store.write(readings(31, 60));
  store.write(readings(61, 99));
  const storage::CatalogFile file = scan(*store).ledgers.at(1);
  std::filesystem::resize_file(file.path, file.file_bytes - 20);
  const Coverage coverage = store.coverage();
  REQUIRE(coverage.holes.size() == 1);
  CHECK(coverage.holes[0].reason == HoleReason::kCorrupt);
  CHECK(coverage.holes[0].first_ns == at(31));
  CHECK(coverage.holes[0].last_ns == at(61) - 1);
  CHECK(store.coverage({at(65), at(80)}).complete());
}

TEST_CASE("ledgers of imports and of other runs say nothing about a run") {
  LiveStore store;
  store.write(readings(0, 99));
  Source other = store.source();
  store.source().id.fill(8);
  store.write({drops(10, DropCause::kNoBlock, 3)});
  store.source() = other;
  check_holes(store.coverage(), {});
}

TEST_CASE("extraction and its coverage: a live source without frames proves absence") {
  LiveStore store;
  store.write(readings(0, 99));
  const Coverage covered = extract(*store, ask("host 10.0.0.1", {at(10), at(20)})).coverage;
  CHECK(covered.proof_of_absence());
  const Coverage after = extract(*store, ask("host 10.0.0.1", {at(10), at(120)})).coverage;
  CHECK(has_hole(after, HoleReason::kSensorDown));
}

TEST_CASE("the moment of a store: its writer is seen and not disturbed") {
  const TestStore store;
  CHECK_FALSE(must(StoreMoment::observe(*store)).writer_active);
  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(*store);
  REQUIRE(lock.ok());
  CHECK(must(StoreMoment::observe(*store)).writer_active);
}
