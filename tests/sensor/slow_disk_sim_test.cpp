// A disk that takes a quarter of what comes in: what is given up, in which order, and what is not. Clocks are
// the test's; while the disk is busy with an append, time passes and the worker goes on, as its thread would.

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <random>

#include "storage/query/extraction.hpp"
#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

constexpr TimeNs kTickNs = 10 * kNsPerMillisecond;
constexpr std::size_t kElephantBytes = 1000;
constexpr std::size_t kMouseBytes = 60;
constexpr std::uint32_t kMice = 200;
// 100 frames of elephants a second, 25 of mice, with their headers and those of their records.
constexpr std::uint64_t kInputBytesPerSecond = 100 * (kElephantBytes + 58) + 25 * (kMouseBytes + 58);

RigConfig rig_config() {
  RigConfig config;
  config.segment.block_bytes = 16 * 1024;
  config.blocks = 256;  // half of them for lanes: 2 MiB may wait for the disk
  return config;
}

class SlowDisk {
 public:
  SlowDisk() : rig_(rig_config()) {
    rig_.save_account();
    rig_.store.disk().on_append([this](std::uint64_t bytes) { spend(bytes); });
  }

  void run_for(TimeNs span_ns, std::optional<std::uint64_t> disk_bytes_per_second) {
    disk_bytes_per_second_ = disk_bytes_per_second;
    until_ns_ = LiveRig::now_ns() + span_ns;
    while (LiveRig::now_ns() < until_ns_) {
      tick();
      rig_.writer.step();
    }
  }
  void stop() {
    disk_bytes_per_second_.reset();
    rig_.stop();
  }
  LiveRig& rig() { return rig_; }

