#include "storage/query/session_selection.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "capture/packet/decode.hpp"
#include "tests/packet/packet_builder.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::test;

namespace {

struct Seen {
  PacketBytes bytes;
  Frame frame;
  PacketMeta meta{};

  Seen(PacketBytes packet, TimeNs time_ns) : bytes(std::move(packet)), frame(frame_of(bytes)) {
    frame.time_ns = time_ns;
    decode(frame, meta);
  }
};

PacketBytes to_server(std::uint16_t port = 4000) {
  return PacketBuilder().eth().ipv4("10.0.0.5", "203.0.113.9").tcp(port, 80).bytes();
}
PacketBytes to_client() {
  return PacketBuilder().eth().ipv4("203.0.113.9", "10.0.0.5").tcp(80, 4000).bytes();
}

/// The session of to_server(), which its client opened.
SessionRecord session(TimeNs first_ns, TimeNs last_ns, EndReason end_reason = EndReason::kIdle) {
  const Seen opening(to_server(), first_ns);
  SessionRecord record;
  record.originator = make_flow_key(opening.frame, opening.meta, 0, record.key);
  record.first_ns = first_ns;
  record.last_ns = last_ns;
  record.end_reason = end_reason;
  return record;
}

const SessionRecord* find(const SessionSelection& selection, const Seen& seen) {
  return selection.find(seen.frame, seen.meta).session;
}

}  // namespace

TEST_CASE("a frame belongs to the session of its five-tuple from first to last frame") {
  SessionSelection selection(0);
  selection.add(session(100, 200));
  CHECK(find(selection, Seen(to_server(), 99)) == nullptr);
  CHECK(find(selection, Seen(to_server(), 100)) != nullptr);
  CHECK(find(selection, Seen(to_client(), 200)) != nullptr);
  CHECK(find(selection, Seen(to_client(), 201)) == nullptr);
  CHECK(find(selection, Seen(to_server(4001), 150)) == nullptr);
}

TEST_CASE("a session that goes on has all frames from its first on") {
  SessionSelection selection(0);
  selection.add(session(100, 200, EndReason::kOpen));
  CHECK(find(selection, Seen(to_server(), 99)) == nullptr);
  CHECK(find(selection, Seen(to_client(), 201)) != nullptr);
  CHECK(find(selection, Seen(to_server(), TimeWindow::kUnlimitedUntil)) != nullptr);
  CHECK(selection.window().until_ns == TimeWindow::kUnlimitedUntil);
}

TEST_CASE("a match tells who sent the frame") {
  SessionSelection selection(0);
  selection.add(session(100, 200));
  const Seen forward(to_server(), 150);
  const Seen backward(to_client(), 150);
  CHECK(selection.find(forward.frame, forward.meta).from_originator);
  CHECK_FALSE(selection.find(backward.frame, backward.meta).from_originator);
}

TEST_CASE("of sessions that overlap through padding the earliest has the frame") {
  SessionSelection selection(50);
  selection.add(session(300, 400));
  selection.add(session(100, 220));
  REQUIRE(selection.size() == 2);
  CHECK(find(selection, Seen(to_server(), 260))->first_ns == 100);
  CHECK(find(selection, Seen(to_server(), 271))->first_ns == 300);
}

TEST_CASE("the window reaches from the earliest first frame to the latest last one, padding included") {
  SessionSelection selection(10);
  selection.add(session(300, 400));
  selection.add(session(100, 200));
  CHECK(selection.window().since_ns == 90);
  CHECK(selection.window().until_ns == 411);
}

TEST_CASE("padding stops at the ends of time") {
  SessionSelection selection(TimeWindow::kUnlimitedUntil);
  selection.add(session(-100, 100));
  CHECK(selection.window().since_ns < -100 * kNsPerSecond);
  CHECK(selection.window().until_ns == TimeWindow::kUnlimitedUntil);
  CHECK(find(selection, Seen(to_server(), TimeWindow::kUnlimitedUntil)) != nullptr);
}

TEST_CASE("VLAN tags do not hide a frame from its session, and what has no session is of none") {
  SessionSelection selection(0);
  selection.add(session(100, 200));
  const PacketBytes tagged =
      PacketBuilder().eth().vlan(7).ipv4("10.0.0.5", "203.0.113.9").tcp(4000, 80).bytes();
  CHECK(find(selection, Seen(tagged, 150)) != nullptr);
  CHECK(find(selection, Seen(PacketBuilder().eth().arp(1, "10.0.0.5", "10.0.0.6").bytes(), 150)) == nullptr);
}

TEST_CASE("the flows of sessions are asked in the order of the index") {
  SessionSelection selection(0);
  for (std::uint16_t port = 1; port <= 100; ++port) {
    SessionRecord record = session(100, 200);
    record.key.port_a = port;
    selection.add(record);
  }
  const IndexQuery query = selection.index_query();
  REQUIRE(query.operands.size() == 100);
  CHECK(std::ranges::is_sorted(query.operands, {}, [](const IndexQuery& key) { return key.range.low; }));
}

TEST_CASE("no session asks for no block") {
  CHECK(SessionSelection(0).index_query().kind == IndexQuery::Kind::kNone);
}
