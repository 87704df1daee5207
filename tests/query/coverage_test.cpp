// What an answer could see: holes, qualifications, and how they are said.

#include "storage/query/coverage.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/container_layout.hpp"
#include "storage/recovery.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
using storage::Source;
using storage::SourceState;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;

Source complete_source(TimeNs first_ns, TimeNs last_ns) {
  Source source;
  source.path = "day.pcap";
  source.state = SourceState::kComplete;
  source.frames = 10;
  source.first_ns = first_ns;
  source.last_ns = last_ns;
  return source;
}

Coverage coverage_of(const std::vector<Source>& sources, const TimeWindow& window = {},
                     QuestionKind kind = QuestionKind::kPackets, const storage::Catalog& catalog = {}) {
  return make_coverage(sources, catalog, window, kind, {});
}

storage::Catalog catalog_with_expired(TimeNs first_ns, TimeNs last_ns) {
  storage::Catalog catalog;
  storage::CatalogFile expired;
  expired.name.first_ns = first_ns;
  expired.name.last_ns = last_ns;
  catalog.expired.push_back(expired);
  return catalog;
}

Coverage must_read_coverage(const storage::Store& store) {
  return tapline::test::must(read_coverage(store, {}, QuestionKind::kPackets));
}

void check_hole(const Coverage& coverage, std::size_t number, TimeNs first_ns, TimeNs last_ns,
                HoleReason reason) {
  REQUIRE(coverage.holes.size() > number);
  CHECK(coverage.holes[number].first_ns == first_ns);
  CHECK(coverage.holes[number].last_ns == last_ns);
  CHECK(coverage.holes[number].reason == reason);
}

}  // namespace

TEST_CASE("without limits the window is all that was recorded and gaps between sources are none") {
  const Coverage coverage = coverage_of({complete_source(500, 600), complete_source(100, 200)});
  CHECK(coverage.window.since_ns == 100);
  CHECK(coverage.window.until_ns == 601);
  CHECK(coverage.holes.empty());
  CHECK(coverage.proof_of_absence());
}

TEST_CASE("with limits what was not recorded is a hole: before, between and after sources") {
  const Coverage coverage = coverage_of({complete_source(500, 600), complete_source(100, 200)}, {50, 1000});
  REQUIRE(coverage.holes.size() == 3);
  check_hole(coverage, 0, 50, 99, HoleReason::kSensorDown);
  check_hole(coverage, 1, 201, 499, HoleReason::kSensorDown);
  check_hole(coverage, 2, 601, 999, HoleReason::kSensorDown);
}

TEST_CASE("sources that overlap, touch or lie within each other leave no gap") {
  const Coverage coverage = coverage_of(
      {complete_source(100, 500), complete_source(200, 300), complete_source(501, 600)}, {100, 601});
  CHECK(coverage.complete());
}

TEST_CASE("one limit leaves the other end to what was recorded") {
  const Coverage since = coverage_of({complete_source(100, 200)}, {150, TimeWindow::kUnlimitedUntil});
  CHECK(since.window.until_ns == 201);
  CHECK(since.complete());
  const Coverage until = coverage_of({complete_source(100, 200)}, {TimeWindow::kUnlimitedSince, 150});
  CHECK(until.window.since_ns == 100);
  CHECK(until.complete());
}

TEST_CASE("a window before or after everything recorded is one hole") {
  check_hole(coverage_of({complete_source(100, 200)}, {10, 20}), 0, 10, 19, HoleReason::kSensorDown);
  check_hole(coverage_of({complete_source(100, 200)}, {300, 400}), 0, 300, 399, HoleReason::kSensorDown);
}

TEST_CASE("an interrupted source is a hole as long as the window") {
  Source interrupted;
  interrupted.path = "half.pcap";
  const Coverage coverage = coverage_of({complete_source(100, 200), interrupted}, {100, 201});
  REQUIRE(coverage.holes.size() == 1);
  check_hole(coverage, 0, 100, 200, HoleReason::kSensorDown);
  CHECK(coverage.holes[0].detail.find("half.pcap") != std::string::npos);
}