 private:
  void spend(std::uint64_t bytes) {
    if (!disk_bytes_per_second_) return;
    const auto span_ns = static_cast<TimeNs>(bytes * 1'000'000'000 / *disk_bytes_per_second_);
    busy_until_ns_ = std::max(busy_until_ns_, LiveRig::now_ns()) + span_ns;
    // A disk that stands still is not waited for beyond the time in which it does.
    while (LiveRig::now_ns() < std::min(busy_until_ns_, until_ns_)) tick();
    if (busy_until_ns_ > until_ns_) busy_until_ns_ = until_ns_;
  }

  void tick() {
    LiveRig::pass(kTickNs);
    ++ticks_;
    rig_.script->receive(frame(10'000 + ticks_ % 2, kElephantBytes));
    if (ticks_ % 4 == 0) rig_.script->receive(frame(ticks_ / 4 % kMice, kMouseBytes));
    rig_.work();
  }

  /// Of random bytes, which do not compress.
  OwnedFrame frame(std::uint32_t flow, std::size_t payload_bytes) {
    OwnedFrame made = LiveRig::udp_now(flow, payload_bytes);
    for (std::size_t i = made.bytes.size() - payload_bytes; i < made.bytes.size(); ++i)
      made.bytes[i] = static_cast<std::uint8_t>(random_());
    return made;
  }

  LiveRig rig_;
  std::mt19937 random_{1};
  std::uint32_t ticks_ = 0;
  std::optional<std::uint64_t> disk_bytes_per_second_;
  TimeNs busy_until_ns_ = 0;
  TimeNs until_ns_ = 0;
};

/// The first second of order time in which a counter rose.
std::int64_t first_second(const std::map<std::int64_t, LedgerCounts>& seconds, std::size_t counter) {
  for (const auto& [second, counts] : seconds) {
    if (counts[counter] > 0) return second;
  }
  FAIL("never: " << kLedgerCounters[counter].name);
  return 0;
}

std::map<std::int64_t, LedgerCounts> by_second(const LiveRig& rig) {
  std::map<std::int64_t, LedgerCounts> seconds;
  for (const LedgerRow& row : read_ledger_rows(*rig.store, rig.source_id))
    seconds[row.second].add(row.counts);
  return seconds;
}

using Totals = std::map<std::array<std::uint8_t, 16>, std::array<std::uint64_t, 3>>;

/// Of each session: packets, wire bytes, payload bytes of both directions.
Totals session_totals(const Store& store) {
  Totals totals;
  for (const SessionRecord& record : read_sessions(store)) {
    if (!record.final()) continue;
    totals[record.uid.bytes] = {record.a_to_b.total.packets + record.b_to_a.total.packets,
                                record.a_to_b.total.frame_bytes + record.b_to_a.total.frame_bytes,
                                record.a_to_b.total.payload_bytes + record.b_to_a.total.payload_bytes};
  }
  return totals;
}

constexpr std::size_t kNoBlockDrops = kFrameDropped + static_cast<std::size_t>(DropCause::kNoBlock);
constexpr std::array<TimeNs, 4> kPhases{2 * kNsPerSecond, 90 * kNsPerSecond, 1200 * kNsPerSecond,
                                        30 * kNsPerSecond};

}  // namespace

TEST_CASE("a disk at a quarter of the input: level, compression, payload of the largest flows, then frames") {
  Totals undisturbed;
  {
    SlowDisk disk;
    for (const TimeNs phase_ns : kPhases) disk.run_for(phase_ns, std::nullopt);
    disk.stop();
    CHECK(disk.rig().count(kFrameStoredCut) == 0);
    undisturbed = session_totals(*disk.rig().store);
  }
  SlowDisk disk;
  LiveRig& rig = disk.rig();
  disk.run_for(kPhases[0], std::nullopt);
  disk.run_for(kPhases[1], kInputBytesPerSecond / 4);
  const TimeNs stands_still_ns = LiveRig::now_ns();
  const std::uint64_t shed_before = rig.worker->path().frames_shed();
  disk.run_for(kPhases[2], 1);
  const TimeNs fast_again_ns = LiveRig::now_ns();
  disk.run_for(kPhases[3], std::nullopt);
  disk.stop();  // requires that the books close

  const std::map<std::int64_t, LedgerCounts> seconds = by_second(rig);
  const std::int64_t lowered = first_second(seconds, kFrameStoredLowered);
  const std::int64_t hurried = first_second(seconds, kFrameStoredHurried);
  const std::int64_t cut = first_second(seconds, kFrameCutOverload);
  const std::int64_t dropped = first_second(seconds, kNoBlockDrops);
  CHECK(floor_seconds(kRigStart + kPhases[0]) <= lowered + 1);
  CHECK(lowered < hurried);
  CHECK(hurried < cut);
  CHECK(cut < dropped);
  CHECK(dropped >= floor_seconds(stands_still_ns));  // a quarter is enough to lose no frame
  CHECK(shed_before > 1000);
  for (const auto& [second, counts] : seconds) {  // all steps are taken back
    if (second < floor_seconds(fast_again_ns) + 2) continue;
    for (const std::size_t counter :
         {std::size_t{kFrameStoredLowered}, std::size_t{kFrameStoredHurried}, std::size_t{kFrameCutOverload},
          std::size_t{kFrameStoredCut}, kNoBlockDrops}) {
      CHECK(counts[counter] == 0);
    }
  }
  // Until the disk stands still the two elephants pay for all.
  std::uint64_t mice = 0;
  for (const ReadFrame& read : read_frames(*rig.store)) {
    const bool mouse = read.frame.wire_bytes < 200;
    if (!mouse || read.frame.time_ns >= stands_still_ns) continue;
    ++mice;
    REQUIRE(read.frame.bytes.size() == read.frame.wire_bytes);
  }
  CHECK(mice > 2000);
  CHECK(rig.count(kFrameStoredCut) == rig.count(kFrameCutOverload));
  CHECK(rig.count(kFrameCutByUsBytes) == rig.count(kFrameCutOverloadBytes));
  CHECK(session_totals(*rig.store) == undisturbed);

  const query::Coverage coverage = must(query::read_coverage(*rig.store, {}, query::QuestionKind::kPackets));
  const auto shed =
      std::ranges::find(coverage.qualifications, query::QualificationKind::kCut, &query::Qualification::kind);
  REQUIRE(shed != coverage.qualifications.end());
  CHECK(shed->count == static_cast<std::uint64_t>(rig.count(kFrameCutOverload)));
  CHECK(shed->detail == "scripted: payload of the largest flows, left out to keep up");
}
