#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

#include "storage/file_names.hpp"
#include "storage/session_file_reader.hpp"
#include "storage/session_file_writer.hpp"
#include "storage/session_lookup.hpp"
#include "storage/session_newest.hpp"
#include "storage/session_scan.hpp"
#include "tests/storage/session_samples.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint64_t kSeed = 6;

SessionFileConfig config_for(const TemporaryFolder& folder, std::uint32_t group_rows = 100) {
  SessionFileConfig config;
  config.file.directory = folder.path();
  config.file.sensor_id = 77;
  config.file.port = 3;
  config.file.worker = 1;
  config.group_rows = group_rows;
  return config;
}

std::vector<std::string> files_in(const TemporaryFolder& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    if (entry.path().extension() != kIndexSuffix) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<SessionRecord> plausible_records(std::size_t count) {
  SessionSamples samples(kSeed);
  std::vector<SessionRecord> records;
  while (records.size() < count) records.push_back(samples.plausible());
  return records;
}

std::vector<SessionRecord> scan(const std::vector<std::string>& paths, const TimeWindow& window,
                                std::vector<Error>* errors = nullptr) {
  SessionScan scan(paths, window, kFieldsAll);
  std::vector<SessionRecord> records;
  while (true) {
    const auto batch = scan.next();
    if (!batch) {
      REQUIRE(errors != nullptr);
      errors->push_back(batch.error());
      continue;
    }
    if (batch->empty()) return records;
    records.insert(records.end(), batch->begin(), batch->end());
  }
}

bool same_records(const std::vector<SessionRecord>& a, const std::vector<SessionRecord>& b) {
  return std::ranges::equal(a, b, same_record);
}

void write_all(SessionFileWriter& writer, const std::vector<SessionRecord>& records) {
  for (const SessionRecord& record : records) REQUIRE(writer.append(record).ok());
}

}  // namespace

TEST_CASE("session files: what is written is read, from files named by their times") {
  const TemporaryFolder folder;
  const auto records = plausible_records(1050);
  SessionFileWriter writer(config_for(folder));
  write_all(writer, records);
  writer.note_complete(4711);
  REQUIRE(writer.finish().ok());
  CHECK(writer.counters().rows_written == 1050);
  CHECK(writer.counters().groups_written == 11);
  CHECK(writer.counters().files_published == 1);

  const auto paths = files_in(folder);
  REQUIRE(paths.size() == 1);
  CHECK(writer.counters().stored_bytes == std::filesystem::file_size(paths[0]));
  const auto name = parse_final_name(std::filesystem::path(paths[0]).filename().string(), kSessionSuffix);
  REQUIRE(name);
  CHECK(name->first_ns == std::ranges::min(records, {}, &SessionRecord::delta_first_ns).delta_first_ns);
  CHECK(name->last_ns == std::ranges::max(records, {}, &SessionRecord::delta_last_ns).delta_last_ns);
  CHECK(name->port == 3);
  CHECK(name->worker == 1);

  auto file = SessionFileReader::open(paths[0]);
  REQUIRE(file.ok());
  CHECK(file->rows() == 1050);
  CHECK(file->container().header().sensor_id == 77);
  CHECK(*file->complete_until_ns() == 4711);
  CHECK(same_records(scan(paths, {}), records));
}

TEST_CASE("session files: nothing written, nothing published") {
  const TemporaryFolder folder;
  SessionFileWriter writer(config_for(folder));
  writer.note_complete(5);
  REQUIRE(writer.flush().ok());
  REQUIRE(writer.finish().ok());
  CHECK(files_in(folder).empty());
}

