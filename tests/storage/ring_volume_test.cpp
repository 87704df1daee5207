// The ring on several volumes, on disks that others fill, and by age; what it dropped stays known.

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "storage/catalog.hpp"
#include "storage/expired_intervals.hpp"
#include "storage/ring.hpp"
#include "tests/disk/fault_disk.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

TimeNs now_ns = 0;

/// A store with volumes on a disk that can be made to fail; every segment takes 1,000 bytes.
struct VolumeStore {
  TemporaryFolder folder;
  test::FaultDisk disk{folder.path(), false};
  Store store = *Store::open_or_create(folder / "store", "s", disk);

  StoreVolume add(const std::string& name) {
    const Result<StoreVolume> volume = add_volume(store, folder / name);
    if (!volume) FAIL(volume.error().context);
    return *volume;
  }
  Ring ring(const RingLimits& limits) {
    now_ns = 1000 * kNsPerSecond;
    return Ring(store, limits, nullptr, [] { return now_ns; });
  }
  Catalog scan() const {
    const Result<Catalog> catalog = Catalog::scan(store);
    if (!catalog) FAIL(catalog.error().context);
    return *catalog;
  }
};

std::uint64_t segments_in(const std::string& directory) {
  return list_files(directory + "/packets", kPacketSuffix).size();
}

void make_file(const std::string& path, std::uint64_t bytes) {
  Result<File> file = File::create(path);
  REQUIRE(file.ok());
  REQUIRE(file->truncate(bytes).ok());
}

/// A segment from its reservation to its publishing; the directory that was granted.
std::string write_segment(Ring& ring, TimeNs first_ns, TimeNs last_ns) {
  const SegmentId id = make_segment_id();
  const Result<std::string> directory = ring.reserve(id, 1000);
  if (!directory) FAIL(directory.error().context);
  const std::string path =
      *directory + "/" + final_name({first_ns, last_ns, 0, 0, id_high(id)}, kPacketSuffix);
  make_file(path, 1000);
  ring.publish(id, path, 1000);
  return *directory;
}

/// Segments of 1,000 bytes, and one that is being written.
SegmentId write_segments(Ring& ring, int finished) {
  for (int i = 0; i < finished; ++i) write_segment(ring, i * 10, i * 10 + 9);
  const SegmentId open = make_segment_id();
  REQUIRE(ring.reserve(open, 1000).ok());
  return open;
}

