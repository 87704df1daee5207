// Blocks that are fetched ahead: within the memory, whole or with their error, whatever is skipped.

#include "storage/query/block_fetch.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/query/frame_run.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

/// All blocks of a store, in the order of their numbers, segment after segment.
struct Fetching {
  SegmentReaders readers;
  std::vector<storage::SegmentHeader> headers;
  std::vector<FetchJob> jobs;
  std::uint64_t raw_bytes = 0;

  explicit Fetching(const storage::Store& store, std::size_t open_max = SegmentReaders::kOpenMax)
      : readers(open_max) {
    for (PlannedSegment& segment : must(make_plan(scan(store), IndexQuery::all(), {})).segments) {
      const std::uint32_t number = readers.add(segment.file, false);
      headers.push_back(segment.header);
      for (const PlannedBlock& block : segment.blocks) {
        jobs.push_back({number, block});
        raw_bytes += block.entry.raw_bytes;
      }
    }
  }
};

bool accept_all(const Frame&) {
  return true;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace

TEST_CASE("fetched blocks hold their frames, skipped ones cost the others nothing") {
  const TestStore store;
  record(*store, random_traffic(1, 1500), small_segments());
  for (const unsigned threads : {1u, 4u}) {
    for (const std::uint64_t memory_bytes :
         {std::uint64_t{1}, std::uint64_t{20'000}, std::uint64_t{1} << 30}) {
      CAPTURE(threads, memory_bytes);
      Fetching all(*store);
      const std::vector<FetchJob> jobs = all.jobs;
      BlockFetch fetch(all.readers, all.headers, all.jobs, accept_all, with_threads(threads, memory_bytes));
      std::uint64_t frames = 0;
      std::uint64_t skipped_frames = 0;
      for (std::size_t job = 0; job < jobs.size(); ++job) {
        if (job % 5 == 3) {
          fetch.skip(job);
          skipped_frames += jobs[job].planned.entry.frames;
          continue;
        }
        FetchedBlock block = fetch.take(job);
        must(block.status);
        CHECK(block.frames.size() == jobs[job].planned.entry.frames);
        frames += block.frames.size();
        fetch.release(std::move(block));
      }
      CHECK(frames + skipped_frames == 1500);
      CHECK(fetch.blocks_read() >= jobs.size() - jobs.size() / 5 - 1);
    }
  }
}

TEST_CASE("no more is fetched ahead than the memory has room for") {
  const TestStore store;
  record(*store, random_traffic(1, 3000), small_segments());
  Fetching all(*store);
  const std::size_t count = all.jobs.size();
  REQUIRE(count > 100);
  constexpr std::uint64_t kMemoryBytes = 64 * 1024;
  std::atomic<std::uint64_t> seen_bytes = 0;
  std::uint64_t taken_bytes = 0;
  std::uint64_t ahead_bytes_max = 0;
  BlockFetch fetch(
      all.readers, all.headers, all.jobs,
      [&](const Frame& frame) {
        seen_bytes += frame.captured_bytes;
        return true;
      },
      with_threads(4, kMemoryBytes));
  for (std::size_t job = 0; job < count; ++job) {
    FetchedBlock block = fetch.take(job);
    must(block.status);
    ahead_bytes_max = std::max(ahead_bytes_max, seen_bytes - taken_bytes);
    for (const Frame& frame : block.frames) taken_bytes += frame.captured_bytes;
    fetch.release(std::move(block));
  }
  CHECK(ahead_bytes_max <= kMemoryBytes + 2 * 4096);  // and the block that is wanted now
  CHECK(taken_bytes == seen_bytes);
}

TEST_CASE("a fetch that is given up half way ends its threads") {
  const TestStore store;
  record(*store, random_traffic(1, 1500), small_segments());
  for (const std::uint64_t memory_bytes : {std::uint64_t{10'000}, std::uint64_t{1} << 30}) {
    Fetching all(*store);
    BlockFetch fetch(all.readers, all.headers, all.jobs, accept_all, with_threads(4, memory_bytes));
    CHECK(fetch.take(0).status.ok());
  }
}

TEST_CASE("any number of segments is read with few descriptors, in any order") {
  const TestStore store;
  record(*store, random_traffic(1, 4000), small_segments());
  Fetching all(*store, 2);
  REQUIRE(all.headers.size() > 5);
  const std::size_t before = open_descriptors();
  // Segments in turns: each take() is of another one.
  std::ranges::stable_sort(all.jobs, {}, [](const FetchJob& job) { return job.planned.number; });
  const std::vector<FetchJob> jobs = all.jobs;
  std::size_t most = 0;
  BlockFetch fetch(all.readers, all.headers, all.jobs, accept_all, with_threads(1));
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    FetchedBlock block = fetch.take(job);
    must(block.status);
    CHECK(block.frames.size() == jobs[job].planned.entry.frames);
    most = std::max(most, open_descriptors() - before);
    fetch.release(std::move(block));
  }
  CHECK(most <= 2);
}

TEST_CASE("of blocks with few wanted frames only these stay in memory") {
  const TestStore store;
  record(*store, random_traffic(1, 1500), small_segments());
  Fetching all(*store);
  const std::size_t count = all.jobs.size();
  std::vector<std::uint64_t> raw_bytes;
  for (const FetchJob& job : all.jobs) raw_bytes.push_back(job.planned.entry.raw_bytes);
  BlockFetch fetch(
      all.readers, all.headers, all.jobs, [](const Frame& frame) { return frame.time_ns % 16 == 0; },
      with_threads(1));
  std::uint64_t frames = 0;
  std::uint64_t content_bytes = 0;
  for (std::size_t job = 0; job < count; ++job) {
    FetchedBlock block = fetch.take(job);
    must(block.status);
    std::uint64_t record_bytes = 0;
    for (const Frame& frame : block.frames) {
      CHECK(frame.time_ns % 16 == 0);
      CHECK(record_of(frame).data() >= block.content.data());
      CHECK(load_le<std::uint32_t>(frame.data - 4) == frame.wire_bytes);
      record_bytes += record_of(frame).size();
    }
    if (record_bytes < raw_bytes[job] / 2) CHECK(block.content.size() == record_bytes);
    frames += block.frames.size();
    content_bytes += block.content.size();
  }
  CHECK(frames > 10);
  CHECK(content_bytes < all.raw_bytes / 2);
}
