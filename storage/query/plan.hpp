#pragma once
// Plan: which blocks of which segments have to be read to answer a question about packets. Made from
// directory listings, footers and indexes alone; nothing of a block is read. A segment without a usable index
// is read whole, and the plan says so. Of a segment that is being written, the blocks that no step of its
// index covers are read, which is no more than usual. A segment that was published since it was listed is
// found under its final name.

#include <map>
#include <string>
#include <vector>

#include "capture/base/time_window.hpp"
#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/query/filter_index_query.hpp"
#include "storage/query/read_limits.hpp"
#include "storage/query/slice_progress.hpp"

namespace tapline::query {

struct PlannedBlock {
  std::uint32_t number = 0;
  storage::BlockEntry entry{};
  TimeWindow order{};  // order times of the frames that belong to the answer
};

struct PlannedSegment {
  storage::CatalogFile file;  // as it was when the plan was made
  storage::SegmentHeader header{};
  std::vector<PlannedBlock> blocks;  // ascending numbers
  bool single_blocks = false;        // few of those it has
};

/// A segment that could not be (wholly) used, for coverage.
struct UnreadableSegment {
  storage::CatalogFile file;
  Error error;
};

/// Of a source's segments: what they lack of their frames. They do not tell by whom it was left out.
struct ShortSegments {
  std::uint64_t cut_frames = 0;
  std::uint64_t missing_bytes = 0;
};

struct PlanTotals {
  std::uint64_t segments_in_store = 0;
  std::uint64_t segments_opened = 0;    // after pruning by time
  std::uint64_t segments_selected = 0;  // of them, those of which the index names a block
  std::uint64_t segments_hit = 0;       // of them, those of which such a block touches the window
  std::uint64_t blocks_in_opened = 0;
  std::uint64_t blocks_in_steps = 0;   // of them, in open segments and known from steps of their index
  std::uint64_t blocks_unindexed = 0;  // of them, of which no index tells what is in them
  std::uint64_t blocks_selected = 0;   // by the index
  std::uint64_t blocks_hit = 0;        // and within the window
  std::uint64_t stored_bytes_hit = 0;  // to be read
  std::uint64_t raw_bytes_hit = 0;     // to be decoded
  std::uint64_t planning_bytes_read = 0;
  std::map<storage::SegmentId, ShortSegments> shortened;  // by source, of opened segments
};

struct Plan {
  std::vector<PlannedSegment> segments;
  PlanTotals totals;
  std::vector<UnreadableSegment> unreadable;
  std::vector<std::string>
      warnings;  // index missing or damaged: the segment, or what a step covers, is read whole
};

/// Blocks that may hold frames for which `index_query` is true and whose capture time lies within `window`.
/// Segments are looked at by as many threads as `limits` allow, where there are enough of them. `progress`:
/// only what belongs to its slice, and it learns what was planned; null: everything.
Result<Plan> make_plan(const storage::Catalog& catalog, const IndexQuery& index_query,
                       const TimeWindow& window, const ReadLimits& limits = {},
                       SliceProgress* progress = nullptr);

}  // namespace tapline::query