TEST_CASE("a damaged source qualifies the answer only where it touches the window") {
  Source damaged = complete_source(100, 200);
  damaged.damage = "day.pcap: cut short at offset 77";
  const Coverage touched = coverage_of({damaged}, {150, 201});
  REQUIRE(touched.qualifications.size() == 1);
  CHECK(touched.qualifications[0].kind == QualificationKind::kSourceDamaged);
  CHECK(touched.qualifications[0].detail == damaged.damage);
  CHECK(touched.complete());
  CHECK_FALSE(touched.proof_of_absence());
  CHECK(coverage_of({damaged, complete_source(300, 400)}, {300, 401}).proof_of_absence());
}

TEST_CASE("a source damaged before its first frame proves nothing") {
  Source damaged;
  damaged.state = SourceState::kComplete;
  damaged.damage = "day.pcap: cut short at offset 24";
  CHECK_FALSE(coverage_of({damaged, complete_source(100, 200)}).proof_of_absence());
}

TEST_CASE("an empty source says nothing") {
  Source empty;
  empty.state = SourceState::kComplete;
  CHECK(coverage_of({empty, complete_source(100, 200)}).proof_of_absence());
  CHECK(coverage_of({empty, complete_source(100, 200)}).window.since_ns == 100);
}

TEST_CASE("packets that were not stored qualify questions about packets, not those about sessions") {
  Source sessions_only = complete_source(100, 200);
  sessions_only.packets = false;
  const Coverage packets = coverage_of({sessions_only});
  REQUIRE(packets.qualifications.size() == 1);
  CHECK(packets.qualifications[0].kind == QualificationKind::kNotStored);
  CHECK(packets.qualifications[0].count == 10);
  CHECK(coverage_of({sessions_only}, {}, QuestionKind::kSessions).proof_of_absence());
}

TEST_CASE("an expired segment is a hole for packets, not for sessions, and only within the window") {
  const storage::Catalog catalog = catalog_with_expired(120, 130);
  const std::vector<Source> sources = {complete_source(100, 200)};
  check_hole(coverage_of(sources, {}, QuestionKind::kPackets, catalog), 0, 120, 130, HoleReason::kExpired);
  CHECK(coverage_of(sources, {}, QuestionKind::kSessions, catalog).complete());
  CHECK(coverage_of(sources, {131, 201}, QuestionKind::kPackets, catalog).complete());
  CHECK(coverage_of(sources, {100, 120}, QuestionKind::kPackets, catalog).complete());
  CHECK_FALSE(coverage_of(sources, {130, 140}, QuestionKind::kPackets, catalog).complete());
}

namespace {

/// As if each block had been synced before the next was written.
void state_synced(const std::string& path, const std::vector<storage::BlockEntry>& blocks) {
  ByteBuffer bytes = tapline::test::must(read_file(path));
  for (std::uint32_t number = 0; number < blocks.size(); ++number) {
    std::uint8_t* const at = bytes.data() + blocks[number].file_offset + sizeof(storage::SkippableHeader);
    auto header = load_le<storage::BlockHeader>(at);
    header.synced_blocks = number;
    header.checksum = storage::block_header_checksum(header, {at + sizeof header, header.extension_bytes});
    store_le(at, header);
  }
  tapline::test::must(publish_file(path, bytes));
}

}  // namespace

