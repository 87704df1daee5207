// Several runs into one store, and what happens when the disk refuses.

#include <fmt/core.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::test;
namespace fs = std::filesystem;

TEST_CASE("two pipelines fill one store one after the other") {
  const TestStore store;
  const std::vector<OwnedFrame> first = random_traffic(1, 800);
  const std::vector<OwnedFrame> second = random_traffic(2, 700);
  RecordOptions options = small_segments();
  const Recording one = record(*store, first, options);
  options.source = 2;
  const Recording two = record(*store, second, options);
  std::vector<OwnedFrame> of_one;
  std::vector<OwnedFrame> of_two;
  for (const ReadFrame& read : read_frames(*store)) {
    (read.source_id == one.source_id ? of_one : of_two).push_back(read.frame);
  }
  CHECK(of_one == first);
  CHECK(of_two == second);
  CHECK(read_sessions(*store).size() ==
        read_sessions(*store, one.source_id).size() + read_sessions(*store, two.source_id).size());
}

TEST_CASE("a directory that is gone is an error that names the path") {
  const TestStore store;
  const std::string name = GENERATE("packets", "sessions", "ledger");
  const std::string directory = fmt::format("{}/{}", store->path(), name);
  const std::vector<OwnedFrame> frames = random_traffic(3, 500);
  MemorySource source(frames, 64);
  const auto pipeline = make_pipeline(*store, {});
  fs::remove_all(directory);
  Status status = feed(*pipeline, source);
  if (status) status = pipeline->finish();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().context.find(directory) != std::string::npos);
}

TEST_CASE("a directory that became a file is an error that names the path") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(3, 500);
  MemorySource source(frames, 64);
  const auto pipeline = make_pipeline(*store, {});
  fs::remove_all(store.packets());
  must(publish_file(store.packets(), {}));
  Status status = feed(*pipeline, source);
  if (status) status = pipeline->finish();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kIo);
  CHECK(status.error().context.find(store.packets()) != std::string::npos);
}

TEST_CASE("after an error of the disk the pipeline goes on refusing") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(3, 200);
  RecordOptions options;
  options.segment.block_bytes = 4096;
  const auto pipeline = make_pipeline(*store, options);
  fs::remove_all(store.packets());
  for (int i = 0; i < 2; ++i) {
    MemorySource source(frames, 64);
    CHECK_FALSE(feed(*pipeline, source).ok());
  }
  CHECK_FALSE(pipeline->finish().ok());
}

TEST_CASE("a budget too small for a single segment is an error that names the remedy") {
  const TestStore store;
  RecordOptions options;
  options.budget_bytes = 1000;
  const std::vector<OwnedFrame> frames = random_traffic(3, 200);
  MemorySource source(frames, 64);
  const auto pipeline = make_pipeline(*store, options);
  Status status = feed(*pipeline, source);
  if (status) status = pipeline->finish();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kLimit);
  CHECK(status.error().context.find("--budget") != std::string::npos);
}
