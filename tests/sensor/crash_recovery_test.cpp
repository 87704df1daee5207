// Runs that are killed at any point and recovered: every stored frame is in exactly one session, every
// session ends once, and the books close.

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/recovery.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/sensor/killed_run.hpp"

using namespace tapline;
using namespace tapline::test;
using namespace tapline::storage;
namespace fs = std::filesystem;

TEST_CASE("a run that is killed anywhere is recovered: sessions, books, account") {
  const std::uint64_t seed = GENERATE(range(1u, 41u), values({202u, 632u}));  // the last two once failed
  CAPTURE(seed);
  const KilledRun killed(seed, Packets::kLeftOpen);
  std::mt19937_64 random(seed);
  if (seed % 2 == 0) tear_open_files(*killed.store, 3000, random);
  must(recover_store(*killed.store));
  const Sums recorded = newest_sums(sessions_of(*killed.store, killed.id));
  const Sums expected = expected_sums(killed.fed, recorded, *killed.store);
  recover(*killed.store);
  check_sessions(sessions_of(*killed.store, killed.id), expected);
  check_ledger(*killed.store, killed.id);
}

TEST_CASE("where all packets are in the store, the sessions count every one of them") {
  const std::uint64_t seed = GENERATE(range(101u, 121u));
  CAPTURE(seed);
  const KilledRun killed(seed, Packets::kPublished);
  std::mt19937_64 random(seed);
  if (seed % 2 == 0) tear_open_files(*killed.store, 3000, random);
  recover(*killed.store);
  const Sessions sessions = sessions_of(*killed.store, killed.id);
  check_sessions(sessions, sums_of(killed.fed));
  for (const auto& [uid, records] : sessions) {
    const SessionRecord& record = records.back();
    if (record.key.tunnel_id == 0) continue;
    const auto parent = sessions.find(record.parent_uid);
    REQUIRE(parent != sessions.end());
    CHECK(parent->second.back().key.ip_proto == kIpProtoIpv4);
    CHECK(parent->second.back().first_ns <= record.first_ns);
    CHECK(parent->second.back().last_ns >= record.first_ns);
  }
  check_ledger(*killed.store, killed.id);
  const LedgerTotals ledger = ledger_totals(*killed.store);
  CHECK(ledger.dropped_frames() == 0);
  CHECK(ledger.counts()[kFramePolled] == static_cast<std::int64_t>(killed.frames));
}

TEST_CASE("the runs that are killed here lose, keep, continue and begin something of every kind") {
  sensor::CrashReport sum;
  std::uint64_t no_files = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const KilledRun killed(seed, Packets::kLeftOpen);
    const sensor::CrashReport report = recover(*killed.store);
    sum.sessions.frames_counted += report.sessions.frames_counted;
    sum.sessions.sessions_continued += report.sessions.sessions_continued;
    sum.sessions.sessions_ended += report.sessions.sessions_ended;
    sum.sessions.sessions_new += report.sessions.sessions_new;
    sum.ledger.frames_added += report.ledger.frames_added;
    sum.ledger.frames_lost += report.ledger.frames_lost;
    no_files += report.frames_replayed == 0 ? 1 : 0;
  }
  CHECK(sum.sessions.frames_counted > 500);
  CHECK(sum.sessions.sessions_continued > 50);
  CHECK(sum.sessions.sessions_ended > 20);
  CHECK(sum.sessions.sessions_new > 20);
  CHECK(sum.ledger.frames_added > 10);
  CHECK(sum.ledger.frames_lost > 10);
  CHECK(no_files < 10);
}

TEST_CASE("later fragments of a run that was killed are counted once, in the session of their first one") {
  constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
  constexpr std::uint16_t kDatagrams = 50;
  const auto fragment = [](std::uint16_t id, std::uint16_t number) {
    PacketBuilder packet;
    packet.eth().ipv4("10.0.0.5", "192.0.2.1",
                      {.id = id,
                       .fragment_offset = static_cast<std::uint16_t>(number * 1480),
                       .more_fragments = number == 0});
    return number == 0 ? packet.udp(4000, 9999).payload(1472).bytes()
                       : packet.ip_proto(kIpProtoUdp).payload(100).bytes();
  };
  const TestStore store;
  SegmentId id;
  {
    LiveRun run(*store, kStart);
    for (std::uint16_t i = 0; i < kDatagrams; ++i) {
      for (std::uint16_t number = 0; number < 3; ++number)
        run.feed(
            owned(fragment(100 + i, number), kStart + i * 2 * kNsPerSecond + number * kNsPerMillisecond));
    }
    run.publish_packets();
    id = run.id();
  }
  recover(*store);
  const Sessions sessions = sessions_of(*store, id);
  REQUIRE(sessions.size() == 1);
  const SessionRecord& session = sessions.begin()->second.back();
  CHECK((session.key.flags & kKeyFragment) == 0);
  CHECK(session.a_to_b.total.packets + session.b_to_a.total.packets == 3 * kDatagrams);
}

TEST_CASE("only live runs that are still started are recovered") {
  const TestStore store;
  record(*store, random_traffic(1, 200));
  Source interrupted;
  interrupted.id.fill(9);
  must(save_source(*store, interrupted));  // an import
  Source stopped;
  stopped.id.fill(8);
  stopped.live = true;
  stopped.state = SourceState::kComplete;
  must(save_source(*store, stopped));
  CHECK(must(sensor::recover_runs(*store)).empty());
}

