// What a session's segments say. Expected states and histories are those of Zeek for the same exchanges.

#include "flowgen/tcp_tracker.hpp"

#include <catch2/catch.hpp>

#include "tests/flowgen/tcp_session.hpp"

using namespace tapline;
using namespace tapline::flowgen;

TEST_CASE("a session's state and history are Zeek's") {
  SECTION("opened, one request, closed by both") {
    TcpSession s;
    s.open().a(kAck | kPsh, 101, 501, 10).b(kAck, 501, 111).b(kAck, 501, 111, 20).a(kAck, 111, 521);
    CHECK(s.conn() == "S1");
    s.a(kFin | kAck, 111, 521).b(kFin | kAck, 521, 112).a(kAck, 112, 522);
    CHECK(s.conn() == "SF");
    CHECK(s.history() == "ShADadFf");
  }
  SECTION("attempt, repeated, repeated with another number") {
    TcpSession s;
    s.a(kSyn, 100, 0).a(kSyn, 100, 0);
    CHECK(s.history() == "S");
    s.a(kSyn, 9'000, 0);
    CHECK(s.conn() == "S0");
    CHECK(s.history() == "SS");
  }
  SECTION("refused") {
    TcpSession s;
    s.a(kSyn, 100, 0).b(kRst | kAck, 0, 101);
    CHECK(s.conn(true) == "REJ");
    CHECK(s.history() == "Sr");
  }
  SECTION("closed by one side only") {
    CHECK(TcpSession().open().a(kFin | kAck, 101, 501).b(kAck, 501, 102).conn() == "S2");
    CHECK(TcpSession().open().b(kFin | kAck, 501, 101).a(kAck, 101, 502).conn() == "S3");
  }
  SECTION("reset by one side") {
    CHECK(TcpSession().open().a(kRst, 101, 0).conn() == "RSTO");
    CHECK(TcpSession().open().b(kRst, 501, 0).conn() == "RSTR");
  }
  SECTION("one side of an attempt") {
    CHECK(TcpSession().a(kSyn, 100, 0).a(kRst, 101, 0).conn() == "RSTOS0");
    CHECK(TcpSession().a(kSyn, 100, 0).a(kFin, 101, 0).conn() == "SH");
    CHECK(TcpSession().b(kSyn | kAck, 500, 101).b(kRst, 501, 101).conn() == "RSTRH");
    CHECK(TcpSession().b(kSyn | kAck, 500, 101).b(kFin | kAck, 501, 101).conn() == "SHR");
  }
  SECTION("both send a SYN; the SYN was missed; the SYN-ACK came first") {
    CHECK(TcpSession().a(kSyn, 100, 0).b(kSyn, 500, 0).a(kSyn | kAck, 100, 501).conn() == "S1");
    CHECK(TcpSession().b(kSyn | kAck, 500, 101).a(kAck, 101, 501).conn() == "S1");
    CHECK(TcpSession().b(kSyn | kAck, 500, 101).a(kSyn, 100, 0).a(kAck, 101, 501).conn() == "S1");
  }
  SECTION("seen from the middle on") {
    TcpSession s;
    s.a(kAck, 101, 501, 10).b(kAck, 501, 111, 20);
    CHECK(s.conn() == "OTH");
    CHECK(s.history(true) == "^Dd");
    s.a(kFin | kAck, 111, 521).b(kFin | kAck, 521, 112);
    CHECK(s.conn() == "SF");
  }
  SECTION("odd flags, once each") {
    TcpSession s;
    s.a(kSyn | kFin, 100, 0).a(kSyn | kRst, 100, 0).a(kFin | kRst, 101, 0).a(kFin | kRst, 101, 0);
    CHECK(s.history() == "QI");
  }
}

TEST_CASE("repeated events of the history are told at their powers of ten") {
  TcpSession s;
  s.open().a(kAck, 101, 501, 10);
  for (int i = 0; i < 120; ++i) s.a(kAck, 101, 501, 10);
  CHECK(s.history() == "ShADTTT");
  CHECK(s.state.sides[0].retransmitted_packets == 120);
  CHECK(s.state.sides[0].retransmitted_bytes == 1200);
  TcpSession closed_window;
  closed_window.open();
  for (int i = 0; i < 10; ++i) closed_window.b(kAck, 501, 101, 0, 0);
  CHECK(closed_window.history() == "ShAaww");
  CHECK(closed_window.state.sides[1].zero_windows == 10);
}

TEST_CASE("segments with a wrong checksum are believed, and told at the powers of ten") {
  TcpSession s;
  s.open();
  for (std::uint32_t i = 0; i < 12; ++i) {
    TcpSegment segment{s.now_ns, 101 + 10 * i, 501, 10, 1000, kAck};
    CHECK(is_expected(s.sequences[0], segment));
    segment.bad_checksum = true;
    CHECK(!is_expected(s.sequences[0], segment));
    observe_tcp(s.state, {&s.sequences[0], &s.sequences[1]}, Direction::kAToB, segment);
  }
  CHECK(s.history() == "ShACDC");
  CHECK(s.state.sides[0].bad_checksums == 12);
  CHECK(s.state.sides[1].bad_checksums == 0);
  CHECK(s.sequences[0].next == 101 + 120);
  CHECK(s.state.sides[0].retransmitted_packets == 0);
}

TEST_CASE("a history holds its first 36 events") {
  TcpSession s;
  for (std::uint32_t i = 0; i < 50; ++i) s.a(kSyn, 1 + i, 0);
  CHECK(s.history() == std::string(36, 'S'));
  CHECK(s.state.history.size() == History::kEventsMax);
}

TEST_CASE("segments out of order fill what they left open") {
  TcpSession s;
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
    TcpSession s;
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
    TcpSession s;
    s.b(kSyn | kAck, 500, 101).a(kAck, 111, 501, 10).a(kSyn, 100, 0).b(kAck, 501, 121);
    CHECK(s.gap(Direction::kAToB) == 10);
    CHECK(s.sequences[0].next == 121);
    s.a(kAck, 101, 501, 10);
    CHECK(s.gap(Direction::kAToB) == 0);
    CHECK(s.state.sides[0].out_of_order_packets == 1);
  }
  SECTION("below open gaps, as many as are kept") {
    TcpSession s;
    s.a(kAck, 1000, 501, 10);
    for (std::uint32_t i = 1; i <= TcpHoles::kMax; ++i) s.a(kAck, 1000 + 20 * i, 501, 10);
    s.a(kAck, 900, 501, 100).b(kAck, 501, 1090);
    CHECK(s.state.sides[0].out_of_order_packets == 1);
    CHECK(s.gap(Direction::kAToB) == 40);
  }
  SECTION("not below a SYN: a host that asks whether the other is still there") {
    TcpSession s;
    s.open().a(kAck, 100, 501, 1);
    CHECK(s.state.sides[0].out_of_order_packets == 0);
    CHECK(s.state.sides[0].retransmitted_packets == 1);
  }
}

