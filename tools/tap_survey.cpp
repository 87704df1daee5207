#include "tools/tap_survey.hpp"

#include <algorithm>

#include "capture/packet/tcp_flags.hpp"

namespace tapline::tools {
namespace {

/// What is looked for, the least share that is reported, and what helps.
struct Check {
  std::string_view name;
  double share_min;
  std::string_view unit;
  std::string_view advice;
};

constexpr Check kDuplicates{
    "duplicates", 0.01, "frames",
    "the mirror shows frames at more than one port of their path: mirror one direction "
    "(ingress) of each port, or one side of the router"};
constexpr Check kOneWay{
    "one-way", 0.05, "TCP sessions",
    "one direction is not shown: mirror both directions of the port, connect the tap's other "
    "fibre, or mirror the return path, too"};
constexpr Check kTagsDiffer{"vlan-asymmetry", 0.05, "tagged sessions",
                            "the two directions show different VLAN tags: mirror ports of one kind, trunk or "
                            "access; sessions are whole all the same"};
constexpr Check kSplit{
    "split-queues", 0.001, "sessions",
    "the directions of a session reach different workers: give the network card a symmetric "
    "RSS key and hash, or record with one worker"};
constexpr Check kOversized{
    "super-frames", 0.001, "frames",
    "frames were put together before they were captured: ethtool -K INTERFACE gro off lro "
    "off tso off gso off"};
constexpr Check kCutAtSource{"cut-at-source", 0.001, "bytes",
                             "the source cuts frames: raise its snap length, or the mirror's"};
constexpr Check kLate{
    "clock-steps", 0.001, "frames",
    "frames are captured a second and more before those that came earlier: the clock was set "
    "back, or links whose clocks differ were merged; let NTP or PTP slew the clock"};

constexpr Check kSetClock{
    "clock-set", 0, "seconds",
    "the sensor's clock was set while it recorded: times before and after do not fit together, and what lies "
    "between may be missing or there twice; let NTP or PTP slew the clock, and set it before the sensor "
    "starts"};
constexpr Check kBadChecksums{
    "bad-checksums", 0.001, "frames",
    "checksums are wrong: the capturing or mirroring host leaves them to its network card (ethtool -K "
    "INTERFACE tx off, or tap the wire), or a link damages frames"};
constexpr Check kFlood{
    "flood", 0.001, "frames",
    "attempts of one or two frames filled the flow table and have no session record: tapline extract "
    "shows where they come from; --flows-max makes room for more"};

void report(std::uint16_t port, const Check& check, std::uint64_t part, std::uint64_t whole,
            std::vector<TapFinding>& findings) {
  const bool much = part != 0 && static_cast<double>(part) >= check.share_min * static_cast<double>(whole);
  if (much) findings.push_back({port, check.name, part, whole, check.unit, check.advice});
}

bool has_tag(const DirectionState& state) {
  return state.vlan_outer != 0;
}

bool same_tags(const SessionRecord& record) {
  return record.a_to_b.vlan_outer == record.b_to_a.vlan_outer &&
         record.a_to_b.vlan_inner == record.b_to_a.vlan_inner;
}

}  // namespace

void TapSurvey::add(const storage::LedgerRow& row) {
  Port& port = ports_[row.port];
  port.counts.add(row.counts);
  ++port.rows;
}

void TapSurvey::add(const SessionRecord& record) {
  if (!record.final()) return;
  ++sessions_;
  Link& link = links_[record.key.link];
  ++link.sessions;
  const DirectionState& a = record.a_to_b;
  const DirectionState& b = record.b_to_a;
  const bool two_way = a.total.packets != 0 && b.total.packets != 0;
  // A scan's attempts have no answer anywhere; what acknowledges had one.
  constexpr std::uint64_t kMoreThanAnAttempt = 3;
  const bool acknowledges = ((a.tcp_flags_union | b.tcp_flags_union) & kTcpAck) != 0;
  if (has_tcp_header(record.key) && acknowledges && a.total.packets + b.total.packets >= kMoreThanAnAttempt) {
    ++link.conversations;
    link.one_way += two_way ? 0 : 1;
  }
  if (two_way && (has_tag(a) || has_tag(b))) {
    ++link.tagged;
    link.tags_differ += same_tags(record) ? 0 : 1;
  }
  if (!two_way) note_one_sided(record, link);
}

void TapSurvey::note_one_sided(const SessionRecord& record, Link& link) {
  const Direction direction = record.a_to_b.total.packets != 0 ? Direction::kAToB : Direction::kBToA;
  const OneSided mine{record.worker, direction, record.first_ns, record.last_ns};
  const auto [other, first] = one_sided_.try_emplace(record.key, mine);
  if (first) return;
  const OneSided& before = other->second;
  const bool together = before.first_ns <= mine.last_ns && mine.first_ns <= before.last_ns;
  if (before.worker != mine.worker && before.direction != direction && together) {
    link.split += 2;
    one_sided_.erase(other);
  } else {
    other->second = mine;
  }
}

std::vector<TapFinding> TapSurvey::findings() const {
  std::vector<TapFinding> findings;
  for (const auto& [port, account] : ports_) {
    const auto count = [&counts = account.counts](storage::LedgerCounter counter) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(0, counts[counter]));
    };
    const std::uint64_t frames = count(storage::kFramePolled);
    report(port, kDuplicates, count(storage::kFrameDuplicate), frames, findings);
    report(port, kOversized, count(storage::kFrameOversized), frames, findings);
    report(port, kLate, count(storage::kFrameLate), frames, findings);
    report(port, kBadChecksums, count(storage::kFrameBadChecksum), frames, findings);
    report(port, kFlood, count(storage::kFrameInAttempt), frames, findings);
    report(port, kSetClock, count(storage::kClockSet), account.rows, findings);
    report(port, kCutAtSource, count(storage::kFrameCutAtSourceBytes), count(storage::kFramePolledWireBytes),
           findings);
  }
  for (const auto& [port, link] : links_) {
    report(port, kOneWay, link.one_way, link.conversations, findings);
    report(port, kTagsDiffer, link.tags_differ, link.tagged, findings);
    report(port, kSplit, link.split, link.sessions, findings);
  }
  std::ranges::stable_sort(findings, {}, &TapFinding::port);
  return findings;
}

}  // namespace tapline::tools
