// How many frames a burst has is the source's affair: sessions and packets must not tell.

#include <algorithm>
#include <catch2/catch.hpp>

#include "storage/query/extraction.hpp"
#include "tests/sensor/recorded_store.hpp"
#include "tests/storage/session_samples.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

RecordOptions bursts_of(std::uint32_t frames) {
  RecordOptions options = small_segments();
  options.burst_frames = frames;
  return options;
}

/// Traffic over minutes, so that interim records, timeouts and reused tuples occur, and a frame whose time is
/// mad.
std::vector<OwnedFrame> slow_traffic() {
  std::vector<OwnedFrame> frames = random_traffic(11, 3000);
  const TimeNs start_ns = frames.front().time_ns;
  for (OwnedFrame& frame : frames) frame.time_ns = start_ns + (frame.time_ns - start_ns) * 300;
  frames[500].time_ns += 61 * kNsPerSecond;
  return frames;
}

std::vector<SessionRecord> sorted_sessions(const storage::Store& store) {
  std::vector<SessionRecord> sessions = read_sessions(store);
  std::ranges::sort(sessions, {}, [](const SessionRecord& s) { return std::pair(s.uid, s.seq); });
  return sessions;
}

std::vector<OwnedFrame> extract_all(const storage::Store& store) {
  query::PacketQuestion question{must(query::Filter::parse("", {})), {}, {}, query::SessionSide::kBoth, 0};
  query::Extraction extraction = must(query::Extraction::prepare(store, question));
  std::vector<OwnedFrame> frames;
  while (const Frame* frame = extraction.next()) frames.push_back(owned(*frame));
  return frames;
}

}  // namespace

TEST_CASE("session records on disk are the same for bursts of 1, 7 and 64 frames") {
  const std::vector<OwnedFrame> frames = slow_traffic();
  const TestStore reference;
  record(*reference, frames, bursts_of(64));
  const std::vector<SessionRecord> expected = sorted_sessions(*reference);
  REQUIRE(std::ranges::any_of(expected, [](const SessionRecord& s) { return s.seq > 0; }));
  const std::uint32_t burst_frames = GENERATE(1u, 7u);
  CAPTURE(burst_frames);
  const TestStore store;
  record(*store, frames, bursts_of(burst_frames));
  CHECK(std::ranges::equal(sorted_sessions(*store), expected, storage::same_record));
}

TEST_CASE("an extraction gives the same frames for bursts of 1, 7 and 64 frames") {
  const std::vector<OwnedFrame> frames = slow_traffic();
  const std::uint32_t burst_frames = GENERATE(1u, 7u, 64u);
  CAPTURE(burst_frames);
  const TestStore store;
  record(*store, frames, bursts_of(burst_frames));
  CHECK(extract_all(*store) == frames);
}
