// Whether the packets of a session are still there: told from the names of segments, and against a store
// whose ring has dropped some.

#include "storage/query/packet_expiry.hpp"

#include <fmt/core.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "storage/expired_intervals.hpp"
#include "tests/sensor/recorded_store.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::storage;

namespace {

CatalogFile file(TimeNs first_ns, TimeNs last_ns, const std::string& path = "a.expired",
                 std::uint16_t worker = 0) {
  CatalogFile named;
  named.path = path;
  named.name = {first_ns, last_ns, 0, worker, 1};
  return named;
}

SessionRecord session(TimeNs first_ns, TimeNs last_ns) {
  SessionRecord record;
  record.first_ns = record.a_to_b.first_ns = first_ns;
  record.last_ns = record.a_to_b.last_ns = last_ns;
  record.a_to_b.total.packets = 10;
  return record;
}

ExpiredPackets of(const Catalog& catalog, const SessionRecord& record) {
  return PacketExpiry(catalog).of(record);
}

/// Expired 0..100, there 90..200, both of worker 0.
Catalog overlapping() {
  Catalog catalog;
  catalog.expired = {file(50, 100), file(0, 60)};
  catalog.segments = {file(90, 200, "a.pcap.zst")};
  return catalog;
}

}  // namespace

TEST_CASE("expired packets: what the names of segments tell") {
  const Catalog catalog = overlapping();
  CHECK(of(catalog, session(101, 150)) == ExpiredPackets::kNone);
  CHECK(of(catalog, session(10, 89)) == ExpiredPackets::kAll);
  CHECK(of(catalog, session(89, 101)) == ExpiredPackets::kSome);
  CHECK(of(catalog, session(89, 100)) == ExpiredPackets::kUnknown);  // its last one may be in either
  CHECK(of(catalog, session(90, 101)) == ExpiredPackets::kUnknown);  // its first one
  CHECK(of(catalog, session(300, 400)) == ExpiredPackets::kNone);    // not on the disk yet
  CHECK(of(catalog, session(-20, -10)) == ExpiredPackets::kNone);
}

TEST_CASE("expired packets: times of the other direction tell more") {
  SessionRecord record = session(89, 100);
  record.b_to_a.total.packets = 1;
  record.b_to_a.first_ns = record.b_to_a.last_ns = 95;
  CHECK(of(overlapping(), record) == ExpiredPackets::kUnknown);
  record.b_to_a.first_ns = record.b_to_a.last_ns = 101;
  CHECK(of(overlapping(), record) == ExpiredPackets::kSome);
}

TEST_CASE("expired packets: other workers and ports have other segments") {
  Catalog catalog = overlapping();
  SessionRecord record = session(10, 20);
  record.worker = 1;
  CHECK(of(catalog, record) == ExpiredPackets::kNone);
  record.worker = 0;
  record.key.link = 1;
  CHECK(of(catalog, record) == ExpiredPackets::kNone);
  catalog.expired.push_back(file(15, 16, "expired-intervals"));  // folded: of any worker
  CHECK(of(catalog, record) == ExpiredPackets::kAll);
}

TEST_CASE("expired packets: what was never stored does not expire") {
  SessionRecord record = session(10, 20);
  record.unstored_packets = 10;
  CHECK(of(overlapping(), record) == ExpiredPackets::kNone);
  record.unstored_packets = 1;
  CHECK(of(overlapping(), record) == ExpiredPackets::kAll);
  record = session(89, 101);
  record.unstored_packets = 9;  // the first or the last may be among them
  CHECK(of(overlapping(), record) == ExpiredPackets::kUnknown);
}

TEST_CASE("expired packets: a volume that is missing or a file set aside may have had them") {
  Catalog catalog = overlapping();
  catalog.damaged = {file(15, 16)};
  CHECK(of(catalog, session(10, 20)) == ExpiredPackets::kUnknown);
  CHECK(of(catalog, session(20, 30)) == ExpiredPackets::kAll);
  catalog.missing_volumes.push_back({SegmentId{1}, "/gone", 120, 0, {}});
  CHECK(of(catalog, session(110, 119)) == ExpiredPackets::kNone);
  CHECK(of(catalog, session(110, 120)) == ExpiredPackets::kUnknown);
}

TEST_CASE("expired packets of a store whose ring has gone round are those that are not there") {
  tapline::test::TestStore store;
  tapline::test::RecordOptions options = tapline::test::small_segments();
  options.budget_bytes = 640 * 1024;
  const auto recording = record(*store, tapline::test::random_traffic(11, 12'000), options);
  REQUIRE(recording.segments_evicted > 3);
  std::set<TimeNs> there;
  for (const auto& read : tapline::test::read_frames(*store)) there.insert(read.frame.time_ns);
  const PacketExpiry expiry(tapline::test::scan(*store));
  std::map<ExpiredPackets, int> found;
  for (const SessionRecord& record : tapline::test::read_sessions(*store)) {
    const ExpiredPackets expired = expiry.of(record);
    ++found[expired];
    CAPTURE(expired_packets_name(expired), record.first_ns, record.last_ns);
    const bool first_there = there.contains(record.first_ns);
    const bool last_there = there.contains(record.last_ns);
    if (record.unstored_packets > 0) continue;
    if (expired == ExpiredPackets::kNone) CHECK((first_there && last_there));
    if (expired == ExpiredPackets::kSome) CHECK((!first_there || last_there));
    if (expired == ExpiredPackets::kAll) CHECK((!first_there && !last_there));
  }
  CHECK(found[ExpiredPackets::kNone] > 0);
  CHECK(found[ExpiredPackets::kAll] > 0);
  CHECK(found[ExpiredPackets::kSome] + found[ExpiredPackets::kUnknown] > 0);
}
