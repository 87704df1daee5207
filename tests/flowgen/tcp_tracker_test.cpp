// What a session's segments say. Expected states and histories are those of Zeek for the same exchanges.

#include "flowgen/tcp_tracker.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <tuple>
#include <vector>

#include "flowgen/conn_state.hpp"
#include "tests/flowgen/packet_maker.hpp"

using namespace tapline;
using namespace tapline::flowgen;

namespace {

/// A session between A, who opens it, and B.
class Session {
 public:
  explicit Session(Direction opener = Direction::kAToB) { begin_tcp(state, opener); }

  Session& a(int flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload = 0,
             std::uint16_t window = 1000) {
    return send(Direction::kAToB, flags, seq, ack, payload, window);
  }
  Session& b(int flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload = 0,
             std::uint16_t window = 1000) {
    return send(Direction::kBToA, flags, seq, ack, payload, window);
  }
  Session& after(TimeNs ns) {
    now_ns += ns;
    return *this;
  }
  /// The three segments that open it: A's data begins at 101, B's at 501.
  Session& open() {
    return a(kSyn, 100, 0).after(20 * kMs).b(kSyn | kAck, 500, 101).after(3 * kMs).a(kAck, 101, 501);
  }

  std::string history(bool flipped = false) const { return state.history.text(Direction::kAToB, flipped); }
  std::string conn(bool no_payload = false) const {
    return conn_state_name(tcp_conn_state(state, Direction::kAToB, no_payload));
  }
  std::uint64_t gap(Direction direction) const {
    const auto mine = static_cast<std::size_t>(direction);
    return gap_bytes(state, direction, sequences[mine], sequences[1 - mine], true);
  }

  TcpState state;
  std::array<TcpSequence, 2> sequences{};
  TimeNs now_ns = kStart;

 private:
  Session& send(Direction direction, int flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload,
                std::uint16_t window) {
    observe_tcp(state, {&sequences[0], &sequences[1]}, direction,
                {now_ns, seq, ack, payload, window, static_cast<std::uint8_t>(flags)});
    return *this;
  }
};

}  // namespace

