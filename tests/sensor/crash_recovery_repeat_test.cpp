// Recovery that is interrupted anywhere, or done twice, counts nothing twice.

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/recovery.hpp"
#include "storage/session_scan.hpp"
#include "tests/sensor/killed_run.hpp"

using namespace tapline;
using namespace tapline::test;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().string());
  return names;
}

std::vector<std::string> added_files(const std::set<std::string>& before, const std::string& directory) {
  std::vector<std::string> added;
  for (const std::string& name : names_in(directory)) {
    if (!before.contains(name)) added.push_back(name);
  }
  return added;
}

RowGroupFileConfig same_files(const SegmentHeader& header, const std::string& directory) {
  RowGroupFileConfig config;
  config.directory = directory;
  config.port = header.port;
  config.worker = header.worker;
  config.sensor_id = header.sensor_id;
  std::ranges::copy(header.source_id, config.source_id.begin());
  return config;
}

/// Leaves only the first records of a file, as if its writer had been killed after them.
void keep_first_records(const std::string& path, std::size_t records_max) {
  SessionFileReader reader = must(SessionFileReader::open(path));
  SessionScan scan({path}, {}, kFieldsAll);
  SessionFileWriter writer({same_files(reader.container().header(), fs::path(path).parent_path().string())});
  for (;;) {
    const std::span<const SessionRecord> batch = must(scan.next());
    if (batch.empty()) break;
    for (const SessionRecord& record : batch) {
      if (records_max == 0) break;
      --records_max;
      must(writer.append(record));
    }
  }
  fs::remove(path);
  fs::remove(index_path_of(path));
  must(writer.finish());
}

void keep_first_rows(const std::string& path, std::size_t rows_max) {
  LedgerFileReader reader = must(LedgerFileReader::open(path));
  LedgerFileWriter writer(same_files(reader.container().header(), fs::path(path).parent_path().string()));
  for (;;) {
    const std::span<const LedgerRow> rows = must(reader.next());
    if (rows.empty()) break;
    for (const LedgerRow& row : rows) {
      if (rows_max == 0) break;
      --rows_max;
      must(writer.append(row));
    }
  }
  fs::remove(path);
  must(writer.finish());
}

void start_again(const Store& store, const SegmentId& id) {
  Source source = must(load_source(store, id));
  source.state = SourceState::kStarted;
  must(save_source(store, source));
}

}  // namespace

TEST_CASE("a recovery that was interrupted anywhere is repeated, and nothing is counted twice") {
  const std::uint64_t seed = GENERATE(range(201u, 231u));
  CAPTURE(seed);
  const KilledRun killed(seed, Packets::kLeftOpen);
  const Store& store = *killed.store;
  must(recover_store(store));
  const Sums recorded = newest_sums(sessions_of(store, killed.id));
  const Sums expected = expected_sums(killed.fed, recorded, store);
  const std::set<std::string> sessions_before = names_in(store.sessions_directory());
  const std::set<std::string> ledgers_before = names_in(store.ledger_directory());
  recover(store);
  const LedgerTotals ledger = ledger_totals(store);

  std::mt19937_64 random(seed);
  const bool sessions_done = random() % 3 == 0;
  for (const std::string& path : added_files(sessions_before, store.sessions_directory())) {
    if (path.ends_with(kSessionSuffix) && !sessions_done) keep_first_records(path, random() % 200);
  }
  for (const std::string& path : added_files(ledgers_before, store.ledger_directory())) {
    keep_first_rows(path, sessions_done ? random() % 4 : 0);
  }
  start_again(store, killed.id);
  recover(store);
  check_sessions(sessions_of(store, killed.id), expected);
  check_ledger(store, killed.id);
  CHECK(ledger_totals(store).counts() == ledger.counts());
}

TEST_CASE("a run is recovered once, and a second recovery finds nothing left to do") {
  const std::uint64_t seed = GENERATE(301u, 302u, 303u, 304u, 305u);
  CAPTURE(seed);
  const KilledRun killed(seed, Packets::kLeftOpen);
  const Store& store = *killed.store;
  const sensor::CrashReport first = recover(store);
  const Source account = must(load_source(store, killed.id));
  CHECK(first.interface == "eth-test");
  CHECK(first.last_ns == account.last_ns);
  CHECK(account.finished_at_ns > 0);
  CHECK(must(sensor::recover_runs(store)).empty());

  const std::set<std::string> sessions = names_in(store.sessions_directory());
  const std::set<std::string> ledgers = names_in(store.ledger_directory());
  start_again(store, killed.id);
  const sensor::CrashReport second = recover(store);
  CHECK(second.sessions.records_written == 0);
  CHECK(second.sessions.frames_counted == 0);
  CHECK(second.ledger.rows_written == 0);
  CHECK(second.last_ns == first.last_ns);
  CHECK(names_in(store.sessions_directory()) == sessions);
  CHECK(names_in(store.ledger_directory()) == ledgers);
  CHECK(must(load_source(store, killed.id)).frames == account.frames);
}