TEST_CASE("what recovery sets aside is a hole, also of a run that had ended") {
  const tapline::test::TestStore store;
  tapline::test::record(*store, tapline::test::random_traffic(5, 3000), tapline::test::small_segments());
  REQUIRE(must_read_coverage(*store).complete());
  const storage::CatalogFile segment = tapline::test::scan(*store).segments.front();
  const storage::ContainerReader reader = tapline::test::must(storage::ContainerReader::open(segment.path));
  storage::SegmentId id;
  std::ranges::copy(reader.header().segment_id, id.begin());
  const std::vector<storage::BlockEntry> blocks = tapline::test::must(reader.load_entries());
  const std::string open_path = store.packets() + "/" + storage::open_name(id, storage::kPacketSuffix);
  std::filesystem::rename(segment.path, open_path);  // as if it had never been published
  state_synced(open_path, blocks);
  tapline::test::flip_byte(open_path, blocks[4].file_offset - 1);
  const auto recovered = tapline::test::must(storage::recover_store(*store));
  REQUIRE(recovered.size() == 1);
  CHECK(recovered.front().blocks_kept == 3);
  const Coverage coverage = must_read_coverage(*store);
  REQUIRE(coverage.holes.size() == 1);
  CHECK(coverage.holes.front().reason == HoleReason::kCorrupt);
  for (std::size_t i = 3; i < blocks.size(); ++i) {
    CHECK(coverage.holes.front().first_ns <= blocks[i].first_ns);
    CHECK(coverage.holes.front().last_ns >= blocks[i].last_ns);
  }
}

TEST_CASE("a session file that cannot be read is a hole over the times of its name") {
  Coverage coverage = coverage_of({complete_source(100, 200)});
  storage::CatalogFile file;
  file.path = "store/sessions/x.sessions";
  file.name.first_ns = 150;
  file.name.last_ns = 160;
  coverage.add_unreadable_files({file}, {{ErrorCode::kCorrupt, file.path + ": bad magic"},
                                         {ErrorCode::kNotFound, "no such file: elsewhere"}});
  REQUIRE(coverage.holes.size() == 2);
  check_hole(coverage, 0, 150, 160, HoleReason::kCorrupt);
  check_hole(coverage, 1, 100, 200, HoleReason::kExpired);
}

