// slow_disk_bench TRACE.pcap FOLDER [INPUT_MB_PER_SECOND [SECONDS]]: the live pipeline with its threads, fed
// from a trace, again and again, at a paced rate, over a disk that takes a quarter of it (FaultDisk that
// sleeps). Prints what memory is reserved before the first frame, and what may be taken at most; each second
// what was given up so far, the resident memory, and what malloc has given out; then what the ledger says,
// the first second of each step, and whether the books close. Exit 1 where they don't, or where more memory
// was resident than may be. FOLDER is made, and left behind.

#include <fmt/core.h>
#include <malloc.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "capture/base/time_window.hpp"
#include "capture/files/file_source.hpp"
#include "sensor/recorder.hpp"
#include "storage/catalog.hpp"
#include "storage/index_builder.hpp"
#include "storage/ledger_file.hpp"
#include "storage/row_group_file_writer.hpp"
#include "tests/disk/fault_disk.hpp"

namespace {

using namespace tapline;
constexpr std::uint64_t kRingBytes = 64u << 20;  // of the device, in frames that nobody has polled yet

using Seconds = std::map<std::int64_t, storage::LedgerCounts>;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "slow_disk_bench: {}\n", result.error().context);
  std::exit(1);
}

/// Frames of a file, again and again, as if they came now, so many bytes a second; dropped where they are not
/// polled in time.
class PacedSource final : public FrameSource {
 public:
  PacedSource(std::string path, std::uint64_t bytes_per_second)
      : path_(std::move(path)),
        file_(must(open_capture_file(path_))),
        bytes_per_second_(bytes_per_second),
        begun_ns_(steady_clock_ns()) {}

  Result<PollResult> poll(std::span<Frame> frames) override {
    if (stopped_) return PollResult{0, true};
    const auto passed_ns = static_cast<std::uint64_t>(steady_clock_ns() - begun_ns_);
    const std::uint64_t due_bytes = passed_ns / 1000 * bytes_per_second_ / 1'000'000;
    if (wire_bytes_ >= due_bytes) return PollResult{};
    std::uint32_t count = read_file(frames);
    for (; wire_bytes_ + kRingBytes < due_bytes; count = read_file(frames))  // the device's ring was full
      counters_.device_dropped_frames += count;
    for (Frame& frame : frames.first(count)) {
      frame.time_ns = wall_clock_ns();
      ++counters_.polled_frames;
      counters_.polled_captured_bytes += frame.captured_bytes;
      counters_.polled_wire_bytes += frame.wire_bytes;
    }
    return PollResult{count, false};
  }
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  void wait(std::chrono::milliseconds) override { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  bool read_device() override {
    counters_.device_received_frames = counters_.polled_frames;
    return true;
  }
  void stop_receiving() override { stopped_ = true; }

 private:
  /// At the file's end none, and the next ones are its first.
  std::uint32_t read_file(std::span<Frame> frames) {
    const PollResult polled = must(file_->poll(frames));
    for (const Frame& frame : frames.first(polled.frames)) wire_bytes_ += frame.wire_bytes;
    if (polled.end) file_ = must(open_capture_file(path_));
    return polled.end ? 0 : polled.frames;  // they are views into what was closed
  }

  const std::string path_;
  std::unique_ptr<FrameSource> file_;
  const std::uint64_t bytes_per_second_;
  const TimeNs begun_ns_;
  std::uint64_t wire_bytes_ = 0;  // that have come, with what was dropped
  bool stopped_ = false;
  SourceCounters counters_;
};

struct Memory {
  double resident_mb = 0;
  double table_reserved_mb = 0;  // of the flow table, the only memory that asks for huge pages
  double table_resident_mb = 0;
  double allocated_mb = 0;  // by malloc: what is in use, touched or not

  double other_resident_mb() const { return resident_mb - table_resident_mb; }
};

/// From smaps (proc(5)): of each mapping `Size:` and `Rss:` in KiB, and last its flags.
Memory measure_memory() {
  Memory memory;
  double size_mb = 0;
  double rss_mb = 0;
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);) {
    const double mb = std::atof(line.substr(line.find(':') + 1).c_str()) * 1024 / 1e6;
    if (line.starts_with("Size:")) size_mb = mb;
    if (line.starts_with("Rss:")) memory.resident_mb += rss_mb = mb;
    if (!line.starts_with("VmFlags:") || line.find(" hg") == std::string::npos) continue;
    memory.table_reserved_mb += size_mb;
    memory.table_resident_mb += rss_mb;
  }
  const struct mallinfo2 info = ::mallinfo2();
  memory.allocated_mb = static_cast<double>(info.uordblks + info.hblkhd) / 1e6;
  return memory;
}

