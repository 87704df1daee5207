// Readers of a store that is being written and whose ring evicts: every frame comes once, or lies in a hole
// that says `expired`; and what becomes of files that are renamed or cut while somebody reads them.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <iterator>
#include <thread>

#include "capture/packet/decode.hpp"
#include "storage/query/session_question.hpp"
#include "storage/session_file_writer.hpp"
#include "storage/verification.hpp"
#include "tests/query/ring_writer.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
namespace fs = std::filesystem;

namespace {

/// What a reader thread saw; Catch's macros belong to one thread.
struct Seen {
  std::uint64_t rounds = 0;
  std::uint64_t frames = 0;
  std::uint64_t expired_holes = 0;
  std::string wrong;  // the first thing that must not be
};

bool in_hole(const Coverage& coverage, TimeNs time_ns) {
  return std::ranges::any_of(coverage.holes, [time_ns](const Hole& hole) {
    return hole.first_ns <= time_ns && time_ns <= hole.last_ns;
  });
}

/// One answer: frames `first`, `first` + `step`, ... up to those published before the question.
void read_once(const storage::Store& store, const PacketQuestion& question, std::uint64_t published,
               std::uint64_t first, std::uint64_t step, const ReadLimits& limits, Seen& seen) {
  Result<Extraction> extraction = Extraction::prepare(store, question, limits);
  if (!extraction) {
    seen.wrong = extraction.error().context;
    return;
  }
  std::vector<std::uint64_t> missing;
  std::uint64_t expected = first;
  while (const Frame* frame = extraction->next()) {
    const std::uint64_t number = number_of(frame->time_ns);
    if (number < expected) seen.wrong = "frame " + std::to_string(number) + " came twice or out of order";
    for (; expected < number && expected < published; expected += step) missing.push_back(expected);
    expected = number + step;
    ++seen.frames;
  }
  for (; expected < published; expected += step) missing.push_back(expected);
  const Coverage coverage = extraction->coverage();
  for (const std::uint64_t number : missing) {
    if (!in_hole(coverage, kStart + static_cast<TimeNs>(number) * kStepNs)) {
      seen.wrong = "frame " + std::to_string(number) + " is missing: " + format_coverage(coverage);
      break;
    }
  }
  for (const Hole& hole : coverage.holes) {
    if (hole.reason != HoleReason::kExpired) seen.wrong = hole.detail;
  }
  if (!extraction->warnings().empty()) seen.wrong = extraction->warnings()[0];
  seen.expired_holes += coverage.holes.size();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("while a ring is written and evicts, readers get every frame once or a hole that says expired") {
  constexpr std::uint64_t kRounds = 20;
  const TestStore store;
  const std::size_t descriptors_before = open_descriptors();
  RingWriter writer(*store);
  bool written = false;
  std::thread writing([&] { written = writer.run(); });
  while (writer.segments_evicted == 0) std::this_thread::yield();
  const PacketQuestion everything = ask("");
  const PacketQuestion one_host = ask("host 10.0.0.5");
  const auto read = [&](const PacketQuestion& question, std::uint64_t first, std::uint64_t step,
                        const ReadLimits& limits, Seen& seen) {
    for (; seen.rounds < kRounds && seen.wrong.empty(); ++seen.rounds) {
      ++writer.rounds_begun;
      read_once(*store, question, writer.frames_published, first, step, limits, seen);
    }
  };
  Seen all;
  Seen host;
  std::thread reading([&] { read(everything, 0, 1, with_threads(3), all); });
  read(one_host, 5, kHosts, {}, host);
  reading.join();
  writer.stop = true;
  writing.join();

  CHECK(written);
  CHECK(all.wrong == "");
  CHECK(host.wrong == "");
  CHECK(all.rounds == kRounds);
  CHECK(all.frames > 0);
  CHECK(host.frames > 0);
  CHECK(all.expired_holes > 0);
  CHECK(writer.segments_evicted > 10);
  CHECK(open_descriptors() == descriptors_before);
  WARN(writer.frames_published << " frames written, " << all.frames << " and " << host.frames << " read in "
                               << kRounds << " rounds, " << writer.segments_evicted << " segments evicted");
}

TEST_CASE("while session files are written and published, readers find every session that was flushed") {
  constexpr std::uint64_t kSessions = 64 * 200;
  const TestStore store;
  std::atomic<std::uint64_t> flushed = 0;
  bool written = true;
  std::thread writing([&] {
    storage::SessionFileConfig config;
    config.file.directory = store->sessions_directory();
    config.file.file_bytes_max = 4096;
    storage::SessionFileWriter writer(config);
    for (std::uint64_t number = 1; number <= kSessions; ++number) {
      SessionRecord record;
      record.first_ns = record.last_ns = record.delta_first_ns = record.delta_last_ns = kStart;
      record.end_reason = EndReason::kIdle;
      store_le(record.uid.bytes.data() + 8, number);
      written = written && writer.append(record).ok();
      if (number % 64 != 0) continue;
      written = written && writer.flush().ok();
      flushed = number;
    }
  });
  const SessionQuestion question{parse_filter(""), {}, 0};
  std::string wrong;
  std::uint64_t expected = 0;
  while (expected < kSessions) {
    expected = flushed;
    const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
    const Result<SessionAnswer> answer = find_sessions(*catalog, question);
    if (!answer->unreadable.empty()) wrong = answer->unreadable[0].context;
    if (answer->sessions.size() < expected) wrong = "sessions are missing";
    if (answer->sessions.size() % 64 != 0) wrong = "a part of a group was read";
    if (answer->records_read != answer->sessions.size()) wrong = "a file was read twice";
  }
  writing.join();
  CHECK(written);
  CHECK(wrong == "");
  CHECK(scan(*store).sessions.size() > 10);
}

namespace {

/// A store with one finished segment and the beginning of an open one.
class HalfWritten {
 public:
  HalfWritten() : writer_(small_files(*store_, 1u << 20)), pipeline_(writer_) {}

  void append(std::uint64_t frames) {
    for (std::uint64_t i = 0; i < frames; ++i) must(pipeline_.append(numbered_frame(next_++)));
  }
  void publish() { must(writer_.finish()); }
  std::uint64_t frames() const { return next_; }
  const storage::Store& operator*() const { return *store_; }
  std::string only_segment() const {
    const storage::Catalog catalog = scan(*store_);
    REQUIRE(catalog.segments.size() == 1);
    return catalog.segments[0].path;
  }

 private:
  TestStore store_;
  storage::FrameSegmentWriter writer_;
  storage::TestPipeline pipeline_;
  std::uint64_t next_ = 0;
};

/// As the ring does it (storage/ring.cpp), in two steps.
std::string rename_expired(const std::string& path) {
  const std::string stem = path.substr(0, path.size() - storage::kPacketSuffix.size());
  const std::string expired = stem + std::string(storage::kExpiredSuffix);
  fs::rename(path, expired);
  return expired;
}

void check_expired(const Coverage& coverage, const std::string& expired_path) {
  const auto name =
      storage::parse_final_name(fs::path(expired_path).filename().string(), storage::kExpiredSuffix);
  REQUIRE(name.has_value());
  INFO(format_coverage(coverage));
  REQUIRE(coverage.holes.size() == 1);
  CHECK(coverage.holes[0].reason == HoleReason::kExpired);
  CHECK(coverage.holes[0].first_ns == name->first_ns);
  CHECK(coverage.holes[0].last_ns == name->last_ns);
}

}  // namespace

TEST_CASE("an open segment that is published between planning and reading is read under its final name") {
  HalfWritten half;
  half.append(2000);
  Extraction extraction = must(Extraction::prepare(*half, ask("")));
  const std::uint64_t planned = extraction.plan_totals().blocks_hit;
  REQUIRE(planned > 0);
  half.publish();
  const Answer answer = finish(std::move(extraction));
  CHECK(answer.blocks_read == planned);
  CHECK(answer.coverage.holes.empty());
  CHECK(answer.frames.size() > 1000);
}

TEST_CASE("an open segment that is published between listing and planning is planned with its index") {
  HalfWritten half;
  half.append(2000);
  const storage::Catalog catalog = scan(*half);
  REQUIRE(catalog.segments.at(0).open);
  half.publish();
  const Plan plan = must(make_plan(catalog, parse_filter("host 10.99.0.1").index_query(), {}));
  CHECK(plan.unreadable.empty());
  CHECK(plan.warnings.empty());
  CHECK(plan.totals.blocks_in_opened > 0);
  CHECK(plan.totals.blocks_unindexed == 0);
  CHECK(plan.totals.blocks_hit == 0);
}

TEST_CASE("a segment that expires between listing and planning is a hole with the times of its name") {
  HalfWritten half;
  half.append(500);
  const storage::Catalog listed_open = scan(*half);
  half.publish();
  const storage::Catalog listed_finished = scan(*half);
  const std::string expired = rename_expired(half.only_segment());
  for (const storage::Catalog& catalog : {listed_open, listed_finished}) {
    const Plan plan = must(make_plan(catalog, IndexQuery::all(), {}));
    REQUIRE(plan.unreadable.size() == 1);
    Coverage coverage;
    coverage.add_unreadable(plan.unreadable);
    check_expired(coverage, expired);
  }
}

TEST_CASE("a segment that expires while it is read is one hole, and what was read before is delivered") {
  for (const bool cut : {false, true}) {
    for (const std::uint64_t frames_before : {0u, 1u, 300u}) {
      CAPTURE(cut, frames_before);
      HalfWritten half;
      half.append(2000);
      half.publish();
      Extraction extraction = must(Extraction::prepare(*half, ask("")));
      for (std::uint64_t i = 0; i < frames_before; ++i) {
        const Frame* frame = extraction.next();
        REQUIRE(frame != nullptr);
        CHECK(number_of(frame->time_ns) == i);
      }
      const std::string expired = rename_expired(half.only_segment());
      if (cut) fs::resize_file(expired, 0);
      const Answer rest = finish(std::move(extraction));
      if (cut || frames_before == 0) {
        check_expired(rest.coverage, expired);
        CHECK(rest.frames.size() < 2000 - frames_before);
      } else {  // the reader holds it open, and nobody has cut it yet
        CHECK(rest.frames.size() == 2000 - frames_before);
      }
    }
  }
}

TEST_CASE("a segment of which nothing is left is a hole over what was planned of it") {
  HalfWritten half;
  half.append(2000);
  Extraction extraction = must(Extraction::prepare(*half, ask("")));
  fs::remove(half.only_segment());
  const Answer answer = finish(std::move(extraction));
  CHECK(answer.frames.empty());
  REQUIRE(answer.coverage.holes.size() == 1);
  CHECK(answer.coverage.holes[0].reason == HoleReason::kExpired);
  CHECK(answer.coverage.holes[0].first_ns == kStart);
}

TEST_CASE("an open segment cut anywhere is read to its last whole block, without a word") {
  HalfWritten half;
  half.append(400);
  const std::string path = half.only_segment();
  const std::uint64_t whole = extract(*half, ask("")).frames.size();
  std::uint64_t least = whole;
  for (std::uint64_t bytes = fs::file_size(path); bytes-- > 0;) {
    fs::resize_file(path, bytes);
    if (bytes % 29 != 0 && bytes > 300) continue;
    CAPTURE(bytes);
    const Answer answer = extract(*half, ask("host 10.0.0.1 or net 10.0.0.0/8"));
    CHECK(answer.coverage.holes.empty());
    CHECK(answer.warnings.empty());
    CHECK(answer.frames.size() <= least);
    least = answer.frames.size();
  }
  CHECK(whole > 0);
  CHECK(least == 0);
}

TEST_CASE("a session file that is published or gone after it was listed") {
  const TestStore store;
  storage::SessionFileConfig config;
  config.file.directory = store->sessions_directory();
  storage::SessionFileWriter writer(config);
  must(writer.append(SessionRecord{}));
  must(writer.flush());
  const storage::Catalog listed = scan(*store);
  REQUIRE(listed.sessions.at(0).open);
  must(writer.finish());
  const SessionQuestion question{parse_filter(""), {}, 0};
  const SessionAnswer published = must(find_sessions(listed, question));
  CHECK(published.unreadable.empty());
  CHECK(published.sessions.size() == 1);
  fs::remove(scan(*store).sessions.at(0).path);
  const SessionAnswer gone = must(find_sessions(listed, question));
  REQUIRE(gone.unreadable.size() == 1);
  CHECK(gone.unreadable[0].code == ErrorCode::kNotFound);
}

TEST_CASE("a store that is written and evicts verifies as undamaged all the time") {
  constexpr int kRounds = 10;
  const TestStore store;
  RingWriter writer(*store);
  std::thread writing([&] { writer.run(); });
  std::vector<std::string> damaged;
  std::uint64_t expired = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t evicted = writer.segments_evicted;
    const storage::Catalog catalog = scan(*store);
    ++writer.rounds_begun;
    while (writer.segments_evicted < evicted + 3) std::this_thread::yield();  // the listing is an old one
    for (const storage::CatalogFile& file : catalog.segments) {
      const Result<storage::VerifiedFile> verified = storage::verify_file(file, {.deep = round % 2 == 0});
      if (!verified) damaged.push_back(verified.error().context);
      if (verified && verified->expired) ++expired;
    }
  }
  writer.stop = true;
  writing.join();
  CHECK(damaged == std::vector<std::string>{});
  CHECK(expired > 0);
}
