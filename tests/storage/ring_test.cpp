#include "storage/ring.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

struct RingStore {
  TemporaryFolder folder;
  Store store = *Store::open_or_create(folder / "store", "s");
};

void make_file(const std::string& path, std::uint64_t bytes) {
  Result<File> file = File::create(path);
  REQUIRE(file.ok());
  REQUIRE(file->truncate(bytes).ok());
}

/// A finished segment of `bytes` with an index of `index_bytes`, as far as the ring looks at them.
std::string make_segment(const Store& store, TimeNs first_ns, TimeNs last_ns, std::uint64_t bytes,
                         std::uint64_t index_bytes) {
  static std::uint64_t id = 0;
  const FinalName name{first_ns, last_ns, 0, 0, ++id};
  const std::string stem = store.packets_directory() + "/";
  make_file(stem + final_name(name, kIndexSuffix), index_bytes);
  make_file(stem + final_name(name, kPacketSuffix), bytes);
  return stem + final_name(name, kPacketSuffix);
}

std::string expired_name(const std::string& segment) {
  return segment.substr(0, segment.size() - kPacketSuffix.size()) + std::string(kExpiredSuffix);
}

/// Asks for a segment that is then given up.
Status make_room(Ring& ring, std::uint64_t bytes) {
  const SegmentId id = make_segment_id();
  const Result<std::string> reserved = ring.reserve(id, bytes);
  if (!reserved) return reserved.error();
  ring.give_up(id, Error{ErrorCode::kLimit, "not needed"});
  return {};
}

}  // namespace

TEST_CASE("the oldest segments go first, and no more than needed") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  const std::string second = make_segment(store, 0, 20, 1000, 100);
  const std::string first = make_segment(store, 5, 10, 1000, 100);  // begins later, but ends first
  const std::string third = make_segment(store, 20, 30, 1000, 100);
  Ring ring(store, 4000);
  REQUIRE(make_room(ring, 700).ok());
  CHECK(ring.segments_evicted() == 0);
  REQUIRE(make_room(ring, 701).ok());
  CHECK(ring.segments_evicted() == 1);
  CHECK_FALSE(fs::exists(first));
  CHECK(fs::exists(second));
  REQUIRE(make_room(ring, 2900).ok());
  CHECK(ring.segments_evicted() == 2);
  CHECK_FALSE(fs::exists(second));
  CHECK(fs::exists(third));
}

TEST_CASE("an evicted segment leaves an empty file that says what was lost, and no index") {
  const RingStore ring_store;
  const std::string segment = make_segment(ring_store.store, 100, 200, 1000, 100);
  Ring ring(ring_store.store, 1000);
  REQUIRE(make_room(ring, 1000).ok());
  CHECK(fs::file_size(expired_name(segment)) == 0);
  CHECK_FALSE(fs::exists(index_path_of(segment)));
  const Result<Catalog> catalog = Catalog::scan(ring_store.store);
  CHECK(catalog->segments.empty());
  REQUIRE(catalog->expired.size() == 1);
  CHECK(catalog->expired[0].name.first_ns == 100);
  CHECK(catalog->expired[0].name.last_ns == 200);
}

TEST_CASE("a reader that holds an evicted segment open does not hold its space") {
  const RingStore ring_store;
  const std::string segment = make_segment(ring_store.store, 1, 2, 1000, 100);
  const Result<File> reader = File::open_read(segment);
  Ring ring(ring_store.store, 1000);
  REQUIRE(make_room(ring, 1000).ok());
  CHECK(*reader->size_bytes() == 0);
}

TEST_CASE("an eviction that was interrupted is completed") {
  const RingStore ring_store;
  const std::string segment = make_segment(ring_store.store, 1, 2, 1000, 100);
  fs::rename(segment, expired_name(segment));  // killed right after that
  Ring ring(ring_store.store, 1000);
  REQUIRE(make_room(ring, 500).ok());
  CHECK(fs::file_size(expired_name(segment)) == 0);
  CHECK_FALSE(fs::exists(index_path_of(segment)));
}

