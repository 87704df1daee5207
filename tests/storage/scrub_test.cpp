// The scrub goes round all finished files, remembers its place, finds what is damaged and forgets what is
// gone.

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "storage/index_builder.hpp"
#include "storage/scrubber.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

TimeNs now_ns = 0;
TimeNs fake_clock() {
  return now_ns;
}

ScrubConfig unlimited() {
  now_ns = 1000 * kNsPerSecond;
  ScrubConfig config;
  config.bytes_per_second = 0;
  config.clock = config.steady_clock = fake_clock;
  return config;
}

struct ScrubStore {
  TemporaryFolder folder;
  Store store = *Store::open_or_create(folder / "store", "s");

  ScrubStore() { write(0); }

  void write(TimeNs from_ns) const {
    Traffic traffic(7);
    std::vector<TestFrame> frames = traffic.take(2000);
    for (std::size_t i = 0; i < frames.size(); ++i)
      frames[i].time_ns = from_ns + 1000 * static_cast<TimeNs>(i);
    number_frames(frames);
    FrameSegmentConfig config;
    config.segment_bytes_max = 64 * 1024;
    config.block_bytes = 8 * 1024;
    write_segments(store.packets_directory(), frames, config);
  }
  std::vector<std::string> segments() const { return list_files(store.packets_directory(), kPacketSuffix); }
};

void flip_middle(const std::string& path) {
  std::vector<std::uint8_t> bytes = *read_file(path);
  bytes[bytes.size() / 2] ^= 1;
  Result<File> file = File::create(path);
  REQUIRE(file.ok());
  REQUIRE(file->write_all(bytes).ok());
}

std::string name_in(const std::string& path) {
  return fs::path(path).filename().string();
}

void run_pass(Scrubber& scrubber) {
  while (scrubber.step()) {
  }
}

}  // namespace

TEST_CASE("a pass sees every finished file once, and the next one waits for its time") {
  const ScrubStore world;
  const std::size_t segments = world.segments().size();
  REQUIRE(segments > 3);
  Scrubber scrubber(world.store, unlimited());
  run_pass(scrubber);
  CHECK(scrubber.state().last_pass_files == segments);
  CHECK(scrubber.state().last_pass_ended_at_ns == now_ns);
  CHECK(scrubber.state().damages.empty());
  CHECK_FALSE(scrubber.step());
  world.write(3600 * kNsPerSecond);  // new files are looked at when they come
  run_pass(scrubber);
  CHECK(scrubber.state().pass_files == world.segments().size());
  CHECK(scrubber.state().last_pass_files == segments);
  now_ns += 24 * 3600 * kNsPerSecond;
  run_pass(scrubber);
  CHECK(scrubber.state().last_pass_files == world.segments().size());
  CHECK(scrubber.take_notices().empty());
}

TEST_CASE("a restart goes on behind the last file") {
  const ScrubStore world;
  const ScrubConfig config = unlimited();
  {
    Scrubber scrubber(world.store, config);
    REQUIRE(scrubber.step());
    REQUIRE(scrubber.step());
    scrubber.save();
  }
  Scrubber scrubber(world.store, config);
  CHECK(scrubber.state().position == name_in(world.segments()[1]));
  REQUIRE(scrubber.step());
  CHECK(scrubber.state().position == name_in(world.segments()[2]));
  run_pass(scrubber);
  CHECK(scrubber.state().last_pass_files == world.segments().size());
  Scrubber ended(world.store, config);
  CHECK_FALSE(ended.step());  // the pass is over for this one, too
}

TEST_CASE("damage is said once, stands in the store, and goes with the file") {
  const ScrubStore world;
  const std::string damaged = world.segments()[1];
  flip_middle(damaged);
  Scrubber scrubber(world.store, unlimited());
  run_pass(scrubber);
  const std::vector<std::string> notices = scrubber.take_notices();
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].find(damaged) != std::string::npos);
  const Result<ScrubState> stated = load_scrub_state(world.store);
  REQUIRE(stated.ok());
  REQUIRE(stated->damages.size() == 1);
  CHECK_FALSE(stated->damages[0].index);
  CHECK(stated->damages[0].name == name_in(damaged));
  CHECK(stated->damages[0].what.find("checksum") != std::string::npos);

  SECTION("repaired") {
    flip_middle(damaged);
    now_ns += 24 * 3600 * kNsPerSecond;
    run_pass(scrubber);
    CHECK(scrubber.state().damages.empty());
    CHECK(scrubber.take_notices().size() == 1);
  }
  SECTION("expired") {
    fs::rename(damaged,
               damaged.substr(0, damaged.size() - kPacketSuffix.size()) + std::string(kExpiredSuffix));
    CHECK_FALSE(scrubber.step());
    CHECK(scrubber.state().damages.empty());
  }
}

TEST_CASE("a segment whose index is another one's is found by decoding") {
  const ScrubStore world;
  // One frame's index, with all checksums right: only the frames contradict it.
  ScrubConfig config = unlimited();
  config.deep_every = 1;
  const std::vector<std::string> segments = world.segments();
  const Result<ContainerReader> reader = ContainerReader::open(segments[2]);
  REQUIRE(reader.ok());
  SegmentId id;
  std::ranges::copy(reader->header().segment_id, id.begin());
  IndexBuilder empty;
  REQUIRE(publish_file(index_path_of(segments[2]), empty.finish(id, reader->block_count())).ok());
  Scrubber deep(world.store, config);
  run_pass(deep);
  REQUIRE(deep.state().damages.size() == 1);
  CHECK(deep.state().damages[0].what.find("reindex") != std::string::npos);
  CHECK(deep.state().damages[0].index);
}

TEST_CASE("a stop is noticed within a block, however slow the scrub") {
  const ScrubStore world;
  ScrubConfig config;
  config.bytes_per_second = 1;  // a block takes hours
  Scrubber scrubber(world.store, config);
  std::thread thread([&] { scrubber.step(); });
  scrubber.request_stop();
  thread.join();  // or the test's time is over
  CHECK(scrubber.state().pass_files == 0);
  CHECK_FALSE(scrubber.step());
}

TEST_CASE("the record of a scrub survives writing and reading, with more damage than it names") {
  ScrubState state;
  state.position = "x";
  state.pass_begun_at_ns = -5;
  state.last_pass_bytes = UINT64_MAX;
  for (std::size_t i = 0; i < 2 * ScrubState::kDamagesMax; ++i)
    state.add_damage("file " + std::to_string(i), std::string(1000, 'w') + "\nsecond line", i % 2 == 0);
  const TemporaryFolder folder;
  REQUIRE(write_scrub_state(state).publish(real_disk(), folder / "scrub").ok());
  const Result<TextRecord> record = TextRecord::load(folder / "scrub");
  REQUIRE(record.ok());
  const Result<ScrubState> again = read_scrub_state(*record);
  REQUIRE(again.ok());
  CHECK(again->damages.size() == ScrubState::kDamagesMax);
  CHECK(again->damages_unnamed == ScrubState::kDamagesMax);
  CHECK(again->damages[3].what == std::string(ScrubState::kWhatBytesMax, 'w'));
  CHECK(again->last_pass_bytes == UINT64_MAX);
  CHECK(again->pass_begun_at_ns == -5);
}