TEST_CASE("session files: an open file is read up to its last complete group, torn tail or not") {
  const TemporaryFolder folder;
  const auto records = plausible_records(250);
  SessionFileWriter writer(config_for(folder));
  write_all(writer, records);
  auto paths = files_in(folder);
  REQUIRE(paths.size() == 1);
  CHECK(is_open_name(std::filesystem::path(paths[0]).filename().string(), kSessionSuffix));
  CHECK(scan(paths, {}).size() == 200);
  REQUIRE(writer.flush().ok());
  CHECK(same_records(scan(paths, {}), records));

  const std::string torn = folder / "open-0123456789abcdef0123456789abcdef.sessions.open";
  const auto whole_bytes = std::filesystem::file_size(paths[0]);
  for (const std::uintmax_t lost : {1u, 100u, 1000u}) {
    std::filesystem::copy_file(paths[0], torn, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(torn, whole_bytes - lost);
    CHECK(scan({torn}, {}).size() == 200);
  }
}

TEST_CASE("session files: completeness moves on without rows, in an open file only") {
  const TemporaryFolder folder;
  SessionFileWriter writer(config_for(folder));
  write_all(writer, plausible_records(10));
  writer.note_complete(100);
  REQUIRE(writer.flush().ok());
  writer.note_complete(200);
  writer.note_complete(150);  // never goes back
  REQUIRE(writer.flush().ok());
  REQUIRE(writer.flush().ok());
  CHECK(writer.counters().groups_written == 2);
  const auto paths = files_in(folder);
  auto file = SessionFileReader::open(paths.at(0));
  REQUIRE(file.ok());
  CHECK(*file->complete_until_ns() == 200);
  CHECK(file->container().footer().first_ns == file->groups()[0].first_ns);
  CHECK(file->container().footer().last_ns == file->groups()[0].last_ns);
  CHECK(scan(paths, {}).size() == 10);
}

TEST_CASE("session files: a full file is followed by one that names it") {
  const TemporaryFolder folder;
  SessionFileConfig config = config_for(folder, 50);
  config.file.file_bytes_max = 8000;
  SessionFileWriter writer(config);
  const auto records = plausible_records(2000);
  write_all(writer, records);
  REQUIRE(writer.finish().ok());
  CHECK(writer.counters().files_published > 3);
  std::vector<SessionFileReader> files;
  for (const std::string& path : files_in(folder)) {
    auto file = SessionFileReader::open(path);
    REQUIRE(file.ok());
    CHECK(file->container().file_bytes() < 14000);
    files.push_back(std::move(*file));
  }
  // These records run forward, so names sort as the files were written.
  CHECK(files[0].container().header().previous_state == kPreviousNone);
  for (std::size_t i = 1; i < files.size(); ++i) {
    const SegmentHeader& header = files[i].container().header();
    CHECK(header.previous_state == kPreviousClosed);
    CHECK(std::ranges::equal(header.previous_segment_id, files[i - 1].container().header().segment_id));
    CHECK(std::ranges::equal(header.previous_root, files[i - 1].container().footer().root));
  }
  CHECK(same_records(scan(files_in(folder), {}), records));
}

TEST_CASE("session files: an hour ends a file, unless it has few rows because its clock jumps") {
  const auto files_for = [](std::uint32_t file_rows_min) {
    const TemporaryFolder folder;
    SessionFileConfig config = config_for(folder, 10);
    config.file.file_rows_min = file_rows_min;
    SessionFileWriter writer(config);
    auto records = plausible_records(400);
    for (std::size_t i = 0; i < records.size(); ++i) {  // one group in 1970, one today
      if (i / 10 % 2 == 1) records[i].delta_first_ns = records[i].delta_last_ns = static_cast<TimeNs>(i);
    }
    write_all(writer, records);
    REQUIRE(writer.finish().ok());
    CHECK(scan(files_in(folder), {}).size() == records.size());
    return writer.counters().files_published;
  };
  CHECK(files_for(1) == 40);
  CHECK(files_for(100) == 4);
  CHECK(files_for(65536) == 1);
}

TEST_CASE("session files: a quiet link's file ends after so many groups, empty ones included") {
  const TemporaryFolder folder;
  SessionFileConfig config = config_for(folder, 10);
  config.file.file_groups_max = 16;
  SessionFileWriter writer(config);
  write_all(writer, plausible_records(10));
  for (TimeNs second = 1; second <= 100; ++second) {
    writer.note_complete(second * kNsPerSecond);
    REQUIRE(writer.flush().ok());
  }
  CHECK(writer.counters().files_published == 6);
  REQUIRE(writer.finish().ok());
  std::uint64_t records = 0;
  for (const std::string& path : files_in(folder)) {
    const SessionFileReader file = *SessionFileReader::open(path);
    CHECK(file.container().block_count() <= 16);
    records += file.container().footer().frames;
  }
  CHECK(records == 10);
}

TEST_CASE("session files: times at the ends of what can be said") {
  const TemporaryFolder folder;
  SessionSamples samples(kSeed);
  std::vector<SessionRecord> records;
  for (int i = 0; i < 500; ++i) records.push_back(samples.extreme());
  SessionFileConfig config = config_for(folder);
  config.file.file_rows_min = 1;
  SessionFileWriter writer(config);
  write_all(writer, records);
  REQUIRE(writer.finish().ok());
  CHECK(scan(files_in(folder), {}).size() == 500);
}

TEST_CASE("session files: a disk that refuses is an error for good, and what was whole stays readable") {
  const TemporaryFolder folder;
  SessionFileConfig config = config_for(folder);
  config.file.directory = folder / "missing";
  SessionFileWriter writer(config);
  const auto records = plausible_records(101);
  for (std::size_t i = 0; i < 100; ++i) REQUIRE(writer.append(records[i]).ok());
  CHECK_FALSE(writer.append(records[100]).ok());
  std::filesystem::create_directory(config.file.directory);
  CHECK_FALSE(writer.flush().ok());
  CHECK_FALSE(writer.finish().ok());
  CHECK(writer.counters().rows_written == 0);
}

TEST_CASE("a scan gives exactly the records that touch the window, and reads no more groups than it must") {
  const TemporaryFolder folder;
  SessionFileConfig config = config_for(folder, 50);
  config.file.file_bytes_max = 8000;
  SessionFileWriter writer(config);
  const auto records = plausible_records(3000);
  write_all(writer, records);
  REQUIRE(writer.finish().ok());
  const auto paths = files_in(folder);
  SessionSamples random(kSeed);
  const TimeNs begin = records.front().first_ns;
  const auto span = static_cast<std::uint64_t>(records.back().last_ns - begin) + 2;
  for (int i = 0; i < 50; ++i) {
    TimeWindow window;
    window.since_ns = begin - 1 + static_cast<TimeNs>(random.below(span));
    window.until_ns = window.since_ns + static_cast<TimeNs>(random.below(span / 20));
    std::vector<SessionRecord> expected;
    std::ranges::copy_if(records, std::back_inserter(expected), [&](const SessionRecord& r) {
      return r.delta_first_ns < window.until_ns && r.delta_last_ns >= window.since_ns;
    });
    CHECK(same_records(scan(paths, window), expected));
  }
  TimeWindow narrow{records[1500].first_ns, records[1500].first_ns + 1};
  SessionScan counted(paths, narrow, kFieldsKey);
  while (true) {
    const auto batch = counted.next();
    REQUIRE(batch.ok());
    if (batch->empty()) break;
  }
  CHECK(counted.counters().files_read <= 2);
  CHECK(counted.counters().files_read + counted.counters().files_skipped == paths.size());
  CHECK(counted.counters().groups_read <= 3);
  CHECK(counted.counters().bytes_read < 20000);
}

TEST_CASE("a window's edges: until is outside, since is inside, the last nanosecond there is counts") {
  TimeWindow window{100, 200};
  CHECK(window.touches(0, 100));
  CHECK_FALSE(window.touches(0, 99));
  CHECK(window.touches(199, 300));
  CHECK_FALSE(window.touches(200, 300));
  constexpr TimeNs kLast = std::numeric_limits<TimeNs>::max();
  CHECK(TimeWindow{}.touches(kLast, kLast));
}

TEST_CASE("a scan names the file that is damaged or gone and goes on with the next") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 3; ++i) {
    SessionFileWriter writer(config_for(folder));
    write_all(writer, plausible_records(150));
    REQUIRE(writer.finish().ok());
  }
  paths = files_in(folder);
  REQUIRE(paths.size() == 3);
  {
    std::fstream file(paths[1], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(600);
    file.write("damage", 6);
  }
  paths.insert(paths.begin(), folder / "open-00000000000000000000000000000000.sessions.open");
  std::vector<Error> errors;
  const auto records = scan(paths, {}, &errors);
  CHECK(records.size() >= 300);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].code == ErrorCode::kNotFound);
  CHECK(errors[1].code == ErrorCode::kCorrupt);
  CHECK(errors[1].context.find(paths[2]) != std::string::npos);
}