TEST_CASE("open segments count, but are never evicted; other files are left alone") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  const std::string open = store.packets_directory() + "/" + open_name(make_segment_id(), kPacketSuffix);
  const std::string foreign = store.packets_directory() + "/holiday.jpg";
  make_file(open, 600);
  make_file(foreign, 5000);
  const std::string finished = make_segment(store, 1, 2, 300, 0);
  Ring ring(store, 1000);
  REQUIRE(make_room(ring, 200).ok());
  CHECK_FALSE(fs::exists(finished));
  CHECK_FALSE(make_room(ring, 500).ok());
  CHECK(fs::file_size(open) == 600);
  CHECK(fs::file_size(foreign) == 5000);
}

TEST_CASE("a segment that cannot fit is refused with the sizes and the remedy") {
  const RingStore ring_store;
  Ring ring(ring_store.store, 1024 * 1024);
  const Status refused = make_room(ring, 2 * 1024 * 1024);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(refused.error().context == ring_store.store.path() +
                                       ": a segment of 2.00 MiB does not fit into the budget of 1.00 MiB: "
                                       "raise --budget");
}

TEST_CASE("what a failed writer has left counts: steps of its segment, drafts, indexes without a segment") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  const std::string packets = store.packets_directory() + "/";
  make_segment(store, 100, 200, 1000, 0);
  make_file(packets + "open-0123456789abcdef0123456789abcdef.pcap.zst.open", 1000);
  make_file(packets + "open-0123456789abcdef0123456789abcdef.0-7.idx", 500);
  make_file(packets + final_name({300, 400, 0, 0, 77}, kIndexSuffix), 300);
  make_file(packets + final_name({300, 400, 0, 0, 78}, kIndexSuffix) + ".tmp", 200);
  Ring ring(store, 4000);
  CHECK(make_room(ring, 1000).ok());
  CHECK(ring.segments_evicted() == 0);
  CHECK(make_room(ring, 1001).ok());
  CHECK(ring.segments_evicted() == 1);
  CHECK_FALSE(make_room(ring, 2001).ok());
}

TEST_CASE("without a budget nothing is evicted") {
  const RingStore ring_store;
  const std::string segment = make_segment(ring_store.store, 1, 2, 1000, 100);
  Ring ring(ring_store.store, 0);
  CHECK(make_room(ring, std::uint64_t{1} << 60).ok());
  CHECK(fs::exists(segment));
  CHECK(ring.segment_bytes(12345) == 12345);
  CHECK(Ring(ring_store.store, 1600).segment_bytes(12345) == 100);
  CHECK(Ring(ring_store.store, 1600).segment_bytes(50) == 50);
}

TEST_CASE("a store never exceeds its budget, indexes and the open segment included") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  constexpr std::uint64_t kBudgetBytes = 1'500'000;
  Ring ring(store, kBudgetBytes);
  FrameSegmentConfig config;
  config.directory = config.index_directory = store.packets_directory();
  config.block_bytes = 4096;
  config.compress = false;
  config.segment_bytes_max = ring.segment_bytes(config.segment_bytes_max);
  FrameSegmentWriter writer(config, ring);
  TestPipeline pipeline(writer);
  Traffic traffic(50);
  const std::vector<TestFrame> frames = traffic.take(20'000);
  std::uint64_t bytes_max = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    REQUIRE(pipeline.append(frames[i]).ok());
    if (i % 50 == 0) bytes_max = std::max(bytes_max, bytes_in(store.packets_directory()));
  }
  REQUIRE(writer.finish().ok());
  CHECK(bytes_max <= kBudgetBytes);
  CHECK(bytes_in(store.packets_directory()) <= kBudgetBytes);
  CHECK(bytes_max > kBudgetBytes * 3 / 4);
  CHECK(ring.segments_evicted() > 10);

  // Everything after the last expired segment is left, in order; before it, only frames of lanes that were
  // slower.
  TimeNs expired_until_ns = 0;
  const Result<Catalog> catalog = Catalog::scan(store);
  for (const CatalogFile& expired : catalog->expired)
    expired_until_ns = std::max(expired_until_ns, expired.name.last_ns);
  const std::vector<StoredFrame> stored = read_directory(store.packets_directory());
  REQUIRE(stored.size() < frames.size());
  std::size_t left = 0;
  for (const TestFrame& frame : frames) {
    if (left < stored.size() && same_frame(stored[left], frame)) {
      ++left;
    } else {
      REQUIRE(frame.time_ns <= expired_until_ns);
    }
  }
  CHECK(left == stored.size());
}