TEST_CASE("bytes that are acknowledged and never seen are a gap") {
  SECTION("in the middle") {
    TcpSession s;
    s.open().a(kAck, 101, 501, 10).a(kAck, 121, 501, 10);
    CHECK(s.gap(Direction::kAToB) == 0);
    s.b(kAck, 501, 116);
    CHECK(s.gap(Direction::kAToB) == 5);
    s.b(kAck, 501, 131);
    CHECK(s.gap(Direction::kAToB) == 10);
    CHECK(s.history() == "ShADaG");
  }
  SECTION("at the end") {
    TcpSession s;
    s.open().a(kAck, 101, 501, 10).b(kAck, 501, 211);
    CHECK(s.gap(Direction::kAToB) == 100);
  }
  SECTION("after a SYN-ACK that was lost, too") {
    TcpSession s;
    s.a(kSyn, 100, 0).b(kAck, 501, 111).a(kAck, 111, 521).b(kFin | kAck, 521, 112);
    CHECK(s.gap(Direction::kBToA) == 20);
  }
  SECTION("of the numbers that count, where a SYN brings new ones") {
    TcpSession s;
    s.a(kSyn, 100, 0).b(kAck, 9'000, 101).a(kAck, 101, 9'000).b(kSyn | kAck, 500, 101).a(kAck, 101, 521);
    CHECK(s.gap(Direction::kBToA) == 20);
  }
  SECTION("at the end, before a RST") {
    TcpSession s;
    s.open().a(kAck, 101, 501, 10).b(kAck, 501, 211).a(kRst, 211, 0);
    CHECK(s.gap(Direction::kAToB) == 100);
    CHECK(TcpSession().a(kSyn, 100, 0).b(kRst | kAck, 0, 101).a(kAck, 101, 1000).gap(Direction::kBToA) == 0);
  }
  SECTION("but not a FIN that was lost, or overtaken by the last acknowledgment") {
    TcpSession lost;
    lost.open().a(kAck, 101, 501, 10).b(kAck, 501, 112);
    CHECK(lost.gap(Direction::kAToB) == 0);
    CHECK(lost.a(kAck, 112, 501).gap(Direction::kAToB) == 0);
    TcpSession late;
    late.open().a(kAck, 101, 501, 10).a(kAck, 112, 502).b(kFin | kAck, 501, 112).a(kFin | kAck, 111, 501);
    CHECK(late.gap(Direction::kAToB) == 0);
    CHECK(plain_segments(late.state, Direction::kAToB) == (kPlainPayload | kPlainAck));
    CHECK(late.state.sides[0].out_of_order_packets == 0);
  }
  SECTION("more holes than are kept") {
    TcpSession s;
    s.open();
    for (std::uint32_t i = 0; i < 6; ++i) s.a(kAck, 111 + 20 * i, 501, 10);
    s.b(kAck, 501, 221);
    CHECK(s.gap(Direction::kAToB) == 60);
  }
}

