#pragma once
// At which operations of a PowerCutRun the power is cut, and what survives.

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sensor/power_cut_run.hpp"

namespace tapline::test {

/// Content and names as they may be found when nothing is torn.
std::vector<Survival> whole_survivals(std::uint64_t seed);

/// Cuts behind operation number `operation_count` with that survival, if that can differ from the cut before:
/// appends matter by their sectors only.
void cut_whole(PowerCutRun& run, std::size_t operation_count, const Survival& survival);

/// After every operation, with every survival.
void cut_everywhere(PowerCutRun& run);

/// Two survivals at every operation on what a KeptStore adds to a recording, at each twentieth of the others.
void cut_sample(PowerCutRun& run);

/// At every byte of the last `appends` to files whose path has `part` in it; those have at most 8 KiB.
void cut_bytes(PowerCutRun& run, const std::string& part, std::size_t appends);

/// One line: operations, cuts, and what was found.
std::string describe_cuts(PowerCutRun& run);

}  // namespace tapline::test
