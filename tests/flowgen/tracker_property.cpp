// The TCP tracker against a model that keeps every byte, and against itself observing everything.

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <tuple>
#include <vector>

#include "tests/flowgen/property_runs.hpp"
#include "tests/flowgen/tcp_session.hpp"

namespace tapline::flowgen {
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

void compare_tracker_with_bytes(std::uint64_t seed, int streams) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  for (int round = 0; round < streams; ++round) {
    // Near the end of the numbers, so that they wrap.
    const std::uint32_t base = 0u - below(20'000);
    TcpSession s;
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

void compare_sparing_with_thorough(std::uint64_t seed, int sessions) {
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < sessions; ++round) {
    // Two sessions of the same segments: one observes all, one leaves out what it may.
    TcpSession all;
    TcpSession some;
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

}  // namespace tapline::flowgen
