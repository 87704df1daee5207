// One session among many session files, with and without their indexes.

#include "storage/session_lookup.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "storage/query/session_visit.hpp"
#include "tests/query/store_answer.hpp"
#include "tests/storage/session_samples.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
namespace fs = std::filesystem;

namespace {

using Sessions = std::map<Uid, std::vector<SessionRecord>>;  // by seq

/// Three sources a day apart, slow enough for interim records.
Sessions record_three(const storage::Store& store) {
  for (std::uint8_t source = 1; source <= 3; ++source) {
    std::vector<OwnedFrame> frames = random_traffic(40 + source, 1500);
    const TimeNs start_ns = frames.front().time_ns;
    for (OwnedFrame& frame : frames) {
      frame.time_ns = start_ns + source * 86'400 * kNsPerSecond + (frame.time_ns - start_ns) * 300;
    }
    RecordOptions options;
    options.source = source;
    record(store, frames, options);
  }
  Sessions sessions;
  for (const SessionRecord& record : read_sessions(store)) sessions[record.uid].push_back(record);
  for (auto& [uid, records] : sessions) std::ranges::sort(records, {}, &SessionRecord::seq);
  return sessions;
}

void remove_indexes(const storage::Store& store) {
  for (const storage::CatalogFile& file : scan(store).sessions) fs::remove(storage::index_path_of(file.path));
}

}  // namespace

TEST_CASE("all records of a session are found by its uid, with and without indexes") {
  const bool indexed = GENERATE(true, false);
  CAPTURE(indexed);
  const TestStore store;
  const Sessions sessions = record_three(*store);
  REQUIRE(scan(*store).sessions.size() == 3);
  REQUIRE(std::ranges::any_of(sessions, [](const auto& session) { return session.second.size() > 2; }));
  if (!indexed) remove_indexes(*store);
  const std::vector<std::string> paths = session_paths(scan(*store));
  std::vector<Error> unreadable;
  for (const auto& [uid, records] : sessions) {
    REQUIRE(std::ranges::equal(storage::find_session(paths, uid, unreadable), records, storage::same_record));
  }
  CHECK(unreadable.empty());
}

TEST_CASE("the newest record of a session is found by its uid, with and without indexes") {
  const bool indexed = GENERATE(true, false);
  CAPTURE(indexed);
  const TestStore store;
  const Sessions sessions = record_three(*store);
  if (!indexed) remove_indexes(*store);
  const std::vector<std::string> paths = session_paths(scan(*store));
  std::vector<Error> unreadable;
  for (const auto& [uid, records] : sessions) {
    const std::optional<SessionRecord> newest = storage::find_newest_record(paths, uid, unreadable);
    REQUIRE(newest);
    REQUIRE(storage::same_record(*newest, records.back()));
  }
  CHECK(unreadable.empty());
}

TEST_CASE("a uid that no file has is not found") {
  const TestStore store;
  Uid unknown = record_three(*store).begin()->first;
  unknown.bytes[15] ^= 1;
  std::vector<Error> unreadable;
  const std::vector<std::string> paths = session_paths(scan(*store));
  CHECK_FALSE(storage::find_newest_record(paths, unknown, unreadable));
  CHECK(storage::find_session(paths, unknown, unreadable).empty());
  CHECK(unreadable.empty());
}

TEST_CASE("a damaged index of a session file hides no session") {
  const TestStore store;
  const Sessions sessions = record_three(*store);
  const std::string index = storage::index_path_of(scan(*store).sessions.at(1).path);
  REQUIRE(fs::exists(index));
  const std::vector<std::string> paths = session_paths(scan(*store));
  const auto bytes = fs::file_size(index);
  for (std::uintmax_t offset = 0; offset < bytes; offset += bytes / 40 + 1) {
    CAPTURE(offset);
    flip_byte(index, offset);
    std::vector<Error> unreadable;
    for (const auto& [uid, records] : sessions) {
      if (uid.bytes[15] % 16 != 0) continue;  // a sample: the file is read anew for each
      REQUIRE(storage::find_newest_record(paths, uid, unreadable));
    }
    flip_byte(index, offset);
  }
}

TEST_CASE("a file that has gone is reported and the others are searched") {
  const TestStore store;
  const Sessions sessions = record_three(*store);
  const std::vector<std::string> paths = session_paths(scan(*store));
  fs::remove(paths.at(0));
  std::vector<Error> unreadable;
  CHECK(storage::find_newest_record(paths, sessions.rbegin()->first, unreadable));
  std::size_t found = 0;
  for (const auto& [uid, records] : sessions) {
    if (storage::find_newest_record(paths, uid, unreadable)) ++found;
  }
  CHECK(found > sessions.size() / 2);
  CHECK(found < sessions.size());
  REQUIRE_FALSE(unreadable.empty());
  CHECK(unreadable[0].context.find(paths[0]) != std::string::npos);
}
