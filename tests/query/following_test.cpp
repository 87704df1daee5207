// Following a store that is being recorded to: every frame once, in order, as soon as the recorder has said
// that what came before it is on the disk.

#include "storage/query/following.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "storage/container_layout.hpp"
#include "storage/container_reader.hpp"
#include "tests/query/open_run.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
namespace fs = std::filesystem;

namespace {

storage::TestFrame out_of_time(std::uint64_t number, std::uint64_t order_number) {
  storage::TestFrame frame = numbered_frame(number);
  frame.order = {time_of(order_number), 0};
  return frame;
}

/// Where the content of a block of an open segment begins, the file has zeroes, as while it is being written.
class ContentAway {
 public:
  /// The block so many eighths behind the first.
  ContentAway(std::string path, unsigned eighth) : path_(std::move(path)) {
    const storage::ContainerReader reader = must(storage::ContainerReader::open(path_));
    const storage::BlockEntry entry = must(reader.entry(reader.block_count() * eighth / 8));
    offset_ = entry.file_offset + storage::total_bytes(entry.extension_bytes, 0);
    must(must(File::open_read(path_)).pread_exact(offset_, content_));
    write({});
  }
  void put_back() const { write(content_); }

 private:
  using Content = std::array<std::uint8_t, 8>;
  void write(const Content& content) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset_));
    file.write(reinterpret_cast<const char*>(content.data()), content.size());
    REQUIRE(file.good());
  }

  std::string path_;
  std::uint64_t offset_ = 0;
  Content content_{};
};

/// first, first + step, ... below end.
std::vector<std::uint64_t> every(std::uint64_t first, std::uint64_t end, std::uint64_t step = 1) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = first; number < end; number += step) numbers.push_back(number);
  return numbers;
}

}  // namespace

TEST_CASE("what is complete is given, then what comes, each frame once, until the recorder ends") {
  for (const unsigned threads : {1u, 3u}) {
    CAPTURE(threads);
    OpenRun run;
    run.append_until(1000);
    run.say_complete(700);
    Following following = must(Following::start(*run, ask(""), with_threads(threads)));
    CHECK(take(following) == every(0, 700));
    CHECK(take(following).empty());
    CHECK(look_and_take(following).empty());  // nothing new was said
    run.append_until(2000);
    CHECK(look_and_take(following).empty());
    run.say_complete(1500);
    CHECK(look_and_take(following) == every(700, 1500));
    CHECK(following.given_until_ns() == time_of(1500));
    run.publish();  // between two looks
    run.say_complete(1900);
    CHECK(look_and_take(following) == every(1500, 1900));
    CHECK_FALSE(following.ended());
    run.append_until(3000);
    run.stop();
    CHECK(look_and_take(following) == every(1900, 3000));
    CHECK(following.ended());
    CHECK(look_and_take(following).empty());
    const Coverage coverage = following.coverage();
    INFO(format_coverage(coverage));
    CHECK(coverage.complete());
    CHECK(coverage.window.since_ns == kStart);
    CHECK(coverage.window.until_ns == time_of(3000));
    CHECK(following.take_new_holes().empty());
    CHECK(following.late_frames() == 0);
  }
}

TEST_CASE("a filter is followed through the index of segments that are published meanwhile") {
  OpenRun run(64 * 1024);
  std::vector<std::uint64_t> given;
  std::optional<Following> following;
  for (std::uint64_t end = 700; end <= 7000; end += 700) {
    run.append_until(end);
    run.say_complete(end - 150);
    if (!following) following.emplace(must(Following::start(*run, ask("host 10.0.0.5"), {})));
    const std::vector<std::uint64_t> more = look_and_take(*following);
    given.insert(given.end(), more.begin(), more.end());
  }
  run.stop();
  const std::vector<std::uint64_t> rest = look_and_take(*following);
  given.insert(given.end(), rest.begin(), rest.end());
  CHECK(given == every(5, 7000, kHosts));
  CHECK(scan(*run).segments.size() > 3);
  CHECK(following->coverage().complete());
}

