// What ledger and sessions say about the tap: each finding alone, at the share from which on it is reported.

#include "tools/tap_survey.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/session_maker.hpp"

namespace tapline::tools {
namespace {

constexpr std::uint16_t kPort = 3;

SessionRecord numbered(std::uint16_t number) {
  SessionRecord session = make_session();
  session.key.port_a = number;
  session.key.link = kPort;
  return session;
}

/// `part` sessions that `spoil` has changed, of `whole`.
template <class Spoil>
TapSurvey survey_of(int part, int whole, Spoil spoil) {
  TapSurvey survey;
  for (int i = 0; i < whole; ++i) {
    SessionRecord session = numbered(static_cast<std::uint16_t>(i));
    if (i < part) spoil(session);
    survey.add(session);
  }
  return survey;
}

void check_finding(const TapSurvey& survey, std::string_view name, std::uint64_t part, std::uint64_t whole) {
  const std::vector<TapFinding> findings = survey.findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].name == name);
  CHECK(findings[0].port == kPort);
  CHECK(findings[0].part == part);
  CHECK(findings[0].whole == whole);
  CHECK(format_findings(survey).find(name) != std::string::npos);
  CHECK(findings_json(survey)[0].find("\"advice\":\"") != std::string::npos);
}

}  // namespace

TEST_CASE("a healthy link has no findings") {
  const TapSurvey survey = survey_of(0, 100, [](SessionRecord&) {});
  CHECK(survey.sessions() == 100);
  CHECK(survey.findings().empty());
  CHECK(format_findings(survey).empty());
}

TEST_CASE("one-way: TCP that acknowledges what is not shown; scans and UDP say nothing") {
  const auto one_way = [](SessionRecord& session) { session.b_to_a = {}; };
  check_finding(survey_of(5, 100, one_way), "one-way", 5, 100);
  CHECK(survey_of(4, 100, one_way).findings().empty());
  const auto scan = [](SessionRecord& session) {
    session.b_to_a = {};
    session.a_to_b.tcp_flags_union = 0x02;
  };
  CHECK(survey_of(50, 100, scan).findings().empty());
  const auto datagrams = [](SessionRecord& session) {
    session.b_to_a = {};
    session.key.ip_proto = 17;
  };
  CHECK(survey_of(50, 100, datagrams).findings().empty());
}

TEST_CASE("vlan-asymmetry: of the tagged sessions") {
  const auto same = [](SessionRecord& session) { session.a_to_b.vlan_outer = session.b_to_a.vlan_outer = 8; };
  CHECK(survey_of(100, 100, same).findings().empty());
  const auto one_side = [](SessionRecord& session) { session.a_to_b.vlan_outer = 8; };
  check_finding(survey_of(3, 100, one_side), "vlan-asymmetry", 3, 3);
}

TEST_CASE("split-queues: the directions of a session on two workers at the same time") {
  for (const bool together : {true, false}) {
    TapSurvey survey = survey_of(0, 1000, [](SessionRecord&) {});
    SessionRecord there = numbered(5000);
    SessionRecord back = there;
    there.b_to_a = {};
    back.a_to_b = {};
    back.worker = 1;
    if (!together) back.first_ns = there.last_ns + 1;
    survey.add(there);
    survey.add(back);
    if (together)
      check_finding(survey, "split-queues", 2, 1002);
    else
      CHECK(survey.findings().empty());
  }
}

TEST_CASE("of frames: duplicates, super-frames, cut at the source, clock steps, floods") {
  const auto survey_with = [](storage::LedgerCounter counter, std::uint64_t amount) {
    storage::LedgerRow row;
    row.port = kPort;
    row.counts.add(storage::kFramePolled, 1000);
    row.counts.add(storage::kFramePolledWireBytes, 1'000'000);
    row.counts.add(counter, amount);
    TapSurvey survey;
    survey.add(row);
    return survey;
  };
  check_finding(survey_with(storage::kFrameDuplicate, 10), "duplicates", 10, 1000);
  CHECK(survey_with(storage::kFrameDuplicate, 9).findings().empty());
  check_finding(survey_with(storage::kFrameOversized, 1), "super-frames", 1, 1000);
  check_finding(survey_with(storage::kFrameLate, 1), "clock-steps", 1, 1000);
  check_finding(survey_with(storage::kFrameInAttempt, 1), "flood", 1, 1000);
  check_finding(survey_with(storage::kFrameBadChecksum, 1), "bad-checksums", 1, 1000);
  check_finding(survey_with(storage::kClockSet, 1), "clock-set", 1, 1);
  check_finding(survey_with(storage::kFrameCutAtSourceBytes, 1000), "cut-at-source", 1000, 1'000'000);
}

TEST_CASE("frames that are too long or too late are counted where they are polled") {
  storage::LedgerCounts counts;
  Frame frame;
  frame.captured_bytes = frame.wire_bytes = 9238;
  frame.time_ns = 5 * kNsPerSecond;
  frame.order.time_ns = frame.time_ns + kNsPerSecond - 1;
  counts.add_polled(frame);
  CHECK(counts[storage::kFrameOversized] == 0);
  CHECK(counts[storage::kFrameLate] == 0);
  ++frame.wire_bytes;
  ++frame.order.time_ns;
  counts.add_polled(frame);
  CHECK(counts[storage::kFrameOversized] == 1);
  CHECK(counts[storage::kFrameLate] == 1);
}

}  // namespace tapline::tools