bool any_alarm(Ring& ring, const std::string& part) {
  return std::ranges::any_of(ring.take_notices(), [&](const RingNotice& notice) {
    return notice.alarm && notice.text.find(part) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("segments are spread over the volumes, and each drops its own oldest") {
  VolumeStore on;
  const StoreVolume other = on.add("other");
  Ring ring = on.ring({.bytes = 5000});
  for (int i = 0; i < 24; ++i) write_segment(ring, i * 10, i * 10 + 9);
  CHECK(segments_in(on.store.path()) == 5);
  CHECK(segments_in(other.path) == 5);
  CHECK(ring.segments_evicted() == 14);
  const Catalog catalog = on.scan();
  REQUIRE(catalog.segments.size() == 10);
  CHECK(catalog.expired.size() == 14);
  // Together they have the newest ten, sorted whatever volume they are on.
  for (std::size_t i = 0; i < 10; ++i)
    CHECK(catalog.segments[i].name.first_ns == static_cast<TimeNs>(14 + i) * 10);
}

TEST_CASE("open segments are on different volumes") {
  VolumeStore on;
  on.add("b");
  on.add("c");
  Ring ring = on.ring({.bytes = 100'000});
  std::set<std::string> granted;
  for (int i = 0; i < 3; ++i) granted.insert(*ring.reserve(make_segment_id(), 1000));
  CHECK(granted.size() == 3);
}

TEST_CASE("a volume that fails is left out, with an alarm, and taken back when it can be written") {
  VolumeStore on;
  const StoreVolume other = on.add("other");
  Ring ring = on.ring({.bytes = 50'000});
  const SegmentId first = make_segment_id();
  const SegmentId second = make_segment_id();
  const std::string a = *ring.reserve(first, 1000);
  const std::string b = *ring.reserve(second, 1000);
  REQUIRE(a != b);
  const SegmentId failing = a == other.packets_directory() ? first : second;
  on.disk.fail(other.path, ErrorCode::kIo);
  ring.give_up(failing, Error{ErrorCode::kIo, "cannot write"});
  CHECK(any_alarm(ring, other.path));
  for (int i = 0; i < 6; ++i) CHECK(write_segment(ring, i, i) == on.store.packets_directory());
  CHECK(list_volumes(on.store)->at(1).out_since_ns == now_ns);
  ring.keep();
  CHECK(write_segment(ring, 7, 7) == on.store.packets_directory());
  on.disk.heal();
  ring.keep();
  CHECK(list_volumes(on.store)->at(1).out_since_ns == 0);
  std::set<std::string> granted;
  for (int i = 0; i < 4; ++i) granted.insert(write_segment(ring, 10 + i, 10 + i));
  CHECK(granted.contains(other.packets_directory()));
}

TEST_CASE("where no volume can be written the error says why, and it goes on once one can") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 50'000});
  write_segment(ring, 1, 2);
  on.disk.fail(on.store.packets_directory(), ErrorCode::kIo);
  const Result<std::string> refused = ring.reserve(make_segment_id(), 1000);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kIo);
  CHECK(refused.error().context.find("a fault of the test") != std::string::npos);
  CHECK_FALSE(ring.reserve(make_segment_id(), 1000).ok());
  on.disk.heal();
  write_segment(ring, 3, 4);
}

TEST_CASE("a volume whose directory is another's, or empty, is not written") {
  VolumeStore on;
  const StoreVolume other = on.add("other");
  Ring ring = on.ring({.bytes = 50'000});
  write_segment(ring, 1, 1);
  fs::rename(other.path, other.path + ".unmounted");
  fs::create_directories(other.packets_directory());  // what lies below a mount point
  for (int i = 2; i < 8; ++i) CHECK(write_segment(ring, i, i) == on.store.packets_directory());
  CHECK(any_alarm(ring, "is its disk mounted?"));
  CHECK(segments_in(other.path) == 0);
  CHECK(on.scan().missing_volumes.size() == 1);

  fs::remove_all(other.path);
  fs::rename(other.path + ".unmounted", other.path);
  ring.keep();
  std::set<std::string> granted;
  for (int i = 10; i < 14; ++i) granted.insert(write_segment(ring, i, i));
  CHECK(granted.contains(other.packets_directory()));
  CHECK(on.scan().missing_volumes.empty());
}

TEST_CASE("a volume of another store is refused; a volume that moved is known again") {
  VolumeStore on;
  const StoreVolume first = on.add("a");
  const Store other_store = *Store::open_or_create(on.folder / "store2", "t", on.disk);
  make_file(first.packets_directory() + "/something", 1);
  const Result<StoreVolume> taken = add_volume(other_store, first.path);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().code == ErrorCode::kInvalid);
  CHECK(taken.error().context.find("another store") != std::string::npos);
  fs::create_directory(on.folder / "full");
  make_file(on.folder / "full/holiday.jpg", 1);
  CHECK(add_volume(on.store, on.folder / "full").error().code == ErrorCode::kInvalid);
  fs::rename(first.path, on.folder / "b");
  const StoreVolume moved = on.add("b");
  CHECK(moved.id == first.id);
  CHECK(list_volumes(on.store)->size() == 2);
  CHECK(list_volumes(on.store)->at(1).path == on.folder / "b");
}

TEST_CASE("others who fill the disk make the ring drop, not stop") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 100'000, .free_bytes_min = 500});
  for (int i = 0; i < 10; ++i) write_segment(ring, i, i);
  on.disk.set_free_bytes(700);
  write_segment(ring, 20, 20);  // 1,000 and the 500 that stay free: one has to go
  CHECK(ring.segments_evicted() == 1);
  on.disk.set_free_bytes(0);
  ring.keep();
  CHECK(ring.segments_evicted() == 2);
  on.disk.set_free_bytes(600);
  ring.keep();
  CHECK(ring.segments_evicted() == 2);
  REQUIRE(ring.yield_space().ok());  // for records
  CHECK(ring.segments_evicted() == 3);
}

TEST_CASE("a disk that is full with nothing to drop is an error with the sizes, and no volume is left out") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 100'000, .free_bytes_min = 500});
  on.disk.set_free_bytes(100);
  const Result<std::string> refused = ring.reserve(make_segment_id(), 1000);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kNoSpace);
  CHECK(refused.error().context.find("others have filled it") != std::string::npos);
  ring.keep();
  CHECK(ring.take_notices().empty());
  CHECK(ring.yield_space().error().code == ErrorCode::kNoSpace);
  on.disk.set_free_bytes(std::nullopt);
  write_segment(ring, 1, 1);
}

TEST_CASE("packets that are too old go, young ones stay beyond the budget but not beyond the disk") {
  VolumeStore on;
  RingLimits limits;
  limits.bytes = 3000;
  limits.free_bytes_min = 1;
  limits.age_max_ns = 100 * kNsPerSecond;
  limits.age_min_ns = 20 * kNsPerSecond;
  Ring ring = on.ring(limits);
  for (int i = 0; i < 6; ++i) write_segment(ring, now_ns - i, now_ns - i);
  CHECK(ring.segments_evicted() == 0);  // 6,000 of 3,000 bytes, all young
  now_ns += 30 * kNsPerSecond;
  write_segment(ring, now_ns, now_ns);
  CHECK(ring.segments_evicted() == 4);
  on.disk.set_free_bytes(0);
  now_ns -= 30 * kNsPerSecond;
  ring.keep();
  CHECK(any_alarm(ring, "--keep-at-least"));
  on.disk.set_free_bytes(std::nullopt);
  now_ns += 131 * kNsPerSecond;
  ring.keep();
  CHECK(segments_in(on.store.path()) == 0);
}

TEST_CASE("session files have a budget of their own, and what is gone is known") {
  VolumeStore on;
  for (int i = 0; i < 10; ++i) {
    make_file(on.store.sessions_directory() + "/" +
                  final_name({i, i, 0, 0, static_cast<std::uint64_t>(i + 1)}, kSessionSuffix),
              1000);
  }
  Ring ring = on.ring({.session_bytes = 4000});
  ring.keep();
  const Catalog catalog = on.scan();
  REQUIRE(catalog.sessions.size() == 4);
  CHECK(catalog.sessions.front().name.first_ns == 6);
  CHECK(catalog.expired_sessions.size() == 6);
  CHECK(catalog.expired.empty());
}

TEST_CASE("many dropped segments are folded, and every one of them stays known") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 2000});
  constexpr int kSegments = 1000;
  for (TimeNs i = 0; i < kSegments; ++i)
    write_segment(ring, i * 10 * kNsPerSecond, (i * 10 + 9) * kNsPerSecond);
  CHECK(list_files(on.store.packets_directory(), kExpiredSuffix).size() < 300);
  const Catalog catalog = on.scan();
  const auto expired = [&](TimeNs time_ns) {
    return std::ranges::any_of(catalog.expired, [&](const CatalogFile& file) {
      return file.name.first_ns <= time_ns && time_ns <= file.name.last_ns;
    });
  };
  for (TimeNs i = 0; i < kSegments - 2; ++i) CHECK(expired((i * 10 + 5) * kNsPerSecond));
  CHECK_FALSE(expired((kSegments * 10 - 15) * kNsPerSecond));
  CHECK(std::ranges::is_sorted(catalog.expired, {},
                               [](const CatalogFile& file) { return file.name.first_ns; }));

  Ring again = on.ring({.bytes = 2000});
  write_segment(again, kSegments * 10 * kNsPerSecond, kSegments * 10 * kNsPerSecond);
  CHECK(again.segments_evicted() == 1);
}