TEST_CASE("the end of the window ends it, in capture time") {
  OpenRun run;
  run.append_until(1000);
  run.say_complete(900);
  Following following = must(Following::start(*run, ask("", {time_of(100), time_of(1200)}), {}));
  CHECK(take(following) == every(100, 900));
  run.append_until(1300);
  run.append(out_of_time(1100, 1300));  // the clock was set back
  run.append(out_of_time(1250, 1300));
  run.say_complete(1201);
  std::vector<std::uint64_t> expected = every(900, 1200);
  expected.push_back(1100);
  CHECK(look_and_take(following) == expected);
  CHECK(following.ended());
  CHECK(following.coverage().window.until_ns == time_of(1200));
}

TEST_CASE("frames whose block came after their slice are given late, not lost, and counted") {
  OpenRun run;
  run.append_until(500);
  run.say_complete(500);
  Following following = must(Following::start(*run, ask(""), {}));
  CHECK(take(following) == every(0, 500));
  run.append(numbered_frame(200));  // no recorder does this
  run.append_until(600);
  run.say_complete(600);
  std::vector<std::uint64_t> expected = every(500, 600);
  expected.insert(expected.begin(), 200);
  CHECK(look_and_take(following) == expected);
  CHECK(following.late_frames() == 1);
}

TEST_CASE("a block whose content is not there yet is given when it is, late, and is no hole") {
  const unsigned threads = GENERATE(1u, 3u);
  const unsigned eighth = GENERATE(0u, 2u, 4u);
  CAPTURE(threads, eighth);
  OpenRun run;
  run.append_until(1000);
  run.say_complete(700);
  const ContentAway away(scan(*run).segments.at(0).path, eighth);
  Following following = must(Following::start(*run, ask(""), with_threads(threads)));
  std::vector<std::uint64_t> given = take(following);
  CHECK(given.size() < 700);
  CHECK(look_and_take(following).empty());
  run.append_until(2000);
  run.say_complete(1500);
  const std::vector<std::uint64_t> more = look_and_take(following);  // not there yet, again
  CHECK(more.size() + given.size() < 1500);
  given.insert(given.end(), more.begin(), more.end());
  away.put_back();
  run.stop();
  const std::vector<std::uint64_t> rest = look_and_take(following);
  given.insert(given.end(), rest.begin(), rest.end());
  std::ranges::sort(given);
  CHECK(given == every(0, 2000));
  CHECK(following.ended());
  CHECK(following.late_frames() > 0);
  CHECK(following.coverage().complete());
  CHECK(following.take_new_holes().empty());
}

TEST_CASE("what expires before it is given is a hole that is told at once, and stays in the coverage") {
  OpenRun run;
  run.append_until(500);
  run.say_complete(400);
  Following following = must(Following::start(*run, ask(""), {}));
  CHECK(take(following) == every(0, 400));
  CHECK(following.take_new_holes().empty());
  run.publish();
  const std::string path = scan(*run).segments.at(0).path;
  const std::string expired =
      path.substr(0, path.size() - storage::kPacketSuffix.size()) + std::string(storage::kExpiredSuffix);
  fs::rename(path, expired);
  run.append_until(800);
  run.say_complete(800);
  CHECK(look_and_take(following) == every(500, 800));
  const std::vector<Hole> holes = following.take_new_holes();
  REQUIRE(holes.size() == 1);
  CHECK(holes[0].reason == HoleReason::kExpired);
  CHECK(holes[0].first_ns == time_of(0));
  CHECK(holes[0].last_ns == time_of(499));
  run.append_until(900);
  run.say_complete(900);
  CHECK(look_and_take(following) == every(800, 900));
  CHECK(following.take_new_holes().empty());
  CHECK(following.coverage().holes == holes);
}

TEST_CASE("a segment that expires after it was given is no hole") {
  OpenRun run(32 * 1024);
  run.append_until(2000);
  run.say_complete(2000);
  Following following = must(Following::start(*run, ask(""), {}));
  CHECK(take(following) == every(0, 2000));
  const std::string path = scan(*run).segments.at(0).path;
  fs::rename(path, path.substr(0, path.size() - storage::kPacketSuffix.size()) +
                       std::string(storage::kExpiredSuffix));
  run.append_until(2500);
  run.say_complete(2500);
  CHECK(look_and_take(following) == every(2000, 2500));
  CHECK(following.take_new_holes().empty());
  CHECK(following.coverage().complete());
}

