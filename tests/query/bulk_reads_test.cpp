// What is read in pieces past the page cache is what stands in the file, whoever asks in which order.

#include "storage/query/bulk_reads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "storage/container_layout.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

struct Wanted {
  SegmentReaders readers;
  std::vector<FetchJob> jobs;
  bool direct = true;  // the file system of the test has reads past the page cache

  explicit Wanted(const storage::Store& store, bool single_blocks = false) {
    for (PlannedSegment& segment : must(make_plan(scan(store), IndexQuery::all(), {})).segments) {
      forget(segment.file.path);
      const std::uint32_t number = readers.add(segment.file, single_blocks);
      for (const PlannedBlock& block : segment.blocks) jobs.push_back({number, block});
    }
  }

  /// The file leaves the page cache.
  void forget(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECT);
    direct = direct && descriptor >= 0;
    if (descriptor < 0) return;
    static_cast<void>(::fdatasync(descriptor));
    static_cast<void>(::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED));
    ::close(descriptor);
  }

  bool is_right(std::size_t job, Bytes bytes) {
    const storage::BlockEntry& entry = jobs[job].planned.entry;
    const File file = must(File::open_read(readers.file(jobs[job].segment).path));
    std::vector<std::uint8_t> expected(storage::total_bytes(entry.extension_bytes, entry.stored_bytes));
    must(file.pread_exact(entry.file_offset, expected));
    return std::ranges::equal(expected, bytes);
  }
};

}  // namespace

TEST_CASE("pieces hold the bytes of the file, in any order, with any memory, for any number of threads") {
  const TestStore store;
  record(*store, random_traffic(1, 3000), small_segments());
  for (const unsigned thread_count : {1u, 3u}) {
    for (const std::uint64_t memory_bytes :
         {std::uint64_t{0}, std::uint64_t{9'000}, std::uint64_t{1} << 26}) {
      CAPTURE(thread_count, memory_bytes);
      Wanted wanted(*store);
      REQUIRE(wanted.jobs.size() > 100);
      std::shuffle(wanted.jobs.begin() + 20, wanted.jobs.end(), std::mt19937(thread_count));
      BulkReads reads(wanted.readers, wanted.jobs, memory_bytes);
      std::atomic<std::size_t> next = 0;
      std::atomic<std::size_t> came = 0;
      std::atomic<std::size_t> wrong = 0;
      const auto work = [&] {
        for (std::size_t job = next++; job < wanted.jobs.size(); job = next++) {
          if (job % 7 != 3) {  // the others are skipped
            const Bytes bytes = reads.wait(job);
            if (!bytes.empty()) ++came;
            if (!bytes.empty() && !wanted.is_right(job, bytes)) ++wrong;
          }
          reads.done(job);
        }
      };
      std::vector<std::thread> threads;
      for (unsigned i = 0; i < thread_count; ++i) threads.emplace_back(work);
      for (std::thread& thread : threads) thread.join();
      CHECK(wrong == 0);
      if (memory_bytes == 0) CHECK(came == 0);
      if (memory_bytes > 9'000 && wanted.direct) CHECK(came > 0);
    }
  }
}

TEST_CASE("segments of which few blocks are wanted are not read in pieces") {
  const TestStore store;
  record(*store, random_traffic(1, 500), small_segments());
  Wanted wanted(*store, true);
  BulkReads reads(wanted.readers, wanted.jobs, 1 << 26);
  for (std::size_t job = 0; job < wanted.jobs.size(); ++job) {
    CHECK_FALSE(reads.covers(job));
    CHECK(reads.wait(job).empty());
  }
}

TEST_CASE("pieces of a segment that was cut are left to whoever reports it") {
  const TestStore store;
  record(*store, random_traffic(1, 500), small_segments());
  Wanted wanted(*store);
  for (std::uint32_t segment = 0; segment < wanted.readers.size(); ++segment) {
    must(wanted.readers.open(segment));  // as in a plan that is under way
    REQUIRE(::truncate(wanted.readers.file(segment).path.c_str(), 0) == 0);
  }
  BulkReads reads(wanted.readers, wanted.jobs, 1 << 26);
  for (std::size_t job = 0; job < wanted.jobs.size(); ++job) {
    CHECK(reads.wait(job).empty());
    reads.done(job);
  }
}
