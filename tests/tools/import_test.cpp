// A file is counted once, whatever happened to earlier imports of it.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/recovery.hpp"
#include "tests/sensor/recorded_store.hpp"
#include "tests/storage/session_samples.hpp"
#include "tools/capture_writer.hpp"
#include "tools/import_file.hpp"

using namespace tapline;
using namespace tapline::tools;
using namespace tapline::test;
namespace fs = std::filesystem;

namespace {

/// A capture file of random traffic.
class CaptureFile {
 public:
  explicit CaptureFile(std::size_t frames) : frames_(random_traffic(71, frames)) {
    CaptureWriter writer = must(CaptureWriter::open(path(), CaptureFormat::kPcap));
    for (const OwnedFrame& from : frames_) {
      Frame frame;
      frame.data = from.bytes.data();
      frame.captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
      frame.wire_bytes = from.wire_bytes;
      frame.time_ns = from.time_ns;
      must(writer.write(frame));
    }
    must(writer.finish());
  }
  std::string path() const { return folder_ / "day.pcap"; }
  const std::vector<OwnedFrame>& frames() const { return frames_; }

 private:
  TemporaryFolder folder_;
  std::vector<OwnedFrame> frames_;
};

ImportOptions small_import() {
  ImportOptions options;
  options.flows_max = 4096;
  return options;
}

ImportOptions named(const std::string& name) {
  ImportOptions options = small_import();
  options.source_name = name;
  return options;
}

/// Leaves what a killed import leaves: an account that was opened, published segments, `.open` files.
void interrupt_import(const storage::Store& store, const CaptureFile& file) {
  storage::Source account;
  account.id = must(storage::identify_source(file.path(), ""));
  account.path = file.path();
  must(storage::save_source(store, account));
  sensor::PipelineConfig config;
  config.source_id = account.id;
  config.flows_max = 4096;
  config.segment = small_segments().segment;
  const std::unique_ptr<sensor::Pipeline> pipeline = must(sensor::Pipeline::create(store, config));
  MemorySource part(std::span(file.frames()).first(file.frames().size() / 2), 64);
  must(feed(*pipeline, part));
}

std::size_t count_open_files(const storage::Store& store) {
  const storage::Catalog catalog = scan(store);
  std::size_t open = 0;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    open += static_cast<std::size_t>(std::ranges::count(*files, true, &storage::CatalogFile::open));
  }
  return open;
}

void check_imported_once(const storage::Store& store, const CaptureFile& file) {
  CHECK(count_open_files(store) == 0);
  CHECK(frames_of(read_frames(store)) == file.frames());
  const TestStore fresh;
  must(import_file(*fresh, file.path(), small_import()));
  CHECK(std::ranges::equal(read_sessions(store), read_sessions(*fresh), storage::same_record));
  CHECK(scan(store).ledgers.size() == 1);
  const std::vector<storage::Source> sources = must(storage::list_sources(store));
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].state == storage::SourceState::kComplete);
  CHECK(sources[0].frames == file.frames().size());
}

}  // namespace

TEST_CASE("an import stores every frame and closes its account and its books") {
  const TestStore store;
  const CaptureFile file(1000);
  const ImportResult result = must(import_file(*store, file.path(), small_import()));
  must(result.totals.check());
  CHECK(result.totals.counts()[storage::kFramePolled] == 1000);
  CHECK(result.files_taken_back == 0);
  check_imported_once(*store, file);
}

TEST_CASE("an import of the same content is refused, whatever the file is called") {
  const TestStore store;
  const CaptureFile file(200);
  const CaptureFile copy(200);
  must(import_file(*store, file.path(), small_import()));
  const Result<ImportResult> repeated = import_file(*store, copy.path(), small_import());
  REQUIRE_FALSE(repeated.ok());
  CHECK(repeated.error().code == ErrorCode::kBusy);
  CHECK(repeated.error().context.find("already") != std::string::npos);
  CHECK(repeated.error().context.find("--source") != std::string::npos);
  check_imported_once(*store, file);
}

TEST_CASE("another source name allows a second copy, once") {
  const TestStore store;
  const CaptureFile file(200);
  must(import_file(*store, file.path(), small_import()));
  must(import_file(*store, file.path(), named("second tap")));
  CHECK(read_frames(*store).size() == 400);
  CHECK(import_file(*store, file.path(), named("second tap")).error().code == ErrorCode::kBusy);
}

TEST_CASE("an interrupted import is taken back and begun again; nothing is counted twice") {
  const TestStore store;
  const CaptureFile file(3000);
  interrupt_import(*store, file);
  REQUIRE(count_open_files(*store) > 0);
  REQUIRE(scan(*store).segments.size() > 2);
  const ImportResult result = must(import_file(*store, file.path(), small_import()));
  CHECK(result.files_taken_back > 2);
  check_imported_once(*store, file);
}

TEST_CASE("an interrupted import that was recovered is taken back, too") {
  const TestStore store;
  const CaptureFile file(3000);
  interrupt_import(*store, file);
  must(storage::recover_store(*store));
  REQUIRE(count_open_files(*store) == 0);
  REQUIRE_FALSE(scan(*store).segments.empty());
  must(import_file(*store, file.path(), small_import()));
  check_imported_once(*store, file);
}

TEST_CASE("taking back one import leaves the others and no index behind") {
  const TestStore store;
  const CaptureFile file(1500);
  must(import_file(*store, file.path(), named("other")));
  const std::size_t frames_of_other = read_frames(*store).size();
  interrupt_import(*store, file);
  must(storage::recover_store(*store));
  must(import_file(*store, file.path(), small_import()));
  CHECK(read_frames(*store).size() == frames_of_other + 1500);
  const storage::Catalog catalog = scan(*store);
  std::size_t indexes = 0;
  for (const auto& entry : fs::directory_iterator(store.packets())) {
    if (entry.path().extension() == ".idx") ++indexes;
  }
  CHECK(indexes == catalog.segments.size());
}

TEST_CASE("a damaged file is imported as far as it is whole and says where it ends") {
  const TestStore store;
  const CaptureFile file(500);
  fs::resize_file(file.path(), fs::file_size(file.path()) - 1);
  const ImportResult result = must(import_file(*store, file.path(), small_import()));
  must(result.totals.check());
  CHECK(result.source.frames == 499);
  CHECK(result.source.damage.find(file.path()) != std::string::npos);
  std::vector<OwnedFrame> whole = file.frames();
  whole.pop_back();
  CHECK(frames_of(read_frames(*store)) == whole);
  const std::vector<storage::Source> sources = must(storage::list_sources(*store));
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].state == storage::SourceState::kComplete);
  CHECK(sources[0].damage == result.source.damage);
}

TEST_CASE("what is no capture file leaves no account") {
  const TestStore store;
  const TemporaryFolder folder;
  must(publish_file(folder / "notes.txt", ByteBuffer(100, 'x')));
  CHECK_FALSE(import_file(*store, folder / "notes.txt", small_import()).ok());
  CHECK_FALSE(import_file(*store, folder / "none.pcap", small_import()).ok());
  CHECK(must(storage::list_sources(*store)).empty());
}

TEST_CASE("an import without packets keeps the sessions and says so in its account") {
  const TestStore store;
  const CaptureFile file(500);
  ImportOptions options = small_import();
  options.store_packets = false;
  const ImportResult result = must(import_file(*store, file.path(), options));
  CHECK(result.totals.counts()[storage::kFrameFiltered] == 500);
  CHECK(scan(*store).segments.empty());
  CHECK_FALSE(read_sessions(*store).empty());
  CHECK_FALSE(must(storage::list_sources(*store)).at(0).packets);
}