/// Beside what is reserved at the start: the indexes of an open segment and its steps, and of an open session
/// file, whose rows have random uids of 10 bytes; 8 bytes a posting and as much again while they are sorted.
/// The program and its stacks are some 10 MB.
double bound_mb(const Memory& reserved) {
  constexpr double kPostingBytes = 16;
  constexpr double kUidBytes = 10;
  const double postings = 2.0 * storage::IndexBuilder::kPostingsMax +
                          static_cast<double>(storage::RowGroupFileConfig().file_bytes_max) / kUidBytes;
  return reserved.table_reserved_mb + reserved.allocated_mb + postings * kPostingBytes / 1e6 + 10;
}

Seconds read_ledger(const storage::Store& store) {
  Seconds seconds;
  for (const storage::CatalogFile& file : must(storage::Catalog::scan(store)).ledgers) {
    storage::LedgerFileReader reader = must(storage::LedgerFileReader::open(file.path));
    for (auto rows = must(reader.next()); !rows.empty(); rows = must(reader.next())) {
      for (const storage::LedgerRow& row : rows) seconds[row.second].add(row.counts);
    }
  }
  return seconds;
}

void print_steps(const Seconds& seconds) {
  for (const std::size_t counter :
       {std::size_t{storage::kFrameStoredLowered}, std::size_t{storage::kFrameStoredHurried},
        std::size_t{storage::kFrameCutOverload}, std::size_t{storage::kFrameDropped}}) {
    std::int64_t frames = 0;
    std::int64_t first = -1;
    for (const auto& [second, counts] : seconds) {
      frames += counts[counter];
      if (first < 0 && counts[counter] > 0) first = second - seconds.begin()->first;
    }
    fmt::print("{:<24}{:>10} frames, first in second {}\n", storage::kLedgerCounters[counter].name, frames,
               first);
  }
}

/// Returns the greatest resident memory, in MB.
double watch(const sensor::Recorder& recorder, int seconds) {
  double resident_mb_max = 0;
  fmt::print(
      "second  MB in   lowered   hurried   shed frames  device drops     flows   RSS MB = flow table + rest"
      "   allocated MB\n");
  for (int second = 1; second <= seconds; ++second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const sensor::RecorderView view = recorder.view();
    const Memory memory = measure_memory();
    fmt::print("{:>6} {:>6} {:>9} {:>9} {:>13} {:>13} {:>9} {:>8.1f} {:>12.1f} {:>6.1f} {:>14.1f}\n", second,
               view.polled_wire_bytes / 1'000'000, view.blocks_lowered, view.blocks_hurried, view.frames_shed,
               view.device_dropped_frames, view.flows_active, memory.resident_mb, memory.table_resident_mb,
               memory.other_resident_mb(), memory.allocated_mb);
    std::fflush(stdout);
    resident_mb_max = std::max(resident_mb_max, memory.resident_mb);
  }
  return resident_mb_max;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fmt::print(stderr, "usage: slow_disk_bench TRACE FOLDER [MB/s [SECONDS]]\n"), 2;
  const std::uint64_t input_rate = (argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 60) * 1'000'000;
  const int seconds = argc > 4 ? std::atoi(argv[4]) : 20;
  std::filesystem::create_directories(argv[2]);
  test::FaultDisk disk(argv[2], false);
  const storage::Store store =
      must(storage::Store::open_or_create(std::string(argv[2]) + "/store", "bench", disk));
  const auto ns_per_byte = 4e9 / static_cast<double>(input_rate);
  disk.on_append([&](std::uint64_t bytes) {
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) * ns_per_byte)));
  });
  std::vector<sensor::LivePort> ports(1);
  ports[0].name = "paced";
  ports[0].queues.push_back(std::make_unique<PacedSource>(argv[1], input_rate));
  const std::unique_ptr<sensor::Recorder> recorder =
      must(sensor::Recorder::start(store, sensor::RecorderConfig(), std::move(ports)));
  const Memory reserved = measure_memory();
  fmt::print("reserved: flow table {:.1f} MB, malloc {:.1f} MB; resident {:.1f} MB; bound {:.0f} MB\n",
             reserved.table_reserved_mb, reserved.allocated_mb, reserved.resident_mb, bound_mb(reserved));
  const double resident_mb_max = watch(*recorder, seconds);
  const bool within_bound = resident_mb_max <= bound_mb(reserved);
  const Status stopped = recorder->stop();
  const Status books = recorder->totals().check();
  print_steps(read_ledger(store));
  fmt::print("resident memory at most {:.1f} MB: {} its bound\n", resident_mb_max,
             within_bound ? "within" : "BEYOND");
  fmt::print("{}, {}\n", stopped ? "stopped in order" : stopped.error().context,
             books ? "the books close" : books.error().context);
  return stopped && books && within_bound ? 0 : 1;
}
