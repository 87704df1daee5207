// The whole recorder with its threads, and readers of the store in the same process at the same time. Built
// with ThreadSanitizer it shows that workers, writers, control thread and readers meet only where they
// should.

#include "sensor/recorder.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <thread>

#include "sensor/crash_recovery.hpp"
#include "storage/query/coverage.hpp"
#include "storage/query/extraction.hpp"
#include "storage/query/session_question.hpp"
#include "storage/recovery.hpp"
#include "tests/sensor/broken_folder.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

/// Hands out the same frames again and again, a burst a millisecond, captured now.
class EndlessSource final : public FrameSource {
 public:
  EndlessSource(std::span<const OwnedFrame> frames, std::atomic<std::uint64_t>& polled)
      : frames_(frames), polled_(polled) {}
  Result<PollResult> poll(std::span<Frame> frames) override {
    if (Clock::now() < due_) return PollResult{0, stopped_};
    due_ = Clock::now() + milliseconds(1);
    const std::size_t count = stopped_ ? 0 : std::min<std::size_t>(frames.size(), 16);
    for (std::size_t i = 0; i < count; ++i) {
      const OwnedFrame& from = frames_[next_++ % frames_.size()];
      frames[i] = {};
      frames[i].data = from.bytes.data();
      frames[i].captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
      frames[i].wire_bytes = from.wire_bytes;
      frames[i].time_ns = wall_clock_ns();
      frames[i].link_type = from.link_type;
      ++counters_.polled_frames;
      counters_.polled_captured_bytes += frames[i].captured_bytes;
      counters_.polled_wire_bytes += frames[i].wire_bytes;
    }
    polled_.fetch_add(count, std::memory_order_relaxed);
    return PollResult{static_cast<std::uint32_t>(count), stopped_};
  }
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  void wait(milliseconds) override { std::this_thread::sleep_for(milliseconds(1)); }
  bool read_device() override {
    counters_.device_received_frames = counters_.polled_frames;
    return true;
  }
  void stop_receiving() override { stopped_ = true; }
  std::optional<SourceNotice> take_notice() override {
    if (noticed_) return std::nullopt;
    noticed_ = true;
    return SourceNotice{false, "here"};
  }

 private:
  std::span<const OwnedFrame> frames_;
  std::atomic<std::uint64_t>& polled_;
  std::size_t next_ = 0;
  Clock::time_point due_{};
  bool stopped_ = false;
  bool noticed_ = false;
  SourceCounters counters_;
};

RecorderConfig small_config() {
  RecorderConfig config;
  config.limits.bytes = 256u << 20;
  config.block_memory_bytes = 32u << 20;  // two seconds: a busy machine should not make the writer late
  config.flows_max = 4096;
  config.segment.block_bytes =
      32 * 1024;  // with smaller ones there are more mappings than a process may have under TSan
  config.segment.segment_bytes_max = 512 * 1024;
  return config;
}

std::vector<LivePort> make_ports(std::span<const OwnedFrame> frames, std::size_t ports, std::size_t workers,
                                 std::atomic<std::uint64_t>& polled) {
  std::vector<LivePort> made(ports);
  for (std::size_t i = 0; i < ports; ++i) {
    made[i].name = "endless-" + std::to_string(i);
    for (std::size_t j = 0; j < workers; ++j)
      made[i].queues.push_back(
          std::make_unique<EndlessSource>(frames.subspan(100 * (i * workers + j)), polled));
  }
  return made;
}

/// What a reader beside the recorder has seen; looked at when it has ended.
struct Seen {
  std::uint64_t rounds = 0;
  std::uint64_t frames = 0;
  std::uint64_t unknown_frames = 0;
  std::uint64_t frames_out_of_order = 0;
  std::uint64_t sessions = 0;
  std::uint64_t errors = 0;
};

void read_all(const Store& store, const std::set<std::string>& known, Seen& seen) {
  const Result<query::Filter> filter = query::Filter::parse("", {});
  Result<query::Extraction> extraction =
      query::Extraction::prepare(store, {*filter, {}, std::nullopt, query::SessionSide::kBoth, 0});
  if (!extraction) return static_cast<void>(++seen.errors);
  std::uint64_t frames = 0;
  OrderKey last{};
  while (const Frame* frame = extraction->next()) {
    ++frames;
    seen.unknown_frames +=
        known.contains(std::string(frame->data, frame->data + frame->captured_bytes)) ? 0 : 1;
    seen.frames_out_of_order += frame->order < last ? 1 : 0;
    last = frame->order;
  }
  seen.frames = std::max(seen.frames, frames);
  const Result<Catalog> catalog = Catalog::scan(store);
  if (!catalog) return static_cast<void>(++seen.errors);
  const Result<query::SessionAnswer> sessions = query::find_sessions(*catalog, {*filter, {}, 0});
  if (!sessions) return static_cast<void>(++seen.errors);
  seen.sessions = std::max<std::uint64_t>(seen.sessions, sessions->sessions.size());
  ++seen.rounds;
}

}  // namespace

