// An extraction gives exactly what the filter itself says about every frame: plan, index and merge only spare
// work. Random filters from a small list of words; the seed is printed.

#include <fmt/core.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "capture/packet/decode.hpp"
#include "storage/segment_index.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

/// Words that random traffic answers with many frames, with few and with none.
std::string random_word(std::mt19937_64& random) {
  const auto word = [&](const char* shape, std::uint64_t limit) {
    return fmt::format(fmt::runtime(shape), random() % limit);
  };
  switch (random() % 16) {
    case 0:
      return word("host 10.0.0.{}", 210);
    case 1:
      return word("src host 10.0.0.{}", 210);
    case 2:
      return word("dst host 203.0.113.{}", 9);
    case 3:
      return fmt::format("net 10.0.0.{}/28", random() % 16 * 16);
    case 4:
      return word("net 2001:db8:{}::/48", 6);
    case 5:
      return word("port {}", 12);
    case 6:
      return word("tcp port {}", 12);
    case 7:
      return fmt::format("src port {}", 40'000 + random() % 210);
    case 8:
      return "udp";
    case 9:
      return "icmp";
    case 10:
      return "arp";
    case 11:
      return word("vlan {}", 7);
    case 12:
      return "ip6";
    case 13:
      return "vlan";
    case 14:
      return word("greater {}", 400);
    default:
      return "sctp";
  }
}

std::string random_filter(std::mt19937_64& random, int depth) {
  if (depth == 0 || random() % 3 == 0) return random_word(random);
  const std::string left = random_filter(random, depth - 1);
  const std::string right = random_filter(random, depth - 1);
  switch (random() % 3) {
    case 0:
      return fmt::format("not ({})", left);
    case 1:
      return fmt::format("({}) and ({})", left, right);
    default:
      return fmt::format("({}) or ({})", left, right);
  }
}

std::vector<OwnedFrame> matching(const std::vector<OwnedFrame>& frames, const PacketQuestion& question) {
  std::vector<OwnedFrame> found;
  for (const OwnedFrame& from : frames) {
    Frame frame;
    frame.data = from.bytes.data();
    frame.captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
    frame.wire_bytes = from.wire_bytes;
    frame.time_ns = from.time_ns;
    frame.link_type = from.link_type;
    PacketMeta meta;
    decode(frame, meta);
    const bool in_window =
        question.window.since_ns <= from.time_ns && from.time_ns < question.window.until_ns;
    if (in_window && question.filter.matches_packet(frame, meta, nullptr)) found.push_back(from);
  }
  return found;
}

/// Two sources, so that segments overlap.
void record_two(const storage::Store& store) {
  RecordOptions options = small_segments();
  record(store, random_traffic(21, 2500), options);
  options.source = 2;
  record(store, random_traffic(22, 2500), options);
}

}  // namespace

TEST_CASE("random filters over random windows give what the filter says about every frame") {
  constexpr std::uint64_t kSeed = 20260201;
  CAPTURE(kSeed);
  const TestStore store;
  record_two(*store);
  const std::vector<OwnedFrame> frames = frames_of(read_frames(*store));
  std::mt19937_64 random(kSeed);
  std::uint64_t found = 0;
  for (int i = 0; i < 150; ++i) {
    const std::string text = random_filter(random, 3);
    TimeWindow window;
    if (random() % 2 == 0) window.since_ns = frames[random() % frames.size()].time_ns;
    if (random() % 2 == 0) window.until_ns = frames[random() % frames.size()].time_ns;
    CAPTURE(i, text, window.since_ns, window.until_ns);
    const PacketQuestion question = ask(text, window);
    const std::vector<OwnedFrame> expected = matching(frames, question);
    REQUIRE(extract(*store, question).frames == expected);
    found += expected.size();
  }
  CHECK(found > 10'000);  // else the words do not fit the traffic
}

TEST_CASE("every single host is found through the index as without it") {
  const TestStore store;
  record_two(*store);
  const std::vector<OwnedFrame> frames = frames_of(read_frames(*store));
  for (int host = 0; host < 200; host += 7) {
    const PacketQuestion question = ask(fmt::format("host 10.0.0.{}", host));
    CAPTURE(host);
    CHECK(extract(*store, question).frames == matching(frames, question));
  }
}

TEST_CASE("the same question gives the same answer twice, and after every index was made again") {
  const TestStore store;
  record_two(*store);
  const PacketQuestion question = ask("net 10.0.0.0/27 and (udp or tcp)");
  const std::vector<OwnedFrame> expected = extract(*store, question).frames;
  REQUIRE(expected.size() > 100);
  CHECK(extract(*store, question).frames == expected);
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    must(storage::rebuild_index(segment.path, storage::index_path_of(segment.path)));
  }
  CHECK(extract(*store, question).frames == expected);
}