TEST_CASE("a session's state and history are Zeek's") {
  SECTION("opened, one request, closed by both") {
    Session s;
    s.open().a(kAck | kPsh, 101, 501, 10).b(kAck, 501, 111).b(kAck, 501, 111, 20).a(kAck, 111, 521);
    CHECK(s.conn() == "S1");
    s.a(kFin | kAck, 111, 521).b(kFin | kAck, 521, 112).a(kAck, 112, 522);
    CHECK(s.conn() == "SF");
    CHECK(s.history() == "ShADadFf");
  }
  SECTION("attempt, repeated, repeated with another number") {
    Session s;
    s.a(kSyn, 100, 0).a(kSyn, 100, 0);
    CHECK(s.history() == "S");
    s.a(kSyn, 9'000, 0);
    CHECK(s.conn() == "S0");
    CHECK(s.history() == "SS");
  }
  SECTION("refused") {
    Session s;
    s.a(kSyn, 100, 0).b(kRst | kAck, 0, 101);
    CHECK(s.conn(true) == "REJ");
    CHECK(s.history() == "Sr");
  }
  SECTION("closed by one side only") {
    CHECK(Session().open().a(kFin | kAck, 101, 501).b(kAck, 501, 102).conn() == "S2");
    CHECK(Session().open().b(kFin | kAck, 501, 101).a(kAck, 101, 502).conn() == "S3");
  }
  SECTION("reset by one side") {
    CHECK(Session().open().a(kRst, 101, 0).conn() == "RSTO");
    CHECK(Session().open().b(kRst, 501, 0).conn() == "RSTR");
  }
  SECTION("one side of an attempt") {
    CHECK(Session().a(kSyn, 100, 0).a(kRst, 101, 0).conn() == "RSTOS0");
    CHECK(Session().a(kSyn, 100, 0).a(kFin, 101, 0).conn() == "SH");
    CHECK(Session().b(kSyn | kAck, 500, 101).b(kRst, 501, 101).conn() == "RSTRH");
    CHECK(Session().b(kSyn | kAck, 500, 101).b(kFin | kAck, 501, 101).conn() == "SHR");
  }
  SECTION("both send a SYN; the SYN was missed; the SYN-ACK came first") {
    CHECK(Session().a(kSyn, 100, 0).b(kSyn, 500, 0).a(kSyn | kAck, 100, 501).conn() == "S1");
    CHECK(Session().b(kSyn | kAck, 500, 101).a(kAck, 101, 501).conn() == "S1");
    CHECK(Session().b(kSyn | kAck, 500, 101).a(kSyn, 100, 0).a(kAck, 101, 501).conn() == "S1");
  }
  SECTION("seen from the middle on") {
    Session s;
    s.a(kAck, 101, 501, 10).b(kAck, 501, 111, 20);
    CHECK(s.conn() == "OTH");
    CHECK(s.history(true) == "^Dd");
    s.a(kFin | kAck, 111, 521).b(kFin | kAck, 521, 112);
    CHECK(s.conn() == "SF");
  }
  SECTION("odd flags, once each") {
    Session s;
    s.a(kSyn | kFin, 100, 0).a(kSyn | kRst, 100, 0).a(kFin | kRst, 101, 0).a(kFin | kRst, 101, 0);
    CHECK(s.history() == "QI");
  }
}

TEST_CASE("repeated events of the history are told at their powers of ten") {
  Session s;
  s.open().a(kAck, 101, 501, 10);
  for (int i = 0; i < 120; ++i) s.a(kAck, 101, 501, 10);
  CHECK(s.history() == "ShADTTT");
  CHECK(s.state.sides[0].retransmitted_packets == 120);
  CHECK(s.state.sides[0].retransmitted_bytes == 1200);
  Session closed_window;
  closed_window.open();
  for (int i = 0; i < 10; ++i) closed_window.b(kAck, 501, 101, 0, 0);
  CHECK(closed_window.history() == "ShAaww");
  CHECK(closed_window.state.sides[1].zero_windows == 10);
}

TEST_CASE("a history holds its first 36 events") {
  Session s;
  for (std::uint32_t i = 0; i < 50; ++i) s.a(kSyn, 1 + i, 0);
  CHECK(s.history() == std::string(36, 'S'));
  CHECK(s.state.history.size() == History::kEventsMax);
}

TEST_CASE("segments out of order fill what they left open") {
  Session s;
  s.open().a(kAck, 101, 501, 10).a(kAck, 121, 501, 10);
  CHECK(plain_segments(s.state, Direction::kAToB) == 0);
  s.a(kAck, 111, 501, 10);
  CHECK(s.state.sides[0].out_of_order_packets == 1);
  CHECK(s.state.sides[0].retransmitted_packets == 0);
  CHECK(s.gap(Direction::kAToB) == 0);
  s.b(kAck, 501, 131);
  CHECK(s.gap(Direction::kAToB) == 0);
  CHECK(plain_segments(s.state, Direction::kAToB) == (kPlainPayload | kPlainAck));
}

TEST_CASE("what comes with lower numbers than the first segment is new where there was no SYN") {
  SECTION("payload, the part between filled later") {
    Session s;
    s.a(kAck, 131, 501, 10).a(kAck, 101, 501, 10).b(kAck, 501, 141);
    CHECK(s.gap(Direction::kAToB) == 20);
    s.a(kAck, 111, 501, 20);
    CHECK(s.gap(Direction::kAToB) == 0);
    CHECK(s.state.sides[0].out_of_order_packets == 2);
    CHECK(s.state.sides[0].retransmitted_packets == 0);
    CHECK(s.state.sides[0].retransmitted_bytes == 0);
    s.a(kAck, 101, 501, 10);
    CHECK(s.state.sides[0].retransmitted_packets == 1);
  }
  SECTION("the SYN, late") {
    Session s;
    s.b(kSyn | kAck, 500, 101).a(kAck, 111, 501, 10).a(kSyn, 100, 0).b(kAck, 501, 121);
    CHECK(s.gap(Direction::kAToB) == 10);
    CHECK(s.sequences[0].next == 121);
    s.a(kAck, 101, 501, 10);
    CHECK(s.gap(Direction::kAToB) == 0);
    CHECK(s.state.sides[0].out_of_order_packets == 1);
  }
  SECTION("below open gaps, as many as are kept") {
    Session s;
    s.a(kAck, 1000, 501, 10);
    for (std::uint32_t i = 1; i <= TcpHoles::kMax; ++i) s.a(kAck, 1000 + 20 * i, 501, 10);
    s.a(kAck, 900, 501, 100).b(kAck, 501, 1090);
    CHECK(s.state.sides[0].out_of_order_packets == 1);
    CHECK(s.gap(Direction::kAToB) == 40);
  }
  SECTION("not below a SYN: a host that asks whether the other is still there") {
    Session s;
    s.open().a(kAck, 100, 501, 1);
    CHECK(s.state.sides[0].out_of_order_packets == 0);
    CHECK(s.state.sides[0].retransmitted_packets == 1);
  }
}

TEST_CASE("bytes that are acknowledged and never seen are a gap") {
  SECTION("in the middle") {
    Session s;
    s.open().a(kAck, 101, 501, 10).a(kAck, 121, 501, 10);
    CHECK(s.gap(Direction::kAToB) == 0);
    s.b(kAck, 501, 116);
    CHECK(s.gap(Direction::kAToB) == 5);
    s.b(kAck, 501, 131);
    CHECK(s.gap(Direction::kAToB) == 10);
    CHECK(s.history() == "ShADaG");
  }
  SECTION("at the end") {
    Session s;
    s.open().a(kAck, 101, 501, 10).b(kAck, 501, 211);
    CHECK(s.gap(Direction::kAToB) == 100);
  }
  SECTION("after a SYN-ACK that was lost, too") {
    Session s;
    s.a(kSyn, 100, 0).b(kAck, 501, 111).a(kAck, 111, 521).b(kFin | kAck, 521, 112);
    CHECK(s.gap(Direction::kBToA) == 20);
  }
  SECTION("of the numbers that count, where a SYN brings new ones") {
    Session s;
    s.a(kSyn, 100, 0).b(kAck, 9'000, 101).a(kAck, 101, 9'000).b(kSyn | kAck, 500, 101).a(kAck, 101, 521);
    CHECK(s.gap(Direction::kBToA) == 20);
  }
  SECTION("at the end, before a RST") {
    Session s;
    s.open().a(kAck, 101, 501, 10).b(kAck, 501, 211).a(kRst, 211, 0);
    CHECK(s.gap(Direction::kAToB) == 100);
    CHECK(Session().a(kSyn, 100, 0).b(kRst | kAck, 0, 101).a(kAck, 101, 1000).gap(Direction::kBToA) == 0);
  }
  SECTION("but not a FIN that was lost, or overtaken by the last acknowledgment") {
    Session lost;
    lost.open().a(kAck, 101, 501, 10).b(kAck, 501, 112);
    CHECK(lost.gap(Direction::kAToB) == 0);
    CHECK(lost.a(kAck, 112, 501).gap(Direction::kAToB) == 0);
    Session late;
    late.open().a(kAck, 101, 501, 10).a(kAck, 112, 502).b(kFin | kAck, 501, 112).a(kFin | kAck, 111, 501);
    CHECK(late.gap(Direction::kAToB) == 0);
    CHECK(plain_segments(late.state, Direction::kAToB) == (kPlainPayload | kPlainAck));
    CHECK(late.state.sides[0].out_of_order_packets == 0);
  }
  SECTION("more holes than are kept") {
    Session s;
    s.open();
    for (std::uint32_t i = 0; i < 6; ++i) s.a(kAck, 111 + 20 * i, 501, 10);
    s.b(kAck, 501, 221);
    CHECK(s.gap(Direction::kAToB) == 60);
  }
}

TEST_CASE("round trips are measured from the last SYN on") {
  Session s;
  s.a(kSyn, 100, 0).after(kSecond).open();
  s.after(7 * kMs).a(kAck, 101, 501, 10).after(kMs).a(kAck, 111, 501, 10);
  s.after(40 * kMs).b(kAck, 501, 121, 5);
  CHECK(s.state.rtt_server_ns == 20 * kMs);
  CHECK(s.state.rtt_client_ns == 3 * kMs);
  CHECK(s.state.response_ns == 41 * kMs);
}

namespace {

/// Every byte of one direction's stream, seen or not.
struct NaiveStream {
  std::vector<bool> seen = std::vector<bool>(20'000);
  std::uint32_t next = 0;
  std::uint64_t retransmitted_bytes = 0;
  std::uint32_t retransmitted_packets = 0;
  std::uint32_t out_of_order_packets = 0;

  void send(std::uint32_t begin, std::uint32_t bytes) {
    std::uint32_t old_seen = 0;
    std::uint32_t old_unseen = 0;
    for (std::uint32_t i = begin; i < begin + bytes; ++i) {
      if (i < next) ++(seen[i] ? old_seen : old_unseen);
      seen[i] = true;
    }
    retransmitted_bytes += old_seen;
    if (old_unseen != 0)
      ++out_of_order_packets;
    else if (begin + bytes <= next)
      ++retransmitted_packets;
    next = std::max(next, begin + bytes);
  }
  std::uint32_t holes() const {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < next; ++i) count += !seen[i] && (i == 0 || seen[i - 1]) ? 1 : 0;
    return count;
  }
  std::pair<std::uint32_t, std::uint32_t> first_hole() const {
    std::uint32_t begin = 0;
    while (seen[begin]) ++begin;
    std::uint32_t end = begin;
    while (!seen[end]) ++end;
    return {begin, end - begin};
  }
  std::uint64_t unseen_below(std::uint32_t end) const {
    std::uint64_t count = 0;
    for (std::uint32_t i = 0; i < end; ++i) count += seen[i] ? 0 : 1;
    return count;
  }
};

}  // namespace

TEST_CASE("a stream's sequence numbers are those of a model that keeps every byte") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  for (int round = 0; round < 300; ++round) {
    // Near the end of the numbers, so that they wrap.
    const std::uint32_t base = 0u - below(20'000);
    Session s;
    s.a(kSyn, base - 1, 0).b(kSyn | kAck, 500, base).a(kAck, base, 501);
    NaiveStream model;
    std::uint32_t acked = 0;
    while (model.next < 15'000) {
      const std::uint32_t holes = model.holes();
      const std::uint32_t kind = below(10);
      std::uint32_t begin = model.next;
      std::uint32_t bytes = 1 + below(200);
      // Never more holes than are kept: an old segment may split one.
      if (kind == 0 && holes < TcpHoles::kMax) begin += 1 + below(300);
      if (kind >= 8 && holes < TcpHoles::kMax) begin -= std::min(model.next, below(900));
      if (kind >= 8 && holes == TcpHoles::kMax) std::tie(begin, bytes) = model.first_hole();
      model.send(begin, bytes);
      s.a(kAck, base + begin, 501, bytes);
      if (below(4) == 0) {
        acked = std::max(acked, below(model.next + 1));
        s.b(kAck, 501, base + acked);
      }
      REQUIRE(s.state.sides[0].retransmitted_bytes == model.retransmitted_bytes);
      REQUIRE(s.state.sides[0].retransmitted_packets == model.retransmitted_packets);
      REQUIRE(s.state.sides[0].out_of_order_packets == model.out_of_order_packets);
      REQUIRE(s.sequences[0].next == base + model.next);
      REQUIRE(s.gap(Direction::kAToB) == model.unseen_below(acked));
    }
  }
}

TEST_CASE("expected segments need not be observed") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    // Two sessions of the same segments: one observes all, one leaves out what it may.
    Session all;
    Session some;
    for (int i = 0; i < 60; ++i) {
      const auto direction = static_cast<Direction>(random() % 2);
      TcpSequence& mine = some.sequences[static_cast<std::size_t>(direction)];
      TcpSequence& theirs = some.sequences[static_cast<std::size_t>(opposite(direction))];
      constexpr int kFlags[] = {kAck, kAck, kAck, kAck, kAck | kPsh, kSyn, kSyn | kAck, kFin | kAck, kRst, 0};
      const auto roll = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
      const TcpSegment segment{all.now_ns,
                               roll(6) != 0 ? mine.next : mine.next + roll(40) - 20,
                               roll(6) != 0 ? theirs.next : theirs.next + roll(40) - 20,
                               roll(2) * roll(30),
                               static_cast<std::uint16_t>(roll(20)),
                               static_cast<std::uint8_t>(kFlags[roll(10)])};
      observe_tcp(all.state, {&all.sequences[0], &all.sequences[1]}, direction, segment);
      const auto plain = segment.payload_bytes != 0 ? kPlainPayload : kPlainAck;
      if ((plain_segments(some.state, direction) & plain) != 0 && is_expected(mine, segment))
        take_expected(mine, segment);
      else
        observe_tcp(some.state, {&some.sequences[0], &some.sequences[1]}, direction, segment);
      REQUIRE(all.history() == some.history());
      REQUIRE(all.conn() == some.conn());
      for (std::size_t side = 0; side < 2; ++side) {
        REQUIRE(all.sequences[side].next == some.sequences[side].next);
        REQUIRE(all.state.sides[side].retransmitted_bytes == some.state.sides[side].retransmitted_bytes);
        REQUIRE(all.state.sides[side].out_of_order_packets == some.state.sides[side].out_of_order_packets);
        REQUIRE(all.gap(static_cast<Direction>(side)) == some.gap(static_cast<Direction>(side)));
      }
    }
  }
}
