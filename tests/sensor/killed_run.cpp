#include "tests/sensor/killed_run.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/recovery.hpp"

namespace tapline::test {

using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

void add_record(const SessionRecord& record, Sums& sums) {
  const std::pair<Direction, const DirectionState*> directions[] = {{Direction::kAToB, &record.a_to_b},
                                                                    {Direction::kBToA, &record.b_to_a}};
  for (const auto& [direction, state] : directions) {
    if (state->total.packets == 0) continue;
    Sum& sum = sums[line_of(record.key, direction)];
    sum.packets += state->total.packets;
    sum.frame_bytes += state->total.frame_bytes;
  }
}

std::set<OrderKey> stored_orders(const Store& store) {
  std::set<OrderKey> orders;
  for (const ReadFrame& frame : read_frames(store)) orders.insert(frame.order);
  return orders;
}

struct SegmentTotals {
  std::uint64_t frames = 0;
  std::uint64_t captured_bytes = 0;
};

SegmentTotals segment_totals(const Store& store) {
  SegmentTotals totals;
  for (const ReadFrame& frame : read_frames(store)) {
    ++totals.frames;
    totals.captured_bytes += frame.frame.bytes.size();
  }
  return totals;
}

std::vector<OwnedFrame> traffic_of(std::uint64_t seed) {
  return conversations(seed, 200, 160);
}

}  // namespace

Line line_of(const FlowKey& key, Direction direction) {
  const auto bytes = [](const IpAddress& a) { return std::string(a.bytes.begin(), a.bytes.end()); };
  return {bytes(key.address_a) + bytes(key.address_b) + std::to_string(key.port_a) + "-" +
              std::to_string(key.port_b) + "/" + std::to_string(key.ip_proto) + "@" +
              std::to_string(key.link) + "#" + std::to_string(key.tunnel_id),
          direction};
}

Sessions sessions_of(const Store& store, const SegmentId& id) {
  Sessions sessions;
  for (const SessionRecord& record : read_sessions(store, id)) sessions[record.uid].push_back(record);
  for (auto& [uid, records] : sessions) std::ranges::sort(records, {}, &SessionRecord::seq);
  return sessions;
}

Sums newest_sums(const Sessions& sessions) {
  Sums sums;
  for (const auto& [uid, records] : sessions) add_record(records.back(), sums);
  return sums;
}

Sums expected_sums(const std::vector<FedFrame>& fed, const Sums& recorded, const Store& store) {
  const std::set<OrderKey> stored = stored_orders(store);
  Sums seen;
  Sums expected;
  for (const FedFrame& frame : fed) {
    if (!frame.session) continue;
    const Line line = line_of(frame.key, frame.direction);
    const auto known = recorded.find(line);
    const std::uint64_t contained = known == recorded.end() ? 0 : known->second.packets;
    if (++seen[line].packets > contained && !stored.contains(frame.order)) continue;
    ++expected[line].packets;
    expected[line].frame_bytes += frame.wire_bytes;
  }
  return expected;
}

Sums sums_of(const std::vector<FedFrame>& fed) {
  Sums sums;
  for (const FedFrame& frame : fed) {
    if (!frame.session) continue;
    Sum& sum = sums[line_of(frame.key, frame.direction)];
    ++sum.packets;
    sum.frame_bytes += frame.wire_bytes;
  }
  return sums;
}

void check_sessions(const Sessions& sessions, const Sums& expected) {
  Sums final_sums;
  for (const auto& [uid, records] : sessions) {
    CAPTURE(format_uid(uid));
    for (std::size_t i = 0; i < records.size(); ++i) {
      REQUIRE(records[i].seq == i);
      REQUIRE(records[i].final() == (i + 1 == records.size()));
      REQUIRE(records[i].end_reason != EndReason::kShutdown);
      REQUIRE(records[i].first_order == records[0].first_order);
      REQUIRE(records[i].parent_uid == records[0].parent_uid);
      const DirectionCounters nothing;
      REQUIRE(records[i].a_to_b.previous == (i == 0 ? nothing : records[i - 1].a_to_b.total));
      REQUIRE(records[i].b_to_a.previous == (i == 0 ? nothing : records[i - 1].b_to_a.total));
    }
    add_record(records.back(), final_sums);
  }
  REQUIRE(final_sums == expected);
}