TEST_CASE("threads and memory change nothing of an answer, nor does making every index again") {
  const TestStore store;
  record_two(*store);
  const auto check_all = [&](const std::vector<std::string>& filters) {
    for (const std::string& text : filters) {
      const PacketQuestion question = ask(text);
      const Answer alone = extract(*store, question);
      CAPTURE(text);
      REQUIRE(alone.frames.size() > 100);
      for (const unsigned threads : {2u, 5u}) {
        for (const std::uint64_t memory_bytes :
             {std::uint64_t{0}, std::uint64_t{6000}, std::uint64_t{1} << 30}) {
          CAPTURE(threads, memory_bytes);
          const Answer answer = extract(*store, question, with_threads(threads, memory_bytes));
          CHECK(answer.frames == alone.frames);
          CHECK(answer.blocks_read == alone.blocks_read);
          CHECK(answer.coverage.holes == alone.coverage.holes);
        }
      }
    }
  };
  const std::vector<std::string> filters = {"", "net 10.0.0.0/27 and (udp or tcp)", "host 203.0.113.3"};
  check_all(filters);
  const std::vector<OwnedFrame> before = extract(*store, ask(filters[1])).frames;
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    must(storage::rebuild_index(segment.path, storage::index_path_of(segment.path)));
  }
  check_all(filters);
  CHECK(extract(*store, ask(filters[1])).frames == before);
}

TEST_CASE("damaged blocks are the same holes for any number of threads") {
  constexpr std::uint64_t kSeed = 20260301;
  CAPTURE(kSeed);
  const TestStore store;
  record_two(*store);
  std::mt19937_64 random(kSeed);
  for (const storage::CatalogFile& segment : scan(*store).segments) {
    const auto offset = 400 + random() % (segment.file_bytes / 2);
    flip_byte(segment.path, offset);
  }
  const Answer alone = extract(*store, ask(""));
  CHECK(alone.coverage.holes.size() > 3);
  for (const unsigned threads : {2u, 5u}) {
    CAPTURE(threads);
    const Answer answer = extract(*store, ask(""), with_threads(threads, 100'000));
    CHECK(answer.frames == alone.frames);
    CHECK(answer.coverage.holes == alone.coverage.holes);
  }
}

TEST_CASE("windows hold their start and not their end") {
  const TestStore store;
  std::vector<OwnedFrame> frames;
  for (TimeNs time_ns = 100; time_ns < 110; ++time_ns) frames.push_back(owned(ByteBuffer(60, 1), time_ns));
  record(*store, frames);
  const auto times = [&](const TimeWindow& window) { return extract(*store, ask("", window)).frames.size(); };
  CHECK(times({103, 105}) == 2);
  CHECK(times({103, 103}) == 0);
  CHECK(times({100, 110}) == 10);
  CHECK(times({109, TimeWindow::kUnlimitedUntil}) == 1);
  CHECK(times({110, TimeWindow::kUnlimitedUntil}) == 0);
  CHECK(times({TimeWindow::kUnlimitedSince, 100}) == 0);
  CHECK(times({TimeWindow::kUnlimitedSince, 101}) == 1);
}
