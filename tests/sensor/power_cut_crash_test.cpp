// The power is cut at every operation on the disk, and in the middle of writes: after each, the store opens,
// everything that was durable is there, and nothing else but what was recorded.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/file_names.hpp"
#include "tests/sensor/power_cuts.hpp"

using namespace tapline;
using namespace tapline::storage;
using namespace tapline::test;
namespace fs = std::filesystem;

namespace {

constexpr PowerCutConfig kWithHolds{.budget_bytes = 128 * 1024, .kept = true};

std::size_t renamed_to(PowerCutRun& run, std::string_view suffix) {
  return static_cast<std::size_t>(std::ranges::count_if(
      run.operations(), [&](const auto& operation) { return operation.to.ends_with(suffix); }));
}

}  // namespace

TEST_CASE("power cuts at every operation lose nothing that was durable, and add nothing") {
  const bool ring = GENERATE(false, true);
  PowerCutConfig config;
  config.budget_bytes = ring ? 160 * 1024 : 0;
  config.seconds = ring ? 3 : 2;
  PowerCutRun run(config);
  CHECK((run.segments_evicted() > 3) == ring);
  cut_everywhere(run);
  WARN(describe_cuts(run));
  CHECK(run.checked().files_recovered > 100);
  CHECK(run.checked().torn_bytes > 0);
  CHECK(run.checked().frames_lost > 0);
}

TEST_CASE("a power cut at every byte of the last blocks of each kind of file") {
  PowerCutRun run({.seconds = 1, .budget_bytes = 0, .frames_per_tick = 2});
  // Block; footer and tables; index; block and footer of sessions; of the ledger.
  for (const char* const part : {".pcap.zst.open", ".idx.tmp", ".sessions.open", ".ledger.open"})
    cut_bytes(run, part, 2);
  WARN(run.checked().cuts << " cuts");
  CHECK(run.checked().cuts > 2000);
}

TEST_CASE("power cuts beside holds: what was answered holds, what was released does not") {
  PowerCutRun run(kWithHolds);
  REQUIRE(run.kept()->count(HoldState::kHeld) == 2);
  REQUIRE(run.kept()->count(HoldState::kRefused) == 2);
  REQUIRE(run.kept()->count(HoldState::kReleased) == 2);
  REQUIRE(run.kept()->count(HoldState::kExpired) == 1);
  REQUIRE(renamed_to(run, kSessionSuffix) > 3);  // published while others are written
  REQUIRE(renamed_to(run, kLedgerSuffix) > 3);
  REQUIRE(renamed_to(run, ".volume") == 3);  // made, out, and in use again
  REQUIRE(run.segments_evicted() > 20);
  cut_sample(run);
  WARN(describe_cuts(run));
  CHECK(run.kept()->checked().holds_in_force > 500);
  CHECK(run.kept()->checked().segments_dropped > 500);
  CHECK(run.kept()->checked().scrub_states > 300);
}

TEST_CASE("a power cut at every byte of what holds, scrub, volumes and folded markers write") {
  PowerCutRun run(kWithHolds);
  for (const char* const part : {".request.tmp", ".release.tmp", ".segments.tmp", ".hold.tmp", "/scrub.tmp",
                                 ".volume.tmp", "/expired-intervals.tmp"})
    cut_bytes(run, part, 1);
  WARN(describe_cuts(run));
}

TEST_CASE("a power cut while a store and its volume are made leaves what can be made again") {
  PowerCutRun run({.seconds = 0, .kept = true});
  for (std::size_t count = 0; count <= run.first_operation(); ++count) {
    for (const Survival& survival : whole_survivals(count)) {
      CAPTURE(count);
      const TemporaryFolder folder;
      run.disk().write_image(count, survival, folder / "image");
      const Store store = must(Store::open_or_create(folder / "image/store", "test"));
      const std::string path = store.path() + "-" + KeptStore::kVolume;
      // Images have all directories from the start; this one is made after the marker.
      if (!fs::exists(path + "/tapline-volume")) fs::remove(path + "/packets");
      const StoreVolume volume = must(add_volume(store, path));
      REQUIRE(must(list_volumes(store)).size() == 2);
      REQUIRE(check_identity(volume).ok());
    }
  }
}
