// Holds: what was answered is never evicted, whatever comes between; what has ended is.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/query/hold_world.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
using namespace tapline::storage;
namespace fs = std::filesystem;

TEST_CASE("an answered hold covers what a plan would read, and the ring goes round it") {
  HoldWorld world(32);
  REQUIRE(world.record(10).ok());
  const HoldRequest request = world.ask(host(3));
  const Hold hold = world.answer(request);
  const std::set<std::uint64_t> covered = world.planned(host(3));
  CHECK(hold.state == HoldState::kHeld);
  CHECK(hold.segments == covered.size());
  CHECK(hold.bytes > 0);
  CHECK(hold.holes.empty());
  CHECK(world.held_by(request) == covered);
  CHECK(covered.size() < world.segments().size());
  CHECK_FALSE(fs::exists(world.store.holds_directory() + "/" + format_segment_id(request.id) + ".request"));
  REQUIRE(world.record(30).ok());
  CHECK(world.ring.segments_evicted() > 20);
  CHECK(includes(world.segments(), covered));
  CHECK(world.planned(host(3)) == covered);
  CHECK(world.planned(host(2)).size() <= 1);  // but for what lies in the first held segment
}

TEST_CASE("segments that are published later are held from their first moment") {
  HoldWorld world(16);
  REQUIRE(world.record(2).ok());
  const HoldRequest request = world.ask(host(5));
  CHECK(world.answer(request).segments == 0);
  REQUIRE(world.record(30).ok());  // nobody steps the keeper: only the ring asks
  const std::set<std::uint64_t> covered = world.planned(host(5));
  CHECK_FALSE(covered.empty());
  world.keeper->step();
  CHECK(world.held_by(request) == covered);
  CHECK(load_hold(world.store, request.id)->segments == covered.size());
}

TEST_CASE("a restart holds what was answered before anything is evicted, and answers what was asked") {
  HoldWorld world(24);
  REQUIRE(world.record(8).ok());
  const HoldRequest first = world.ask(host(1));
  static_cast<void>(world.answer(first));
  const std::set<std::uint64_t> covered = world.planned(host(1));
  const HoldRequest second = world.ask(host(4));  // not answered by this process
  world.restart();
  CHECK(load_hold(world.store, second.id).ok());
  REQUIRE(world.record(30).ok());
  CHECK(includes(world.segments(), covered));
  CHECK_FALSE(world.planned(host(4)).empty());
  world.keeper->step();
  CHECK(world.held_by(first) == covered);
}

TEST_CASE("a crash between any two files of an answer leaves a request or a hold") {
  HoldWorld world(24);
  REQUIRE(world.record(8).ok());
  const HoldRequest request = world.ask(host(1));
  static_cast<void>(world.answer(request));
  const std::set<std::uint64_t> covered = world.planned(host(1));
  const std::string stem = world.store.held_directory() + "/" + format_segment_id(request.id);
  SECTION("before the answer, with its list") {
    fs::remove(stem + ".hold");
    REQUIRE(ask_hold(world.store, request).ok());
  }
  SECTION("before its list") {
    fs::remove(stem + ".hold");
    fs::remove(stem + ".segments");
    REQUIRE(ask_hold(world.store, request).ok());
  }
  SECTION("before the request went") {
    REQUIRE(ask_hold(world.store, request).ok());
  }
  SECTION("the list is lost") {
    fs::remove(stem + ".segments");
  }
  SECTION("the answer is damaged") {
    REQUIRE(File::create(stem + ".hold")->write_all(Bytes()).ok());
  }
  world.restart();
  REQUIRE(world.record(30).ok());
  CHECK(includes(world.segments(), covered));
  CHECK_FALSE(fs::exists(world.store.holds_directory() + "/" + format_segment_id(request.id) + ".request"));
}