TEST_CASE("a session is found by its uid in whatever file its records are, each record once") {
  const TemporaryFolder folder;
  SessionFileConfig config = config_for(folder, 50);
  config.file.file_bytes_max = 8000;
  SessionFileWriter writer(config);
  auto records = plausible_records(2000);
  SessionRecord wanted = records[700];
  for (std::size_t i = 0; i < records.size(); ++i) {
    REQUIRE(writer.append(records[i]).ok());
    if (i % 300 == 0 && i > 700) {  // later records of the same flow, one of them twice
      ++wanted.seq;
      wanted.delta_first_ns = wanted.delta_last_ns = wanted.last_ns = records[i].first_ns;
      REQUIRE(writer.append(wanted).ok());
      if (i == 1200) REQUIRE(writer.append(wanted).ok());
    }
  }
  REQUIRE(writer.finish().ok());
  std::vector<Error> unreadable;
  const auto found = find_session(files_in(folder), wanted.uid, unreadable);
  CHECK(unreadable.empty());
  REQUIRE(found.size() == 5);
  for (std::uint32_t seq = 0; seq < 5; ++seq) CHECK(found[seq].seq == seq);
  CHECK(same_record(found[0], records[700]));
  CHECK(same_record(found[4], wanted));

  Uid unknown = wanted.uid;
  unknown.bytes[15] ^= 1;
  CHECK(find_session(files_in(folder), unknown, unreadable).empty());
}

