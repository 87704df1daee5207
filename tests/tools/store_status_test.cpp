// Books that close, books that do not, and books that cannot be compared yet.

#include "tools/store_status.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "storage/ledger_file.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/tools/session_maker.hpp"
#include "tests/tools/temporary_folder.hpp"

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
  StoreStatus status() const {
    Result<StoreStatus> status = read_status(store_);
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
  CHECK(status.sessions.final_records == 1);
  CHECK(status.sessions.packets == 10);
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

}  // namespace tapline::tools