TEST_CASE("two ports with two workers each, two writers, and readers at the same time") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(5, 2000);
  std::set<std::string> known;
  for (const OwnedFrame& frame : frames) known.insert(std::string(frame.bytes.begin(), frame.bytes.end()));
  std::atomic<std::uint64_t> polled{0};
  RecorderConfig config = small_config();
  config.writers = 2;
  const auto recorder = must(Recorder::start(*store, config, make_ports(frames, 2, 2, polled)));

  std::atomic<bool> over{false};
  std::array<Seen, 2> seen;
  std::vector<std::thread> readers;
  for (Seen& one : seen) {
    readers.emplace_back([&] {
      while (!over.load()) read_all(*store, known, one);
    });
  }
  std::size_t notices = 0;
  const auto deadline = Clock::now() + std::chrono::seconds(3);
  while (Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(20));
    notices += recorder->take_notices().size();
    REQUIRE_FALSE(recorder->has_failed());
  }
  CHECK(recorder->view().polled_frames > 0);
  must(recorder->stop());
  over.store(true);
  for (std::thread& reader : readers) reader.join();
  must(recorder->stop());  // once more is nothing

  CHECK(notices == 4);
  must(recorder->totals().check());
  const LedgerCounts& counts = recorder->totals().counts();
  CHECK(counts[kFramePolled] == static_cast<std::int64_t>(polled.load()));
  CHECK(recorder->view().polled_frames == polled.load());
  CHECK(recorder->view().device_received_frames == polled.load());
  const std::vector<ReadFrame> stored = read_frames(*store);
  CHECK(counts[kFrameStoredWhole] + counts[kFrameStoredCut] == static_cast<std::int64_t>(stored.size()));
  std::set<std::pair<int, int>> places;
  for (const ReadFrame& frame : stored) places.insert({frame.port, frame.worker});
  CHECK(places.size() == 4);
  std::uint64_t accounted = 0;
  for (const Source& source : must(list_sources(*store))) {
    CHECK(source.state == SourceState::kComplete);
    CHECK(source.live);
    accounted += source.frames;
  }
  CHECK(accounted == polled.load());
  for (const Seen& one : seen) {
    CHECK(one.rounds > 0);
    CHECK(one.frames > 0);
    CHECK(one.sessions > 0);
    CHECK((one.unknown_frames == 0 || counts[kFrameCutOverload] > 0));  // short ones are not known
    CHECK(one.frames_out_of_order == 0);
    CHECK(one.errors == 0);
  }
}

TEST_CASE("a recorder that is only destroyed stops in order") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(6, 500);
  std::atomic<std::uint64_t> polled{0};
  {
    const auto recorder = must(Recorder::start(*store, small_config(), make_ports(frames, 1, 1, polled)));
    while (polled.load() < 200) std::this_thread::yield();
  }
  const std::vector<Source> sources = must(list_sources(*store));
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].state == SourceState::kComplete);
  CHECK(sources[0].frames == polled.load());
  CHECK(read_frames(*store).size() == polled.load());
}

TEST_CASE("a recording whose session records could not be written is no complete one, and can be recovered") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(8, 500);
  std::atomic<std::uint64_t> polled{0};
  const BrokenFolder sessions(store->sessions_directory());
  auto recorder = must(Recorder::start(*store, small_config(), make_ports(frames, 1, 1, polled)));
  while (!recorder->has_failed() || polled.load() < 500) std::this_thread::yield();
  CHECK_FALSE(recorder->stop().ok());
  CHECK(recorder->totals().check().ok());
  recorder.reset();
  sessions.restore();
  CHECK(must(list_sources(*store)).at(0).state == SourceState::kStarted);
  const query::Coverage before = must(query::read_coverage(*store, {}, query::QuestionKind::kSessions));
  CHECK_FALSE(before.complete());
  must(recover_store(*store));
  REQUIRE(must(recover_runs(*store)).size() == 1);
  CHECK(must(list_sources(*store)).at(0).frames == polled.load());
  std::uint64_t packets = 0;
  for (const SessionRecord& record : read_sessions(*store)) {
    if (record.final()) packets += record.a_to_b.total.packets + record.b_to_a.total.packets;
  }
  CHECK(packets > 0);
  CHECK(packets <= polled.load());
}

TEST_CASE("a processor that does not exist is told, and the worker runs all the same") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = random_traffic(7, 500);
  std::atomic<std::uint64_t> polled{0};
  RecorderConfig config = small_config();
  config.worker_cpus = {1023};
  const auto recorder = must(Recorder::start(*store, config, make_ports(frames, 1, 1, polled)));
  while (polled.load() < 50) std::this_thread::yield();
  const std::vector<SourceNotice> notices = recorder->take_notices();
  REQUIRE_FALSE(notices.empty());
  CHECK(notices[0].warning);
  CHECK(notices[0].text.find("1023") != std::string::npos);
  must(recorder->stop());
}
