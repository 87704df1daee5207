#include "tests/sensor/power_cuts.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

namespace tapline::test {
namespace {

using Kind = FaultDisk::Kind;
using Content = Survival::Content;

constexpr std::size_t kSampleInterval = 20;

/// Of holds, volumes, scrub, folded markers, evictions and session files.
bool is_kept(const FaultDisk::Operation& operation) {
  constexpr std::array<std::string_view, 8> kParts{"/held",  "/holds", "/volumes",  "tapline-volume",
                                                   "/scrub", "/probe", "/sessions", "/expired-intervals"};
  const auto names_it = [&](std::string_view part) { return operation.path.find(part) != std::string::npos; };
  return operation.to.ends_with(".expired") || std::ranges::any_of(kParts, names_it);
}

/// The last appends to files whose path has `part` in it.
std::vector<std::size_t> appends_to(PowerCutRun& run, const std::string& part, std::size_t wanted) {
  std::vector<std::size_t> counts;
  for (std::size_t count = run.operations().size(); count > run.first_operation() && counts.size() < wanted;
       --count) {
    const FaultDisk::Operation& operation = run.operations()[count - 1];
    if (operation.kind == Kind::kAppend && operation.path.find(part) != std::string::npos)
      counts.push_back(count);
  }
  return counts;
}

}  // namespace

std::vector<Survival> whole_survivals(std::uint64_t seed) {
  return {{Content::kSynced, 0, seed, true},  {Content::kSynced, 0, seed, false},
          {Content::kAll, 0, seed, true},     {Content::kAll, 0, seed, false},
          {Content::kSectors, 0, seed, true}, {Content::kLengthOnly, 0, seed, true}};
}

void cut_whole(PowerCutRun& run, std::size_t operation_count, const Survival& survival) {
  const Kind kind = run.operations()[operation_count - 1].kind;
  const bool runs_too = kind == Kind::kSync && survival.content == Content::kAll && survival.all_names;
  if (kind != Kind::kAppend || survival.content == Content::kSectors)
    run.check_cut(operation_count, survival, runs_too);
}

void cut_everywhere(PowerCutRun& run) {
  for (std::size_t count = run.first_operation(); count <= run.operations().size(); ++count) {
    for (const Survival& survival : whole_survivals(count)) cut_whole(run, count, survival);
  }
}

void cut_sample(PowerCutRun& run) {
  for (std::size_t count = run.first_operation(); count <= run.operations().size(); ++count) {
    if (!is_kept(run.operations()[count - 1]) && count % kSampleInterval != 0) continue;
    const std::vector<Survival> survivals = whole_survivals(count);
    cut_whole(run, count, survivals[1]);  // the least that there can be
    if (count % survivals.size() != 1) cut_whole(run, count, survivals[count % survivals.size()]);
  }
}

void cut_bytes(PowerCutRun& run, const std::string& part, std::size_t appends) {
  CAPTURE(part);
  const std::vector<std::size_t> counts = appends_to(run, part, appends);
  REQUIRE(counts.size() == appends);
  for (const std::size_t count : counts) {
    const std::size_t bytes = run.operations()[count - 1].bytes.size();
    REQUIRE(bytes <= 8192);
    for (std::uint64_t torn = 0; torn < bytes; ++torn)
      run.check_cut(count, {Content::kTorn, torn, 1, true}, false);
  }
}

std::string describe_cuts(PowerCutRun& run) {
  const PowerCutRun::Checked& checked = run.checked();
  std::string text = fmt::format(
      "{} operations, {} cuts, {} files recovered, {} set aside, {} torn bytes, {} segments evicted",
      run.operations().size(), checked.cuts, checked.files_recovered, checked.files_set_aside,
      checked.torn_bytes, run.segments_evicted());
  if (run.kept() == nullptr) return text;
  const KeptStore::Checked& kept = run.kept()->checked();
  return text + fmt::format(
                    "; after the cuts {} holds in force, {} segments held, {} dropped for want of "
                    "room, {} scrub states",
                    kept.holds_in_force, kept.segments_held, kept.segments_dropped, kept.scrub_states);
}

}  // namespace tapline::test
