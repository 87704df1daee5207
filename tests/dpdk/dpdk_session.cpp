#include "tests/dpdk/dpdk_session.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "capture/dpdk/eal_arguments.hpp"
#include "storage/disk/disk.hpp"
#include "tests/capture/capture_image.hpp"

#ifdef __SANITIZE_THREAD__
/// DPDK's libraries are not instrumented: ThreadSanitizer does not see their spin locks.
extern "C" const char* __tsan_default_suppressions() {
  return "race:librte_\n";
}
#endif

namespace tapline::test {
namespace {

constexpr std::uint64_t kMemoryBytes = 96ULL << 20;
constexpr std::chrono::seconds kPatience{10};

/// Polls until done(result, frames so far) says so.
template <class Done>
std::uint64_t poll_until(FrameSource& source, Done done) {
  std::array<Frame, kBurstFramesMax> frames;
  std::uint64_t polled_frames = 0;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const Result<PollResult> polled = source.poll(frames);
    if (!polled) FAIL(polled.error().context);
    polled_frames += polled->frames;
    if (done(*polled, polled_frames)) return polled_frames;
    if (polled->frames > 0) deadline = std::chrono::steady_clock::now() + kPatience;
    if (std::chrono::steady_clock::now() > deadline) FAIL("nothing came any more after " << polled_frames);
    source.wait(std::chrono::milliseconds(1));
  }
}

}  // namespace

std::optional<DpdkSession> DpdkSession::start() {
  const char* pages = std::getenv("TAPLINE_DPDK_PAGES");
  const bool huge = pages != nullptr && std::string(pages) == "huge";
  if (huge && free_hugepage_bytes("/sys/kernel/mm/hugepages") < kMemoryBytes) {
    WARN("skipped: " << (kMemoryBytes >> 20)
                     << " MiB of free huge pages needed; vm.nr_hugepages reserves them");
    return std::nullopt;
  }
  Result<std::shared_ptr<DpdkRuntime>> runtime =
      DpdkRuntime::start({.bytes = kMemoryBytes, .pages = huge ? DpdkPages::kHuge : DpdkPages::kNormal}, {});
  if (!runtime) FAIL(runtime.error().context);
  CHECK((*runtime)->uses_hugepages() == huge);
  return DpdkSession(*std::move(runtime));
}

std::vector<std::unique_ptr<FrameSource>> DpdkSession::open_all(const DpdkPortConfig& config) const {
  Result<std::vector<std::unique_ptr<FrameSource>>> sources = open_dpdk_port(runtime_, config);
  if (!sources) FAIL(sources.error().context);
  REQUIRE(sources->size() == config.workers);
  return *std::move(sources);
}

std::unique_ptr<FrameSource> DpdkSession::open(const DpdkPortConfig& config) const {
  return std::move(open_all(config).front());
}

Error DpdkSession::error_of(const DpdkPortConfig& config) const {
  const Result<std::vector<std::unique_ptr<FrameSource>>> sources = open_dpdk_port(runtime_, config);
  if (sources) FAIL(config.device << " was opened");
  return sources.error();
}

std::vector<ContractFrame> whole_frames(std::size_t count, std::size_t bytes_min, std::size_t bytes_max) {
  constexpr TimeNs kStartNs = 1'800'000'000LL * kNsPerSecond;
  std::mt19937_64 random(count);  // the same frames each time
  std::vector<ContractFrame> frames(count);
  for (std::size_t i = 0; i < count; ++i) {
    frames[i].bytes.resize(bytes_min + random() % (bytes_max - bytes_min + 1));
    for (std::uint8_t& byte : frames[i].bytes) byte = static_cast<std::uint8_t>(random());
    frames[i].wire_bytes = static_cast<std::uint32_t>(frames[i].bytes.size());
    frames[i].time_ns = kStartNs + static_cast<TimeNs>(i * 1'234'567'000 + random() % 1'000 * 1'000);
  }
  return frames;
}

std::string pcap_device(const TemporaryFolder& folder, std::span<const ContractFrame> frames) {
  const std::string path = folder / "frames.pcap";
  if (const Status written = publish_file(path, pcap_image(frames, {})); !written)
    FAIL(written.error().context);
  return "net_pcap0,rx_pcap=" + path;
}

std::uint64_t poll_frames(FrameSource& source, std::uint64_t frames) {
  return poll_until(source,
                    [&](const PollResult&, std::uint64_t polled_frames) { return polled_frames >= frames; });
}

std::uint64_t poll_to_end(FrameSource& source) {
  return poll_until(source, [](const PollResult& polled, std::uint64_t) { return polled.end; });
}

}  // namespace tapline::test