TEST_CASE(
    "intervals: merged where they touch, never more than there may be, refused where they are damaged") {
  const std::vector<ExpiredInterval> merged = merge_intervals({{50, 60},
                                                               {10, 20},
                                                               {15, 30},
                                                               {30 + kNsPerSecond, 40 + kNsPerSecond},
                                                               {10 * kNsPerSecond, 11 * kNsPerSecond}},
                                                              10);
  REQUIRE(merged.size() == 2);
  CHECK(merged[0].first_ns == 10);
  CHECK(merged[0].last_ns == 40 + kNsPerSecond);
  std::vector<ExpiredInterval> many;
  for (TimeNs i = 0; i < 100; ++i)
    many.push_back({i * i * 10 * kNsPerSecond, (i * i * 10 + 1) * kNsPerSecond});
  const std::vector<ExpiredInterval> few = merge_intervals(many, 20);
  CHECK(few.size() <= 20);
  CHECK(few.front().first_ns == 0);
  CHECK(few.back().last_ns == many.back().last_ns);  // the widest gaps, at the end, are left

  const TemporaryFolder folder;
  REQUIRE(fold_expired_intervals(real_disk(), folder.path(), many).ok());
  CHECK(load_expired_intervals(folder.path())->size() == 100);
  folder.write("expired-intervals", std::vector<std::uint8_t>(60, 'x'));
  CHECK(load_expired_intervals(folder.path()).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a disk that fails while room is made for the next segment is taken out") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 3000});
  const SegmentId open = write_segments(ring, 3);
  on.disk.fail(on.store.packets_directory(), ErrorCode::kIo);
  ring.prepare(open, 1000);
  CHECK(any_alarm(ring, "out of use"));
}

TEST_CASE("a disk that does not give back a segment's space is taken out when somebody looks next") {
  VolumeStore on;
  Ring ring = on.ring({.bytes = 3000});
  const SegmentId open = write_segments(ring, 2);
  // The marker's name and its folder are written, the index is not removed.
  on.disk.fail_once(2, ErrorCode::kIo);
  ring.prepare(open, 1000);
  CHECK(ring.segments_evicted() == 1);
  ring.keep();
  CHECK(any_alarm(ring, "out of use"));
}
