// How fast the blocks of a store decompress and nothing else: the bound of every extraction.
// usage: decompress_bench STORE THREADS [BYTES]. Prints stored bytes a second that all threads together would
// do if none waited (processor time within zstd alone), raw bytes, and the seconds of processor.

#include <fmt/core.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"

namespace {

using namespace tapline;

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Sum {
  std::uint64_t stored_bytes = 0;
  std::uint64_t raw_bytes = 0;
  double seconds = 0;
};

Status decompress_segment(const std::string& path, Sum& sum) {
  const Result<storage::ContainerReader> segment = storage::ContainerReader::open(path);
  if (!segment) return segment.error();
  const Result<std::vector<storage::BlockEntry>> entries = segment->load_entries();
  if (!entries) return entries.error();
  storage::BlockDecoder decoder;
  storage::DecodedBlock block;
  std::vector<std::uint8_t> content;
  for (std::uint32_t number = 0; number < entries->size(); ++number) {
    const storage::BlockEntry& entry = (*entries)[number];
    TAPLINE_TRY(segment->check_block(entry, number, block));
    content.resize(entry.raw_bytes);
    const double begun = thread_seconds();
    TAPLINE_TRY(decoder.decode(Bytes(block.stored).last(entry.stored_bytes), content));
    sum.seconds += thread_seconds() - begun;
    sum.stored_bytes += entry.stored_bytes;
    sum.raw_bytes += entry.raw_bytes;
  }
  return {};
}

int fail(const Error& error) {
  fmt::print(stderr, "decompress_bench: {}\n", error.context);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fail({ErrorCode::kInvalid, "usage: decompress_bench STORE THREADS [BYTES]"});
  const Result<storage::Store> store = storage::Store::open(argv[1]);
  if (!store) return fail(store.error());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  if (!catalog) return fail(catalog.error());
  const auto thread_count = static_cast<std::size_t>(std::strtoul(argv[2], nullptr, 10));
  const std::uint64_t bytes_max = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : ~std::uint64_t{0};
  std::vector<Sum> sums(thread_count);
  std::vector<Status> done(thread_count);
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> stored_bytes = 0;
  const auto work = [&](std::size_t place) {
    for (std::size_t i = next++; i < catalog->segments.size() && stored_bytes < bytes_max && done[place];
         i = next++) {
      const std::uint64_t before = sums[place].stored_bytes;
      done[place] = decompress_segment(catalog->segments[i].path, sums[place]);
      stored_bytes += sums[place].stored_bytes - before;
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t place = 0; place < thread_count; ++place) threads.emplace_back(work, place);
  for (std::thread& thread : threads) thread.join();
  Sum all;
  for (std::size_t place = 0; place < thread_count; ++place) {
    if (!done[place]) return fail(done[place].error());
    all.stored_bytes += sums[place].stored_bytes;
    all.raw_bytes += sums[place].raw_bytes;
    all.seconds += sums[place].seconds;
  }
  if (all.seconds <= 0) return fail({ErrorCode::kNotFound, "the store has no blocks"});
  const double wall_seconds = all.seconds / static_cast<double>(thread_count);
  fmt::print("{:.0f} stored bytes/s, {:.0f} raw bytes/s on {} threads; {:.2f} s of processor\n",
             static_cast<double>(all.stored_bytes) / wall_seconds,
             static_cast<double>(all.raw_bytes) / wall_seconds, thread_count, all.seconds);
  return 0;
}
