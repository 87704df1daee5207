#pragma once
// HoldWorld: a store whose ring is driven by a test, the keeper of its holds, and a clock that stands still.

#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>

#include "storage/query/filter.hpp"
#include "storage/query/hold_keeper.hpp"
#include "storage/query/plan.hpp"
#include "tests/query/ring_writer.hpp"
#include "tests/temporary_folder.hpp"

namespace tapline::query::test {

using namespace storage;

inline constexpr std::uint64_t kFramesAHost = 1000;  // in a row, so that few segments have one host's
inline constexpr std::uint64_t kSegmentBytes = 64 * 1024;

inline TimeNs wall_ns = 0;
inline TimeNs fake_wall_clock() {
  return wall_ns;
}

inline std::string host(std::uint64_t number) {
  return fmt::format("host 10.0.0.{}", number);
}

struct HoldWorld {
  TemporaryFolder folder;
  Store store = *Store::open_or_create(folder / "store", "s");
  HeldSegments held;
  HoldKeeperConfig config;
  std::unique_ptr<HoldKeeper> keeper;
  Ring ring;
  std::uint64_t frames = 0;

  explicit HoldWorld(std::uint64_t budget_segments = 0, std::uint64_t quota_bytes = 0)
      : ring(store, budget_segments * kSegmentBytes, &held) {
    wall_ns = 1000 * kNsPerSecond;
    config.quota_bytes = quota_bytes;
    config.clock = fake_wall_clock;
    restart();
  }

  /// As a new process would see it, but for the ring, which knows nothing.
  void restart() {
    keeper.reset();
    held.replace(false, {}, {});
    Result<std::unique_ptr<HoldKeeper>> opened = HoldKeeper::open(store, held, config);
    REQUIRE(opened.ok());
    keeper = std::move(*opened);
  }

  /// Frames of the next host, in segments of their own. An error if the ring gives no room.
  Status record(std::uint64_t hosts = 1) {
    FrameSegmentConfig files = small_files(store, kSegmentBytes);
    files.compress = false;  // 160 KB a host: about three segments
    FrameSegmentWriter writer(files, ring);
    TestPipeline pipeline(writer);
    for (std::uint64_t i = 0; i < hosts * kFramesAHost; ++i, ++frames) {
      TestFrame frame = numbered_frame(frames);
      frame.bytes = make_udp_frame(static_cast<std::uint32_t>(0x0a000000 + frames / kFramesAHost % 256),
                                   0xcb007101, 40000, 53, 100);
      TAPLINE_TRY(pipeline.append(frame));
    }
    return writer.finish();
  }

  HoldRequest ask(const std::string& filter, const TimeWindow& window = {}) const {
    HoldRequest request;
    request.id = make_segment_id();
    request.filter = filter;
    request.window = window;
    request.reason = "test";
    request.owner = "tester";
    request.requested_at_ns = wall_ns;
    REQUIRE(ask_hold(store, request).ok());
    return request;
  }
  Hold answer(const HoldRequest& request) const {
    keeper->step();
    const Result<Hold> hold = load_hold(store, request.id);
    REQUIRE(hold.ok());
    return *hold;
  }
  void release(const SegmentId& id) const {
    REQUIRE(ask_release(store, id, "tester", "done").ok());
    keeper->step();
  }

  std::set<std::uint64_t> segments() const {
    std::set<std::uint64_t> ids;
    const Catalog catalog = *Catalog::scan_packets(store);
    for (const CatalogFile& file : catalog.segments) ids.insert(file.name.id_high);
    return ids;
  }
  /// What a question would read.
  std::set<std::uint64_t> planned(const std::string& filter, const TimeWindow& window = {}) const {
    std::set<std::uint64_t> ids;
    const Plan plan =
        *make_plan(*Catalog::scan_packets(store), Filter::parse(filter, {})->index_query(), window);
    for (const PlannedSegment& segment : plan.segments) ids.insert(segment.file.name.id_high);
    return ids;
  }
  std::set<std::uint64_t> held_by(const HoldRequest& request) const {
    const std::vector<std::uint64_t> ids = *load_held_segments(store, request.id);
    return {ids.begin(), ids.end()};
  }
};

inline bool includes(const std::set<std::uint64_t>& all, const std::set<std::uint64_t>& some) {
  return std::ranges::includes(all, some);
}

}  // namespace tapline::query::test
