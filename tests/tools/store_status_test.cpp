// Books that close, books that do not, and books that cannot be compared yet.

#include "tools/store_status.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "storage/ledger_file.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/session_maker.hpp"

namespace tapline::tools {
namespace {

/// A store of one import of `frames` frames that were all filtered, and in one session.
class SmallStore {
 public:
  explicit SmallStore(std::uint64_t frames) : store_(make_store(folder_.path())) {
    write_ledger(frames);
    write_session(frames);
    add_source("a.pcap", frames, 100, 160);
  }

  static storage::Store make_store(const std::string& path) {
    Result<storage::Store> store = storage::Store::open_or_create(path, "probe");
    REQUIRE(store);
    return *store;
  }

  void add_source(const std::string& path, std::uint64_t frames, std::int64_t first, std::int64_t last,
                  storage::SourceState state = storage::SourceState::kComplete) {
    storage::Source source;
    source.id = storage::make_segment_id();
    source.path = path;
    source.state = state;
    source.frames = frames;
    source.wire_bytes = 100 * frames;
    source.first_ns = first * kNsPerSecond;
    source.last_ns = last * kNsPerSecond;
    REQUIRE(storage::save_source(store_, source));
  }

  void write_ledger(std::uint64_t frames) {
    storage::RowGroupFileConfig config;
    config.directory = store_.ledger_directory();
    config.source_id = storage::make_segment_id();
    storage::LedgerFileWriter ledger(config);
    storage::LedgerRow row;
    row.second = 100;
    row.counts.add(storage::kFramePolled, frames);
    row.counts.add(storage::kFrameFiltered, frames);
    row.counts.add(storage::kFrameDecoded, frames);
    row.counts.add(storage::kFrameInSession, frames);
    REQUIRE(ledger.append(row));
    REQUIRE(ledger.finish());
  }

  void write_session(std::uint64_t packets) {
    storage::SessionFileConfig config;
    config.file.directory = store_.sessions_directory();
    config.file.source_id = storage::make_segment_id();
    storage::SessionFileWriter sessions(config);
    SessionRecord open = make_session();
    open.end_reason = EndReason::kOpen;
    open.a_to_b.total = {packets - 1, 0, 0, 0};
    open.b_to_a.total = {};
    SessionRecord ended = make_session();
    ended.seq = 1;
    ended.a_to_b.previous = open.a_to_b.total;
    ended.a_to_b.total = open.a_to_b.total;
    ended.b_to_a.total = {1, 0, 0, 0};
    REQUIRE(sessions.append(open));
    REQUIRE(sessions.append(ended));
    REQUIRE(sessions.finish());
  }

  const storage::Store& store() const { return store_; }
  std::string path() const { return folder_.path(); }
  StoreStatus status(bool deep = true) const {
    Result<StoreStatus> status = read_status(store_, deep);
    REQUIRE(status);
    return std::move(*status);
  }