LedgerTotals ledger_totals(const Store& store) {
  LedgerTotals totals;
  for (const CatalogFile& file : scan(store).ledgers) {
    LedgerFileReader reader = must(LedgerFileReader::open(file.path));
    for (;;) {
      const std::span<const LedgerRow> rows = must(reader.next());
      if (rows.empty()) break;
      for (const LedgerRow& row : rows) totals.add(row);
    }
  }
  return totals;
}

void check_ledger(const Store& store, const SegmentId& id) {
  const LedgerTotals ledger = ledger_totals(store);
  must(ledger.check());
  const SegmentTotals segments = segment_totals(store);
  const LedgerCounts& counts = ledger.counts();
  REQUIRE(counts[kFrameStoredWhole] + counts[kFrameStoredCut] == static_cast<std::int64_t>(segments.frames));
  REQUIRE(counts[kFrameStoredWholeBytes] + counts[kFrameStoredCutBytes] +
              counts[kFrameStoredBeyondWireBytes] ==
          static_cast<std::int64_t>(segments.captured_bytes));
  for (const std::int64_t value : counts.values) REQUIRE(value >= 0);
  const Source source = must(load_source(store, id));
  CHECK(source.state == SourceState::kCrashed);
  CHECK(source.frames == static_cast<std::uint64_t>(counts[kFramePolled]));
  CHECK(source.captured_bytes == static_cast<std::uint64_t>(counts[kFramePolledCapturedBytes]));
  CHECK(source.wire_bytes == static_cast<std::uint64_t>(counts[kFramePolledWireBytes]));
}

void tear_open_files(const Store& store, std::uint64_t bytes_max, std::mt19937_64& random) {
  for (const std::string& directory :
       {store.packets_directory(), store.sessions_directory(), store.ledger_directory()}) {
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (!entry.path().string().ends_with(kOpenSuffix)) continue;
      const std::uint64_t size = entry.file_size();
      fs::resize_file(entry.path(), size - std::min(size, random() % (bytes_max + 1)));
    }
  }
}

KilledRun::KilledRun(std::uint64_t seed, Packets packets) {
  std::mt19937_64 random(seed);
  const std::vector<OwnedFrame> traffic = traffic_of(seed);
  LiveIntervals intervals;
  intervals.sessions_flush_ns = static_cast<TimeNs>(1 + random() % 1000) * kNsPerMillisecond;
  intervals.seal_ns = static_cast<TimeNs>(1 + random() % 4000) * kNsPerMillisecond;
  LiveRun run(*store, traffic.front().time_ns, intervals);
  frames = 1 + random() % traffic.size();
  for (std::size_t i = 0; i < frames; ++i) run.feed(traffic[i]);
  if (packets == Packets::kPublished) run.publish_packets();
  id = run.id();
  fed = run.fed();
}

sensor::CrashReport recover(const Store& store) {
  must(recover_store(store));
  const std::vector<sensor::CrashReport> reports =
      must(sensor::recover_runs(store, {.flows_max = 4096, .timeouts = {}}));
  REQUIRE(reports.size() == 1);
  for (const Error& problem : reports[0].problems) FAIL(problem.context);
  return reports[0];
}

SegmentId run_to_end(const Store& store, std::uint64_t seed, std::size_t frame_count) {
  const std::vector<OwnedFrame> frames = traffic_of(seed);
  LiveRun run(store, frames.front().time_ns);
  for (std::size_t i = 0; i < frame_count; ++i) run.feed(frames[i]);
  run.finish();
  return run.id();
}

}  // namespace tapline::test
