// The power is cut at every operation on the disk, and in the middle of writes: after each, the store opens,
// everything that was durable is there, and nothing else but what was recorded.

#include <catch2/catch.hpp>

#include "tests/sensor/power_cut_run.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

using Kind = FaultDisk::Kind;
using Content = Survival::Content;

/// Content and names as they may be found when nothing is torn.
std::vector<Survival> whole_survivals(std::uint64_t seed) {
  return {{Content::kSynced, 0, seed, true},  {Content::kSynced, 0, seed, false},
          {Content::kAll, 0, seed, true},     {Content::kAll, 0, seed, false},
          {Content::kSectors, 0, seed, true}, {Content::kLengthOnly, 0, seed, true}};
}

/// At every operation but appends, which only matter by where they are cut.
void cut_everywhere(PowerCutRun& run) {
  for (std::size_t count = run.first_operation(); count <= run.operations().size(); ++count) {
    const bool append = run.operations()[count - 1].kind == Kind::kAppend;
    const bool synced = run.operations()[count - 1].kind == Kind::kSync;
    for (const Survival& survival : whole_survivals(count)) {
      const bool runs_too = synced && survival.content == Content::kAll && survival.all_names;
      if (!append || survival.content == Content::kSectors) run.check_cut(count, survival, runs_too);
    }
  }
}

/// The last appends before `end` to files whose path has `part` in it.
std::vector<std::size_t> appends_to(PowerCutRun& run, const std::string& part, std::size_t wanted) {
  std::vector<std::size_t> counts;
  for (std::size_t count = run.operations().size(); count > 0 && counts.size() < wanted; --count) {
    const FaultDisk::Operation& operation = run.operations()[count - 1];
    if (operation.kind == Kind::kAppend && operation.path.find(part) != std::string::npos)
      counts.push_back(count);
  }
  return counts;
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
  const PowerCutRun::Checked& checked = run.checked();
  WARN(run.operations().size() << " operations, " << checked.cuts << " cuts, " << checked.files_recovered
                               << " files recovered, " << checked.files_set_aside << " set aside, "
                               << checked.torn_bytes << " torn bytes, " << run.segments_evicted()
                               << " segments evicted");
  CHECK(checked.files_recovered > 100);
  CHECK(checked.torn_bytes > 0);
  CHECK(checked.frames_lost > 0);
}

TEST_CASE("a power cut at every byte of the last blocks of each kind of file") {
  PowerCutRun run({.seconds = 1, .budget_bytes = 0, .frames_per_tick = 2});
  // Block; footer and tables; index; block and footer of sessions; of the ledger.
  for (const char* const part : {".pcap.zst.open", ".idx.tmp", ".sessions.open", ".ledger.open"}) {
    for (const std::size_t count : appends_to(run, part, 2)) {
      CAPTURE(part);
      const std::size_t bytes = run.operations()[count - 1].bytes.size();
      REQUIRE(bytes <= 8192);
      for (std::uint64_t torn = 0; torn < bytes; ++torn)
        run.check_cut(count, {Content::kTorn, torn, 1, true}, false);
    }
  }
  WARN(run.checked().cuts << " cuts");
  CHECK(run.checked().cuts > 2000);
}