TEST_CASE("where nobody records, following ends with what there is") {
  OpenRun run;
  run.append_until(300);
  run.stop();
  Following following = must(Following::start(*run, ask(""), {}));
  CHECK(take(following) == every(0, 300));
  CHECK(following.ended());
}

TEST_CASE("stopped in the middle of a slice, its coverage ends where its frames do") {
  const bool first_slice = GENERATE(true, false);
  const unsigned threads = GENERATE(1u, 3u);
  const std::uint64_t given_before_stop = GENERATE(0u, 700u, 2900u);
  CAPTURE(first_slice, threads, given_before_stop);
  OpenRun run(64 * 1024);
  std::atomic<bool> stop = false;
  ReadLimits limits = with_threads(threads);
  limits.stop = &stop;
  const std::uint64_t begin = first_slice ? 0 : 500;
  run.append_until(begin);
  run.say_complete(begin);
  std::optional<Following> following;
  if (!first_slice) {
    following.emplace(must(Following::start(*run, ask(""), limits)));
    CHECK(take(*following) == every(0, begin));
  }
  run.append_until(begin + 3000);
  run.say_complete(begin + 3000);
  if (first_slice) {
    following.emplace(must(Following::start(*run, ask(""), limits)));
  } else {
    must(following->look_again());
  }
  for (std::uint64_t i = 0; i < given_before_stop; ++i) REQUIRE(following->next() != nullptr);
  stop = true;
  const std::uint64_t given = begin + given_before_stop + take(*following).size();
  CHECK(given < begin + 3000);  // no further block was given out
  CHECK_FALSE(following->ended());
  CHECK(following->given_until_ns() > time_of(given) - kStepNs);
  CHECK(following->given_until_ns() <= time_of(given));
  const Coverage coverage = following->coverage();
  INFO(format_coverage(coverage));
  CHECK(coverage.complete());
  CHECK(coverage.window.since_ns == kStart);
  CHECK(coverage.window.until_ns == following->given_until_ns());
}

TEST_CASE("a question without an answer is stopped, too") {
  OpenRun run;
  run.append_until(1000);
  run.say_complete(1000);
  std::atomic<bool> stop = false;
  ReadLimits limits;
  limits.stop = &stop;
  Following following = must(Following::start(*run, ask("less 1"), limits));
  stop = true;
  CHECK(following.next() == nullptr);
  CHECK_FALSE(following.ended());
  CHECK(following.coverage().window.until_ns == kStart);
  Extraction extraction = must(Extraction::prepare(*run, ask("less 1"), limits));
  CHECK(extraction.next() == nullptr);
  CHECK_FALSE(extraction.at_end());
  CHECK(extraction.blocks_read() == 0);
}

TEST_CASE("session fields cannot be followed, and the error says what can") {
  OpenRun run;
  const Result<Following> refused = Following::start(*run, ask("egress > 1MiB and host 10.0.0.1"), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kInvalid);
  CHECK(refused.error().context.find("uid") != std::string::npos);
}

TEST_CASE("while a recorder writes in its own thread, a follower gets every frame once, in order") {
  constexpr std::uint64_t kFrames = 60'000;
  OpenRun run(256 * 1024);
  run.say_complete(0);
  std::atomic<bool> failed = false;
  std::thread writing([&] {
    for (std::uint64_t end = 500; end <= kFrames; end += 500) {
      run.append_until(end);
      run.say_complete(end - 100);
    }
    run.stop();
  });
  std::uint64_t expected = 0;
  std::uint64_t slices = 0;
  Following following = must(Following::start(*run, ask(""), with_threads(2)));
  while (true) {
    ++slices;
    while (const Frame* frame = following.next()) {
      if (number_of(frame->time_ns) != expected) failed = true;
      ++expected;
    }
    if (following.ended()) break;
    if (!following.look_again()) failed = true;
  }
  writing.join();
  CHECK_FALSE(failed);
  CHECK(expected == kFrames);
  CHECK(slices > 2);
  CHECK(following.take_warnings().empty());
  INFO(format_coverage(following.coverage()));
  CHECK(following.coverage().complete());
}
