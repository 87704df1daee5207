#pragma once
// Random runs of the flow table and of the TCP tracker against plain models. They are Catch's checks: to be
// called from a test case. Each prints its seed where it fails.

#include <cstdint>

namespace tapline::flowgen {

/// 60,000 random packets through NaiveFlows, and five times through the table: in bursts of different sizes,
/// with advance() called always, rarely or never. All records must be equal.
void compare_table_with_naive(std::uint64_t seed);

/// `streams` random streams of about 250 segments, whose sequence numbers wrap, against a model that keeps
/// every byte.
void compare_tracker_with_bytes(std::uint64_t seed, int streams);

/// `sessions` of 60 random segments: one tracker observes all, one leaves out what it may.
void compare_sparing_with_thorough(std::uint64_t seed, int sessions);

}  // namespace tapline::flowgen