TEST_CASE("released and expired holds let go, and say when and why") {
  HoldWorld world(16);
  REQUIRE(world.record(3).ok());
  const HoldRequest released = world.ask(host(0));
  static_cast<void>(world.answer(released));
  HoldRequest expiring = world.ask(host(1));
  expiring.expires_at_ns = wall_ns + kNsPerSecond;
  REQUIRE(ask_hold(world.store, expiring).ok());
  CHECK(world.answer(expiring).state == HoldState::kHeld);
  wall_ns += kNsPerSecond;
  world.release(released.id);
  const Hold first = *load_hold(world.store, released.id);
  CHECK(first.state == HoldState::kReleased);
  CHECK(first.why == fmt::format("released by tester (user {}): done", ::geteuid()));
  CHECK(first.ended_at_ns == wall_ns);
  CHECK(first.segments > 0);
  const Hold second = *load_hold(world.store, expiring.id);
  CHECK(second.state == HoldState::kExpired);
  CHECK(second.ended_at_ns == wall_ns);
  REQUIRE(world.record(30).ok());
  CHECK(world.planned(host(0)).empty());
  CHECK(world.planned(host(1)).empty());
  world.restart();
  CHECK(load_hold(world.store, expiring.id)->state == HoldState::kExpired);
}

TEST_CASE("what cannot be held is refused with the reason") {
  HoldWorld world(64, 6 * kSegmentBytes);
  REQUIRE(world.record(20).ok());
  const auto why = [&](const HoldRequest& request) {
    const Hold hold = world.answer(request);
    CHECK(hold.state == HoldState::kRefused);
    return hold.why;
  };
  CHECK(why(world.ask("")).find("quota") != std::string::npos);
  CHECK(why(world.ask("host")).find("column") != std::string::npos);
  CHECK(why(world.ask("egress > 5")).find("session words") != std::string::npos);
  HoldRequest late = world.ask("port 1");
  late.expires_at_ns = wall_ns;
  REQUIRE(ask_hold(world.store, late).ok());
  CHECK(why(late).find("expired") != std::string::npos);
  CHECK(world.answer(world.ask(host(2))).state == HoldState::kHeld);
}

TEST_CASE("the quota bounds what a hold grows to, and the ring goes on") {
  HoldWorld world(16, 4 * kSegmentBytes);
  REQUIRE(world.record(1).ok());
  const HoldRequest request = world.ask("udp");  // everything, also to come
  CHECK(world.answer(request).state == HoldState::kHeld);
  REQUIRE(world.record(40).ok());
  world.keeper->step();
  const Hold hold = *load_hold(world.store, request.id);
  CHECK(hold.bytes <= 4 * kSegmentBytes);
  CHECK(hold.segments >= 3);
  CHECK(hold.segments_over_quota > 0);
  CHECK(includes(world.segments(), world.held_by(request)));
}

TEST_CASE("where nothing but held segments is left the ring says so") {
  HoldWorld world(8);
  REQUIRE(world.record(4).ok());
  REQUIRE(world.answer(world.ask("")).state == HoldState::kHeld);
  const Status full = world.record(20);
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == ErrorCode::kLimit);
  CHECK(full.error().context.find("tapline hold list") != std::string::npos);
}

TEST_CASE("what had expired before is told, within the window that was asked for") {
  HoldWorld world(8);
  REQUIRE(world.record(20).ok());
  REQUIRE(world.ring.segments_evicted() > 5);
  const TimeNs oldest_ns =
      std::ranges::min(Catalog::scan_packets(world.store)->segments, {}, [](const CatalogFile& file) {
        return file.name.first_ns;
      }).name.first_ns;
  for (const Hold::Interval& hole : world.answer(world.ask("udp")).holes) CHECK(hole.first_ns >= oldest_ns);
  const Hold hold = world.answer(world.ask("udp", {kStart, kStart + kNsPerSecond}));
  REQUIRE(hold.holes.size() == 1);  // they follow each other
  CHECK(hold.holes[0].first_ns == kStart);
}

