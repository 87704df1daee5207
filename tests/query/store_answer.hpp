#pragma once
// A question about packets, answered to its end, for tests.

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/extraction.hpp"
#include "tests/sensor/recorded_store.hpp"

namespace tapline::query::test {

using namespace tapline::test;

struct Answer {
  std::vector<OwnedFrame> frames;
  PlanTotals totals;
  std::vector<std::string> warnings;
  Coverage coverage;
  std::uint64_t blocks_read = 0;
};

inline Filter parse_filter(const std::string& text) {
  INFO(text);
  return must(Filter::parse(text, {}));
}

inline PacketQuestion ask(const std::string& filter, const TimeWindow& window = {}) {
  return {parse_filter(filter), window, std::nullopt, SessionSide::kBoth, 0};
}

inline PacketQuestion ask_flow(const Uid& uid, SessionSide side = SessionSide::kBoth, TimeNs pad_ns = 0) {
  return {parse_filter(""), {}, uid, side, pad_ns};
}

inline Answer finish(Extraction extraction) {
  Answer answer;
  while (const Frame* frame = extraction.next()) answer.frames.push_back(owned(*frame));
  answer.totals = extraction.plan_totals();
  answer.warnings = extraction.warnings();
  answer.coverage = extraction.coverage();
  answer.blocks_read = extraction.blocks_read();
  return answer;
}

inline Answer extract(const storage::Store& store, const PacketQuestion& question,
                      const ReadLimits& limits = {}) {
  return finish(must(Extraction::prepare(store, question, limits)));
}

/// Threads, and reads past the page cache, even where the store is too small to be worth them.
inline ReadLimits with_threads(unsigned threads, std::uint64_t memory_bytes_max = 1u << 20) {
  ReadLimits limits;
  limits.threads = threads;
  limits.memory_bytes_max = memory_bytes_max;
  limits.alone_bytes_max = 0;
  limits.bulk_bytes_min = 0;
  return limits;
}

inline bool has_hole(const Coverage& coverage, HoleReason reason) {
  for (const Hole& hole : coverage.holes) {
    if (hole.reason == reason) return true;
  }
  return false;
}

}  // namespace tapline::query::test
