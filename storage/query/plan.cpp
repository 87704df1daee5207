#include "storage/query/plan.hpp"

#include <fmt/core.h>

#include "storage/block_set.hpp"
#include "storage/container_layout.hpp"
#include "storage/index_reader.hpp"

namespace tapline::query {
namespace {

using storage::BlockEntry;
using storage::BlockSet;
using storage::ContainerReader;
using storage::IndexReader;

Result<BlockSet> evaluate(const IndexQuery& query, IndexReader& index, std::uint32_t block_count) {
  switch (query.kind) {
    case IndexQuery::Kind::kAll:
      return BlockSet(block_count, true);
    case IndexQuery::Kind::kNone:
      return BlockSet(block_count, false);
    case IndexQuery::Kind::kKeyRange: {
      BlockSet blocks(block_count, false);
      TAPLINE_TRY(index.look_up(query.range, blocks));
      return blocks;
    }
    case IndexQuery::Kind::kAnd:
    case IndexQuery::Kind::kOr:
      break;
  }
  const bool conjunction = query.kind == IndexQuery::Kind::kAnd;
  BlockSet blocks(block_count, conjunction);
  for (const IndexQuery& operand : query.operands) {
    const Result<BlockSet> part = evaluate(operand, index, block_count);
    if (!part) return part.error();
    conjunction ? blocks.intersect(*part) : blocks.unite(*part);
  }
  return blocks;
}

/// What the index says; where it cannot say anything, all blocks and a warning.
BlockSet select_blocks(const ContainerReader& segment, const IndexQuery& query, Plan& plan) {
  const std::uint32_t block_count = segment.block_count();
  if (query.kind == IndexQuery::Kind::kAll || !segment.finished()) return {block_count, true};
  Result<IndexReader> index =
      IndexReader::open(storage::index_path_of(segment.path()), segment.header().segment_id, block_count);
  if (index) {
    Result<BlockSet> blocks = evaluate(query, *index, block_count);
    plan.totals.planning_bytes_read += index->bytes_read();
    if (blocks) return std::move(*blocks);
    plan.warnings.push_back(blocks.error().context);
  } else {
    plan.warnings.push_back(index.error().context);
  }
  return {block_count, true};
}

/// Entries of the selected blocks that touch the window. Few blocks: a small read each; many: the whole
/// table.
Status add_blocks(const ContainerReader& segment, const BlockSet& selected, const TimeWindow& window,
                  std::vector<PlannedBlock>& blocks) {
  constexpr std::uint32_t kSingleReadsMax = 64;
  const std::vector<std::uint32_t> numbers = selected.numbers();
  std::vector<BlockEntry> table;
  if (numbers.size() > kSingleReadsMax) {
    Result<std::vector<BlockEntry>> loaded = segment.load_entries();
    if (!loaded) return loaded.error();
    table = std::move(*loaded);
  }
  for (const std::uint32_t number : numbers) {
    Result<BlockEntry> entry = table.empty() ? segment.entry(number) : Result<BlockEntry>(table[number]);
    if (!entry) return entry.error();
    if (window.touches(entry->first_ns, entry->last_ns)) blocks.push_back({number, *entry});
  }
  return {};
}

Status plan_segment(const storage::CatalogFile& file, const IndexQuery& query, const TimeWindow& window,
                    Plan& plan) {
  Result<ContainerReader> segment = ContainerReader::open(file.path);
  if (!segment) return segment.error();
  ++plan.totals.segments_opened;
  PlannedSegment planned{file.path, segment->header(), {}};
  const BlockSet selected = select_blocks(*segment, query, plan);
  TAPLINE_TRY(add_blocks(*segment, selected, window, planned.blocks));
  PlanTotals& totals = plan.totals;
  totals.planning_bytes_read += segment->bytes_read();
  totals.blocks_in_opened += segment->block_count();
  totals.captured_bytes += segment->footer().captured_bytes;
  totals.wire_bytes += segment->footer().wire_bytes;
  totals.cut_frames += segment->footer().cut_frames;
  if (planned.blocks.empty()) return {};
  ++totals.segments_hit;
  totals.blocks_hit += planned.blocks.size();
  for (const PlannedBlock& block : planned.blocks) {
    totals.stored_bytes_hit += sizeof(storage::SkippableHeader) + sizeof(storage::BlockHeader) +
                               block.entry.extension_bytes + block.entry.stored_bytes;
    totals.raw_bytes_hit += block.entry.raw_bytes;
  }
  plan.segments.push_back(std::move(planned));
  return {};
}

}  // namespace

Result<Plan> make_plan(const storage::Catalog& catalog, const IndexQuery& index_query,
                       const TimeWindow& window) {
  Plan plan;
  plan.totals.segments_in_store = catalog.segments.size();
  for (const storage::CatalogFile& file : catalog.segments) {
    if (!file.open && !window.touches(file.name.first_ns, file.name.last_ns)) continue;
    if (Status planned = plan_segment(file, index_query, window, plan); !planned) {
      plan.unreadable.push_back({file, planned.error()});
    }
  }
  return plan;
}

}  // namespace tapline::query