TEST_CASE("holes half of all numbers behind are given up, and count as gaps") {
  TcpSession s;
  s.a(kAck, 0, 1).b(kAck, 1, 1);
  constexpr std::uint32_t kQuarter = 1u << 30;
  s.a(kAck, 10, 1, 10).b(kAck, 1, 20);
  CHECK(s.gap(Direction::kAToB) == 10);
  for (std::uint32_t i = 1; i <= 8; ++i) s.a(kAck, 20 + i * kQuarter, 1);  // twice around
  CHECK(s.state.sides[0].holes.bytes_below(s.sequences[0].next) == 10 + 8 * std::uint64_t{kQuarter});
  s.a(kAck, 10, 1, 5);  // not what was missed two rounds ago, but of the last hole
  CHECK(s.state.sides[0].holes.bytes_below(s.sequences[0].next) == 5 + 8 * std::uint64_t{kQuarter});
}

TEST_CASE("a far acknowledgment of 0 is not believed, observed or not") {
  TcpSession s;
  s.open()
      .a(kAck | kPsh, 101, 501, 10)
      .b(kAck | kPsh, 501, 111, 10)
      .a(kAck, 111, 511)
      .b(kAck, 511, 0x7000'0000)
      .b(kAck, 511, 0xe000'0000);
  const TcpSequence before = s.sequences[1];
  CHECK(before.acked == 0xe000'0000);
  const TcpSegment segment{s.now_ns, 511, 0, 0, 1000, kAck};
  REQUIRE(is_expected(s.sequences[1], segment));
  take_expected(s.sequences[1], segment);
  CHECK(s.sequences[1].acked == before.acked);
  s.b(kAck, 511, 0);
  CHECK(s.sequences[1].acked == before.acked);
}

TEST_CASE("round trips are measured from the last SYN on") {
  TcpSession s;
  s.a(kSyn, 100, 0).after(kSecond).open();
  s.after(7 * kMs).a(kAck, 101, 501, 10).after(kMs).a(kAck, 111, 501, 10);
  s.after(40 * kMs).b(kAck, 501, 121, 5);
  CHECK(s.state.rtt_server_ns == 20 * kMs);
  CHECK(s.state.rtt_client_ns == 3 * kMs);
  CHECK(s.state.response_ns == 41 * kMs);
}
