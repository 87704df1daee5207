// slow_disk_bench TRACE.pcap FOLDER [INPUT_MB_PER_SECOND [SECONDS]]: the live pipeline with its threads, fed
// from a trace at a paced rate, over a disk that takes a quarter of it (FaultDisk that sleeps). Prints each
// second what was given up so far and the resident memory; then what the ledger says, the first second of
// each step, and whether the books close. FOLDER is made, and left behind.

#include <fmt/core.h>
#include <unistd.h>

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
#include "storage/ledger_file.hpp"
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

/// Frames of a file as if they came now, so many bytes a second; dropped where they are not polled in time.
class PacedSource final : public FrameSource {
 public:
  PacedSource(std::unique_ptr<FrameSource> file, std::uint64_t bytes_per_second)
      : file_(std::move(file)), bytes_per_second_(bytes_per_second), begun_ns_(steady_clock_ns()) {}

  Result<PollResult> poll(std::span<Frame> frames) override {
    if (stopped_) return PollResult{0, true};
    const auto passed_ns = static_cast<std::uint64_t>(steady_clock_ns() - begun_ns_);
    const std::uint64_t due_bytes = passed_ns / 1000 * bytes_per_second_ / 1'000'000;
    if (wire_bytes_ >= due_bytes || ended_) return PollResult{};
    const Result<PollResult> polled = file_->poll(frames);
    if (!polled) return polled.error();
    ended_ = polled->end;
    if (wire_bytes_ + kRingBytes < due_bytes) {  // the device's ring is full
      counters_.device_dropped_frames += polled->frames;
      for (const Frame& frame : frames.first(polled->frames)) wire_bytes_ += frame.wire_bytes;
      return PollResult{};
    }
    for (Frame& frame : frames.first(polled->frames)) {
      frame.time_ns = wall_clock_ns();
      ++counters_.polled_frames;
      counters_.polled_captured_bytes += frame.captured_bytes;
      counters_.polled_wire_bytes += frame.wire_bytes;
      wire_bytes_ += frame.wire_bytes;
    }
    return PollResult{polled->frames, false};
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
  std::unique_ptr<FrameSource> file_;
  const std::uint64_t bytes_per_second_;
  const TimeNs begun_ns_;
  std::uint64_t wire_bytes_ = 0;  // that have come, with what was dropped
  bool ended_ = false;
  bool stopped_ = false;
  SourceCounters counters_;
};

std::uint64_t resident_bytes() {
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
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

void watch(const sensor::Recorder& recorder, int seconds) {
  fmt::print("second  MB in   lowered   hurried   shed frames  device drops   RSS MB\n");
  for (int second = 1; second <= seconds; ++second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const sensor::RecorderView view = recorder.view();
    fmt::print("{:>6} {:>6} {:>9} {:>9} {:>13} {:>13} {:>8.1f}\n", second, view.polled_wire_bytes / 1'000'000,
               view.blocks_lowered, view.blocks_hurried, view.frames_shed, view.device_dropped_frames,
               static_cast<double>(resident_bytes()) / 1e6);
  }
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
  ports[0].queues.push_back(std::make_unique<PacedSource>(must(open_capture_file(argv[1])), input_rate));
  const std::unique_ptr<sensor::Recorder> recorder =
      must(sensor::Recorder::start(store, sensor::RecorderConfig(), std::move(ports)));
  watch(*recorder, seconds);
  const Status stopped = recorder->stop();
  const Status books = recorder->totals().check();
  print_steps(read_ledger(store));
  fmt::print("{}, {}\n", stopped ? "stopped in order" : stopped.error().context,
             books ? "the books close" : books.error().context);
  return stopped && books ? 0 : 1;
}