TEST_CASE("a run that was killed before it wrote anything has an account of nothing") {
  const TestStore store;
  SegmentId id;
  { id = LiveRun(*store, 5 * kNsPerSecond).id(); }
  const sensor::CrashReport report = recover(*store);
  CHECK(report.frames_replayed == 0);
  const Source source = must(load_source(*store, id));
  CHECK(source.state == SourceState::kCrashed);
  CHECK(source.frames == 0);
  CHECK(source.last_ns == 5 * kNsPerSecond);
}

TEST_CASE("a killed run whose frames are a year older than itself is recovered: a recording played back") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = conversations(11, 60, 60);
  SegmentId id;
  {
    LiveRun run(*store, frames.front().time_ns + 365 * 24 * 3600 * kNsPerSecond);
    for (const OwnedFrame& frame : frames) run.feed(frame);
    run.publish_packets();
    id = run.id();
  }
  recover(*store);
  CHECK(must(load_source(*store, id)).frames == frames.size());
  const Sessions sessions = sessions_of(*store, id);
  CHECK_FALSE(sessions.empty());
  for (const auto& [uid, records] : sessions) CHECK(records.back().final());
  check_ledger(*store, id);
}

TEST_CASE("two runs of one port that were both killed are told apart") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = conversations(7, 60, 60);
  SegmentId ids[2];
  for (SegmentId& id : ids) {
    LiveRun run(*store, frames.front().time_ns);
    for (const OwnedFrame& frame : frames) run.feed(frame);
    run.publish_packets();
    id = run.id();
  }
  must(recover_store(*store));
  const auto reports = must(sensor::recover_runs(*store, {.flows_max = 4096, .timeouts = {}}));
  REQUIRE(reports.size() == 2);
  for (const SegmentId& id : ids) {
    std::uint64_t packets = 0;
    for (const auto& [uid, records] : sessions_of(*store, id)) {
      REQUIRE(records.back().final());
      packets += records.back().a_to_b.total.packets + records.back().b_to_a.total.packets;
    }
    CHECK(packets > 0);
    CHECK(must(load_source(*store, id)).frames == frames.size());
  }
  CHECK(newest_sums(sessions_of(*store, ids[0])) == newest_sums(sessions_of(*store, ids[1])));
}

TEST_CASE("what the ring has dropped is not booked as lost in the crash") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = conversations(11, 30, 60);
  SegmentId id;
  {
    LiveRun run(*store, frames.front().time_ns);
    for (const OwnedFrame& frame : frames) run.feed(frame);
    run.publish_packets();
    id = run.id();
  }
  must(recover_store(*store));
  const std::vector<CatalogFile> segments = scan(*store).segments;
  REQUIRE(segments.size() > 10);
  for (std::size_t i = 0; i < 5; ++i) {  // as storage::Ring does it
    const std::string& path = segments[i].path;
    const std::string stem = path.substr(0, path.size() - kPacketSuffix.size());
    fs::rename(path, stem + std::string(kExpiredSuffix));
    fs::resize_file(stem + std::string(kExpiredSuffix), 0);
  }
  const sensor::CrashReport report = recover(*store);
  CHECK(report.ledger.frames_lost == 0);
  CHECK(must(load_source(*store, id)).frames == frames.size());
  must(ledger_totals(*store).check());
}

TEST_CASE("a damaged block and a damaged session file are reported, and the rest is recovered") {
  const KilledRun killed(5, Packets::kPublished);
  const Store& store = *killed.store;
  must(recover_store(store));
  const Catalog catalog = scan(store);
  flip_byte(catalog.segments.back().path, 600);
  flip_byte(catalog.sessions.front().path, 300);
  const auto reports = must(sensor::recover_runs(store, {.flows_max = 4096, .timeouts = {}}));
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].problems.size() >= 2);
  CHECK(reports[0].ledger.frames_lost == 0);
  must(ledger_totals(store).check());
  CHECK(must(load_source(store, killed.id)).state == SourceState::kCrashed);
}

namespace {

bool same_session(const SessionRecord& a, const SessionRecord& b) {
  const auto same = [](const DirectionState& x, const DirectionState& y) {
    return x.total == y.total && x.first_ns == y.first_ns && x.last_ns == y.last_ns &&
           x.tcp_flags_first == y.tcp_flags_first && x.tcp_flags_union == y.tcp_flags_union &&
           x.ttl_min == y.ttl_min && x.ttl_max == y.ttl_max && x.vlan_outer == y.vlan_outer &&
           x.vlan_inner == y.vlan_inner;
  };
  return same(a.a_to_b, b.a_to_b) && same(a.b_to_a, b.b_to_a) && a.first_ns == b.first_ns &&
         a.last_ns == b.last_ns && a.unstored_packets == b.unstored_packets && a.worker == b.worker &&
         a.originator == b.originator && a.orient_rule == b.orient_rule &&
         a.orient_confidence == b.orient_confidence;
}

}  // namespace

// The flow table knows more than the record (README.md, "Decisions"), and this traffic mixes conversations on
// the same ports: a few sessions are divided otherwise.
TEST_CASE("a recovered run has the sessions that it would have had without the crash") {
  std::size_t sessions = 0;
  std::size_t different = 0;
  for (std::uint64_t seed = 401; seed <= 440; ++seed) {
    const KilledRun killed(seed, Packets::kPublished);
    recover(*killed.store);
    const Sessions actual = sessions_of(*killed.store, killed.id);
    const TestStore whole;
    const SegmentId id = run_to_end(*whole, seed, killed.frames);
    for (const auto& [uid, records] : sessions_of(*whole, id)) {
      ++sessions;
      const auto found = actual.find(uid);
      const bool same = found != actual.end() && same_session(found->second.back(), records.back());
      different += same ? 0 : 1;
    }
  }
  CAPTURE(sessions, different);
  CHECK(sessions > 2000);
  CHECK(different * 200 < sessions);
}