TEST_CASE("frames cut by us and by the source's snap length qualify an answer with their counts") {
  const TestStore store;
  ByteBuffer long_frame(300'000, 1);
  std::vector<OwnedFrame> frames = {owned(std::move(long_frame), kStart),
                                    owned(ByteBuffer(60, 1), kStart + 1)};
  frames[1].wire_bytes = 1500;
  record(*store, frames);
  const Coverage coverage = extract(*store, ask("")).coverage;
  CHECK(coverage.complete());
  CHECK_FALSE(coverage.proof_of_absence());
  REQUIRE(coverage.qualifications.size() == 2);
  CHECK(coverage.qualifications[0].kind == QualificationKind::kCut);
  CHECK(coverage.qualifications[0].count == 1);
  CHECK(coverage.qualifications[1].kind == QualificationKind::kCutAtSource);
  CHECK(coverage.qualifications[1].count ==
        1440 + (300'000 - kFrameBytesMax));  // segments do not tell them apart
}

TEST_CASE("a policy qualifies answers with its text, and with the counts of the seconds asked about") {
  const TestStore store;
  std::vector<OwnedFrame> frames;
  for (int i = 0; i < 100; ++i) {  // ten a second
    ByteBuffer bytes = tapline::test::PacketBuilder()
                           .eth()
                           .ipv4("10.0.0.1", "10.0.0.2")
                           .udp(4000, i % 5 == 0 ? 53 : 80)
                           .payload(100)
                           .bytes();
    frames.push_back(owned(std::move(bytes), kStart + i * 100 * kNsPerMillisecond));
  }
  frames[1].wire_bytes += 1000;
  RecordOptions options;
  options.cutoff = tapline::test::must(sensor::CutoffPolicy::parse("headers", {"port 53=none"}));
  record(*store, frames, options);
  const auto qualifications = [&](const TimeWindow& window) {
    return extract(*store, ask("udp", window)).coverage.qualifications;
  };
  const std::vector<Qualification> all = qualifications({});
  REQUIRE(all.size() == 3);
  CHECK(all[0].kind == QualificationKind::kFiltered);
  CHECK(all[0].count == 20);
  CHECK(all[0].detail == "memory-1: cutoff port 53=none, else headers");
  CHECK(all[1].kind == QualificationKind::kCut);
  CHECK(all[1].count == 80);
  CHECK(all[1].detail == all[0].detail);
  CHECK(all[2].kind == QualificationKind::kCutAtSource);
  CHECK(all[2].count == 1000);  // what we cut is not the source's
  const std::vector<Qualification> some =
      qualifications({kStart + 5 * kNsPerSecond / 2, kStart + 7 * kNsPerSecond / 2});
  REQUIRE(some.size() == 2);
  CHECK(some[0].count == 4);
  CHECK(some[1].count == 16);
  CHECK(must_read_coverage(*store).qualifications.size() == 3);
  CHECK(tapline::test::must(read_coverage(*store, {}, QuestionKind::kSessions)).qualifications.empty());
}

TEST_CASE("an unreadable session file is a hole in an answer that needs sessions") {
  const TestStore store;
  record(*store, random_traffic(51, 500));
  const storage::CatalogFile file = scan(*store).sessions.at(0);
  std::filesystem::resize_file(file.path, file.file_bytes - 20);
  CHECK(extract(*store, ask("udp")).coverage.complete());
  const Coverage coverage = extract(*store, ask("packets > 0")).coverage;
  CHECK(has_hole(coverage, HoleReason::kCorrupt));
}

TEST_CASE("people get one line") {
  CHECK(format_coverage(coverage_of({complete_source(kStart, kStart + 999)})) ==
        "coverage: 2026-01-01T00:00:00.000000000Z to 2026-01-01T00:00:00.000001000Z, complete");
  Source damaged = complete_source(kStart, kStart + 99);
  damaged.damage = "cut short";
  CHECK(format_coverage(coverage_of({damaged}, {kStart, kStart + 200})) ==
        "coverage: 2026-01-01T00:00:00.000000000Z to 2026-01-01T00:00:00.000000200Z, NOT complete"
        "; hole 2026-01-01T00:00:00.000000100Z to 2026-01-01T00:00:00.000000199Z: sensor_down (nothing was "
        "recorded); source_damaged: 1 (cut short)");
}

TEST_CASE("programs get one JSON object") {
  Source damaged = complete_source(kStart, kStart + 99);
  damaged.damage = "a \"b\"";
  CHECK(coverage_json(coverage_of({damaged}, {kStart, kStart + 200})) ==
        R"({"since":"2026-01-01T00:00:00.000000000Z","until":"2026-01-01T00:00:00.000000200Z",)"
        R"("complete":false,"proof_of_absence":false,)"
        R"("holes":[{"first":"2026-01-01T00:00:00.000000100Z","last":"2026-01-01T00:00:00.000000199Z",)"
        R"("reason":"sensor_down","detail":"nothing was recorded"}],)"
        R"("qualifications":[{"kind":"source_damaged","count":1,"detail":"a \"b\""}]})");
}

TEST_CASE("a segment whose index hides frames is a hole, damage that readers meet is none in advance") {
  const storage::FinalName name{kStart, kStart + 100, 0, 0, 7};
  storage::ScrubState scrub;
  scrub.add_damage(storage::final_name(name, storage::kPacketSuffix), "the index is not that of the frames",
                   true);
  scrub.add_damage("another" + storage::final_name(name, storage::kPacketSuffix), "odd", true);
  scrub.add_damage(storage::final_name({kStart, kStart + 5, 0, 0, 8}, storage::kPacketSuffix), "a block",
                   false);
  Coverage coverage = coverage_of({complete_source(kStart, kStart + 1000)});
  coverage.add_scrubbed(scrub);
  REQUIRE(coverage.holes.size() == 1);
  check_hole(coverage, 0, kStart, kStart + 100, HoleReason::kCorrupt);
  Coverage later = coverage_of({complete_source(kStart, kStart + 1000)}, {kStart + 101, kStart + 1000});
  later.add_scrubbed(scrub);
  CHECK(later.complete());
}