 private:
  TemporaryFolder folder_;
  storage::Store store_;
};

bool holds(const std::string& text, std::string_view part) {
  INFO(text);
  INFO(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("an empty store is intact and says that there is nothing") {
  const TemporaryFolder folder;
  const Result<StoreStatus> status = read_status(SmallStore::make_store(folder.path()));
  REQUIRE(status);
  CHECK(status->intact());
  CHECK(!status->writer_active);
  holds(format_status(*status), "0 segments");
  holds(status_json(*status), "\"intact\":true");
}

TEST_CASE("books close where everything agrees") {
  const SmallStore store(10);
  const StoreStatus status = store.status();
  CHECK(status.intact());
  CHECK(status.sessions.records == 2);
  REQUIRE(status.sessions.deep.has_value());
  CHECK(status.sessions.deep->final_records == 1);
  CHECK(status.sessions.deep->packets == 10);
  CHECK(status.covered_ns == 60 * kNsPerSecond);
  holds(format_status(status), "complete    a.pcap, 10 frames");
  holds(status_json(status), "\"wire_bytes_per_second\":16.667");
}

TEST_CASE("frames that a source had and the ledger has not are found") {
  SmallStore store(10);
  store.add_source("b.pcap", 1, 130, 200);
  const StoreStatus status = store.status();
  CHECK(!status.intact());
  CHECK(status.covered_ns == 100 * kNsPerSecond);  // 130 to 160 counts once
  holds(format_status(status), "DOES NOT CLOSE: frames of the sources = frames polled: 11 against 10");
  holds(status_json(status), "\"left\":11,\"right\":10,\"closes\":false");
}

TEST_CASE("packets that no session record has are found") {
  SmallStore store(10);
  store.write_ledger(5);
  store.add_source("b.pcap", 5, 130, 200);
  const StoreStatus status = store.status();
  CHECK(status.ledger_books.ok());
  CHECK(!status.intact());
  holds(format_status(status), "packets of session records = frames in sessions: 10 against 15");
}

TEST_CASE("while an import runs or has not ended, accounts are not compared") {
  SmallStore store(10);
  store.add_source("b.pcap", 0, 0, 0, storage::SourceState::kStarted);
  store.write_ledger(5);
  const StoreStatus interrupted = store.status();
  CHECK(interrupted.intact());
  holds(format_status(interrupted), "interrupted b.pcap");
  holds(status_json(interrupted), "\"not_compared\":\"an import is running or was interrupted\"");

  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(store.store());
  REQUIRE(lock);
  const StoreStatus running = store.status();
  CHECK(running.writer_active);
  CHECK(running.writer_pid == std::to_string(::getpid()));
  holds(format_status(running), "running     b.pcap");
}

TEST_CASE("a file that cannot be read is named, and the store is not intact") {
  const SmallStore store(10);
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store.store());
  REQUIRE(catalog);
  std::filesystem::resize_file(catalog->ledgers.at(0).path, 50);
  const StoreStatus status = store.status();
  CHECK(!status.intact());
  REQUIRE(status.unreadable.size() == 1);
  holds(status_json(status), catalog->ledgers[0].path);
}

TEST_CASE("long lists of sources end with how many are left out") {
  SmallStore store(10);
  for (int i = 0; i < 30; ++i) store.add_source(fmt::format("{}.pcap", i), 0, 0, 0);
  const StoreStatus status = store.status();
  holds(format_status(status), "and 11 older ones; --json lists them all");
  holds(status_json(status), "\"29.pcap\"");
}

TEST_CASE("session records are read only where that was asked for") {
  SmallStore store(10);
  store.write_ledger(5);
  store.add_source("b.pcap", 5, 130, 200);
  const StoreStatus status = store.status(false);
  CHECK(status.intact());
  CHECK(status.sessions.records == 2);
  CHECK(!status.sessions.deep);
  holds(format_status(status), "sessions  2 records in 1 files");
  holds(status_json(status), "\"not_compared\":\"needs --deep\"");
  CHECK(status_json(status).find("final_records") == std::string::npos);
}

TEST_CASE("a live source tells its state, what was dropped, and its rates over the newest ten seconds") {
  const TemporaryFolder folder;
  const storage::Store store = SmallStore::make_store(folder.path());
  storage::Source source;
  source.id.fill(9);
  source.path = "eth1";
  source.live = true;
  source.first_ns = 1000 * kNsPerSecond;
  const auto status = [&] {
    REQUIRE(storage::save_source(store, source));
    Result<StoreStatus> read = read_status(store);
    REQUIRE(read);
    return *std::move(read);
  };
  holds(format_status(status()), "crashed     eth1, nothing on the disk yet");
  storage::RowGroupFileConfig config;
  config.directory = store.ledger_directory();
  config.source_id = source.id;
  storage::LedgerFileWriter ledger(config);
  for (std::int64_t second = 1000; second < 1030; ++second) {
    storage::LedgerRow row;
    row.second = second;
    row.worker = static_cast<std::uint16_t>(second % 2);
    row.device_measured = true;
    row.device_dropped_frames = static_cast<std::uint64_t>(second - 1000);
    row.counts.add(storage::kFramePolled, 10);
    row.counts.add(storage::kFramePolledWireBytes, 1000);
    row.counts.add(storage::kFrameStoredWhole, 9);
    row.counts.add(storage::kFrameStoredWholeBytes, 1000);
    row.counts.add(storage::kFrameDropped + 3, 1);
    row.counts.add(storage::kFrameStoredLowered, second < 1003 ? 1 : 0);
    row.counts.add_cut_overload(100);
    REQUIRE(ledger.append(row));
  }
  REQUIRE(ledger.flush());
  holds(format_status(status()),
        "crashed     eth1, 300 frames polled, 270 stored, 30 dropped (overload), 57 dropped by device or "
        "kernel, 3 compressed less to keep up, 30 cut to their headers to keep up; "
        "10.0 frames/s, 1000 B/s in the last 10 s before 1970-01-01T00:17:10.000000000Z");
  {
    const Result<storage::StoreLock> lock = storage::StoreLock::acquire(store);
    REQUIRE(lock);
    const std::string json = status_json(status());
    holds(json, "\"state\":\"recording\"");
    holds(json,
          "\"frames_dropped\":{\"no_block\":0,\"io_error\":0,\"no_space\":0,\"overload\":30,\"crash\":0},"
          "\"frames_stored_lowered\":3,\"frames_stored_hurried\":0,\"frames_cut_overload\":30,"
          "\"device_dropped\":57,\"recent_frames_per_second\":10.000,"
          "\"recent_wire_bytes_per_second\":1000.000,\"newest\":\"1970-01-01T00:17:09.000000000Z\"");
  }
  source.state = storage::SourceState::kComplete;
  source.last_ns = 1030 * kNsPerSecond - 1;
  holds(format_status(status()), "stopped     eth1");
  source.state = storage::SourceState::kCrashed;
  holds(format_status(status()), "crashed     eth1");
}

}  // namespace tapline::tools