TEST_CASE("the oldest records of ended holds go, those in force stay") {
  HoldWorld world;
  REQUIRE(world.record(1).ok());
  const HoldRequest kept = world.ask(host(0));
  static_cast<void>(world.answer(kept));
  Hold ended;
  ended.state = HoldState::kReleased;
  ended.request = kept;
  for (std::size_t i = 0; i < HoldKeeper::kEndedHoldsMax + 5; ++i) {
    ended.request.id = make_segment_id();
    ended.ended_at_ns = static_cast<TimeNs>(i);
    REQUIRE(save_ended_hold(world.store, ended).ok());
  }
  world.restart();
  world.keeper->step();
  std::vector<UnreadableHold> unreadable;
  const std::vector<Hold> holds = *list_holds(world.store, unreadable);
  CHECK(holds.size() == HoldKeeper::kEndedHoldsMax + 1);
  CHECK(std::ranges::count(holds, HoldState::kHeld, &Hold::state) == 1);
  CHECK(std::ranges::min(holds, {}, &Hold::ended_at_ns).ended_at_ns == 0);  // of the one in force
}

TEST_CASE("random holds, releases, restarts and recording: no held segment is ever evicted") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  HoldWorld world(24, 12 * kSegmentBytes);
  std::map<SegmentId, std::set<std::uint64_t>> promised;
  std::vector<HoldRequest> requests;
  REQUIRE(world.record(5).ok());
  for (int round = 0; round < 60; ++round) {
    switch (random() % 4) {
      case 0: {
        const std::uint64_t newest = world.frames / kFramesAHost;
        requests.push_back(world.ask(host((newest - random() % 4) % 256)));
        if (random() % 2 == 0) world.keeper->step();
        break;
      }
      case 1:
        if (!requests.empty() && random() % 2 == 0) {
          const HoldRequest gone = requests[random() % requests.size()];
          world.release(gone.id);
          promised.erase(gone.id);
          std::erase_if(requests, [&](const HoldRequest& one) { return one.id == gone.id; });
        }
        break;
      case 2:
        if (random() % 3 == 0) world.restart();
        break;
      default:
        REQUIRE(world.record(1 + random() % 3).ok());
    }
    if (random() % 3 == 0) world.keeper->step();
    const std::set<std::uint64_t> there = world.segments();
    for (const auto& [id, segments] : promised) REQUIRE(includes(there, segments));
    for (const HoldRequest& request : requests) {
      const Result<Hold> hold = load_hold(world.store, request.id);
      if (!hold || hold->state != HoldState::kHeld) continue;
      promised[request.id] = world.held_by(request);
      REQUIRE(includes(there, promised[request.id]));
    }
  }
  CHECK(world.ring.segments_evicted() > 0);
}

TEST_CASE("threads: a ring that evicts all the time never takes what was answered") {
  HoldWorld world(24, 16 * kSegmentBytes);
  REQUIRE(world.record(3).ok());
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
  std::thread recorder([&] {  // on a busy machine not before all else is done
    while ((!stop || world.ring.segments_evicted() == 0) && !failed) failed = !world.record().ok();
  });
  std::map<SegmentId, std::set<std::uint64_t>> promised;
  std::size_t segments_promised = 0;
  for (int round = 0; round < 30; ++round) {
    const std::vector<CatalogFile> files = Catalog::scan_packets(world.store)->segments;
    const CatalogFile& oldest = files.front();  // the one that goes next
    const HoldRequest request = world.ask("", {oldest.name.first_ns, time_after(oldest.name.first_ns)});
    const Hold hold = world.answer(request);
    if (hold.state == HoldState::kHeld) promised[request.id] = world.held_by(request);
    segments_promised += hold.segments;
    const std::set<std::uint64_t> there = world.segments();
    for (const auto& [id, segments] : promised) CHECK(includes(there, segments));
    if (promised.size() < 6) continue;
    world.release(promised.begin()->first);
    promised.erase(promised.begin());
  }
  stop = true;
  recorder.join();
  CHECK_FALSE(failed);
  CHECK(segments_promised > 0);
  CHECK(world.ring.segments_evicted() > 0);
}