TEST_CASE("a session whose later frames run backwards is found, too") {
  const TemporaryFolder folder;
  SessionFileWriter writer(config_for(folder));
  SessionRecord record = plausible_records(1)[0];
  const Uid uid = record.uid;
  record.seq = 1;
  record.delta_first_ns = record.delta_last_ns = 5;  // 1970
  REQUIRE(writer.append(record).ok());
  REQUIRE(writer.finish().ok());
  std::vector<Error> unreadable;
  CHECK(find_session(files_in(folder), uid, unreadable).size() == 1);
}

TEST_CASE("the newest record of each uid wins, in whatever order they come") {
  NewestSessions newest(5000);
  auto records = plausible_records(3000);
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (const std::uint32_t seq : {1u, 0u, static_cast<std::uint32_t>(i % 4)}) {
      records[i].seq = seq;
      records[i].end_reason = seq == 3 ? EndReason::kIdle : EndReason::kOpen;
      REQUIRE(newest.add(records[i]).ok());
    }
  }
  REQUIRE(newest.records().size() == 3000);
  CHECK(newest.open_sessions() == 2250);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(newest.records()[i].uid == records[i].uid);
    CHECK(newest.records()[i].seq == std::max<std::uint32_t>(1, i % 4));
  }
  CHECK(newest.memory_bytes() >= 3000 * sizeof(SessionRecord));

  SessionRecord unknown = records[0];
  unknown.uid.bytes[15] ^= 1;
  CHECK_FALSE(newest.update(unknown));
  CHECK(newest.records().size() == 3000);
  NewestSessions small(1);
  REQUIRE(small.add(records[0]).ok());
  REQUIRE(small.add(records[0]).ok());
  CHECK(small.add(records[1]).error().code == ErrorCode::kLimit);
}
