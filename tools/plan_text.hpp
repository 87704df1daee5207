#pragma once
// What --explain prints: which segments, blocks and bytes an answer takes, what was ruled out by what, and
// how long reading will take.

#include <string>

#include "storage/query/plan.hpp"
#include "tools/reading_options.hpp"

namespace tapline::tools {

/// Seconds that reading and decoding may take, by rates that are assumed, not measured; the budget counts.
double expected_seconds(const query::PlanTotals& plan, const ReadingOptions& reading);

/// Lines of "name value".
std::string plan_text(const query::PlanTotals& plan, const ReadingOptions& reading);

}  // namespace tapline::tools
