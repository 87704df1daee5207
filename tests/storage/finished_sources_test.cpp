// Sources that have ended, repeated in one file: reads are saved, and nothing that it says outlives the
// truth.

#include "storage/finished_sources.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/source.hpp"
#include "tests/read_count.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

Source make_source(std::uint8_t number, SourceState state = SourceState::kComplete) {
  Source source;
  source.id.fill(number);
  source.path = "trace " + std::to_string(number) + " source = x";
  source.state = state;
  source.frames = 1000u + number;
  source.first_ns = number * kNsPerSecond;
  source.last_ns = source.first_ns + 1;
  return source;
}

Store make_store(const TemporaryFolder& folder) {
  Result<Store> store = Store::open_or_create(folder / "store", "sensor");
  REQUIRE(store.ok());
  return std::move(*store);
}

Store store_of(const TemporaryFolder& folder, std::uint8_t sources) {
  Store store = make_store(folder);
  for (std::uint8_t number = 1; number <= sources; ++number)
    REQUIRE(save_source(store, make_source(number)).ok());
  return store;
}

/// Source `number`, which has ended.
SegmentId finished_id(const Store& store, std::uint8_t number) {
  const SegmentId id = make_source(number).id;
  REQUIRE(load_finished_sources(store).contains(id));
  return id;
}

std::string finished_path(const Store& store) {
  return store.sources_directory() + "/finished";
}

/// By id; all that is compared of one.
std::vector<std::string> listed(const Store& store) {
  const Result<std::vector<Source>> sources = list_sources(store);
  REQUIRE(sources.ok());
  std::vector<std::string> texts;
  for (const Source& source : *sources) {
    texts.push_back(format_segment_id(source.id) + " " + source.path + " " + std::to_string(source.frames) +
                    " " + std::to_string(static_cast<int>(source.state)) + " " +
                    std::to_string(source.last_ns));
  }
  return texts;
}

}  // namespace

TEST_CASE("sources that have ended are read from one file") {
  const TemporaryFolder folder;
  const Store store = store_of(folder, 44);
  CHECK(load_finished_sources(store).size() >= 40 - 8);
  const auto reads = test::reads_of([&] { CHECK(listed(store).size() == 44); });
  if (!reads) {
    WARN("skipped: the kernel does not count reads");
    return;
  }
  CHECK(reads->calls <= 1 + 8);
}

TEST_CASE("the list is the same with the file, without it, and with any damage to it") {
  const TemporaryFolder folder;
  const Store store = store_of(folder, 20);
  const std::vector<std::string> expected = listed(store);
  REQUIRE(expected.size() == 20);
  const std::vector<std::uint8_t> bytes = *read_file(finished_path(store));
  for (std::size_t at = 0; at < bytes.size(); at += 13) {
    std::vector<std::uint8_t> damaged = bytes;
    damaged[at] ^= 4;
    REQUIRE(File::create(finished_path(store))->write_all(damaged).ok());
    REQUIRE(load_finished_sources(store).empty());
    REQUIRE(listed(store) == expected);
  }
  for (std::size_t length = 0; length < bytes.size(); length += 101) {
    REQUIRE(File::create(finished_path(store))->write_all(Bytes(bytes).first(length)).ok());
    REQUIRE(listed(store) == expected);
  }
  std::filesystem::remove(finished_path(store));
  CHECK(listed(store) == expected);
}

TEST_CASE("a source that is begun again is not finished any more") {
  const TemporaryFolder folder;
  const Store store = store_of(folder, 16);
  const SegmentId id = finished_id(store, 3);
  REQUIRE(save_source(store, make_source(3, SourceState::kStarted)).ok());
  CHECK_FALSE(load_finished_sources(store).contains(id));
  const std::vector<Source> sources = *list_sources(store);
  const auto begun = std::ranges::find(sources, id, &Source::id);
  REQUIRE(begun != sources.end());
  CHECK(begun->state == SourceState::kStarted);
}

TEST_CASE("sources that have not ended stay in their own files") {
  const TemporaryFolder folder;
  const Store store = make_store(folder);
  for (std::uint8_t number = 1; number <= 30; ++number)
    REQUIRE(save_source(store, make_source(number, SourceState::kStarted)).ok());
  CHECK_FALSE(std::filesystem::exists(finished_path(store)));
  CHECK(list_sources(store)->size() == 30);
}

TEST_CASE("a source whose file was removed is gone, whatever else says") {
  const TemporaryFolder folder;
  const Store store = store_of(folder, 16);
  const SegmentId id = finished_id(store, 5);
  std::filesystem::remove(store.sources_directory() + "/" + format_segment_id(id) + ".source");
  CHECK(list_sources(store)->size() == 15);
}

TEST_CASE("what is written of finished sources is read again") {
  FinishedSources sources;
  CHECK(*parse_finished_sources(write_finished_sources(sources)) == sources);
  for (std::uint8_t number = 0; number < 9; ++number) {
    SegmentId id;
    id.fill(number);
    sources[id] = std::string("path = a\nstate = complete\n").substr(number == 0 ? 9 : 0);
  }
  CHECK(*parse_finished_sources(write_finished_sources(sources)) == sources);
}