TEST_CASE("a catalog lists finished segments by time, then open ones, and nothing else") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  const std::string later = make_segment(store, 50, 60, 1, 1);
  const std::string earlier = make_segment(store, 10, 99, 2, 1);
  const std::string open = store.packets_directory() + "/" + open_name(make_segment_id(), kPacketSuffix);
  make_file(open, 300);
  make_file(store.packets_directory() + "/" + fs::path(later).filename().string() + ".tmp", 4);
  make_file(store.sessions_directory() + "/" + final_name({1, 2, 3, 4, 5}, kSessionSuffix), 5);
  make_file(store.ledger_directory() + "/" + final_name({1, 2, 3, 4, 5}, kLedgerSuffix), 6);
  const Result<Catalog> catalog = Catalog::scan(store);
  REQUIRE(catalog.ok());
  REQUIRE(catalog->segments.size() == 3);
  CHECK(catalog->segments[0].path == earlier);
  CHECK(catalog->segments[0].file_bytes == 2);
  CHECK(catalog->segments[1].path == later);
  CHECK(catalog->segments[2].path == open);
  CHECK(catalog->segments[2].open);
  CHECK(catalog->sessions.size() == 1);
  CHECK(catalog->ledgers.size() == 1);
  fs::remove_all(store.ledger_directory());
  CHECK(Catalog::scan(store).error().code == ErrorCode::kIo);
}

TEST_CASE("what open segments were promised counts, until they are finished") {
  const RingStore ring_store;
  const std::string finished = make_segment(ring_store.store, 1, 2, 300, 0);
  Ring ring(ring_store.store, 1000);
  const SegmentId open = make_segment_id();
  REQUIRE(ring.reserve(open, 600).ok());
  CHECK(fs::exists(finished));
  CHECK_FALSE(make_room(ring, 500).ok());  // though nothing of the 600 is on disk yet
  CHECK_FALSE(fs::exists(finished));
  ring.give_up(open, Error{ErrorCode::kLimit, "not needed"});
  CHECK(make_room(ring, 500).ok());
}

TEST_CASE("a segment that is published and not released yet counts once, and is not dropped") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  Ring ring(store, 3000);
  const SegmentId id = make_segment_id();
  REQUIRE(ring.reserve(id, 1500).ok());
  const std::string published =
      store.packets_directory() + "/" + final_name({1, 2, 0, 0, id_high(id)}, kPacketSuffix);
  make_file(published, 1400);  // another writer's thread, right before it calls release()
  REQUIRE(make_room(ring, 1500).ok());
  CHECK(ring.segments_evicted() == 0);
  CHECK_FALSE(make_room(ring, 1501).ok());
  CHECK(fs::exists(published));
  ring.publish(id, published, 1400);
  REQUIRE(make_room(ring, 1600).ok());
  CHECK(ring.segments_evicted() == 0);
  REQUIRE(make_room(ring, 1601).ok());
  CHECK_FALSE(fs::exists(published));
}

TEST_CASE("room for the next segment is made while one is written, and no more than it needs") {
  const RingStore ring_store;
  const Store& store = ring_store.store;
  const std::string first = make_segment(store, 0, 10, 1000, 100);
  const std::string second = make_segment(store, 10, 20, 1000, 100);
  Ring ring(store, 4000);
  const SegmentId open = make_segment_id();
  REQUIRE(ring.reserve(open, 1000).ok());
  ring.prepare(open, 1000);
  CHECK(ring.segments_evicted() == 1);
  CHECK_FALSE(fs::exists(first));
  ring.prepare(open, 1000);
  ring.prepare(make_segment_id(), 1000);  // nobody's
  CHECK(ring.segments_evicted() == 1);
  REQUIRE(ring.reserve(make_segment_id(), 1000).ok());
  CHECK(ring.segments_evicted() == 1);
  CHECK(fs::exists(second));
  CHECK(fs::file_size(expired_name(first)) == 0);
  ring.prepare(open, 100'000'000);  // cannot be: reserve() will say so
  CHECK(ring.segments_evicted() == 2);
}
