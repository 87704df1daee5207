#include "storage/query/plan.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <system_error>
#include <thread>

#include "storage/block_set.hpp"
#include "storage/container_layout.hpp"
#include "storage/index_reader.hpp"

namespace tapline::query {
namespace {

using storage::BlockEntry;
using storage::BlockSet;
using storage::ContainerReader;
using storage::IndexReader;

/// Adds the blocks that `query` names to `found`. Of a disjunction of very many keys (the flows of sessions)
/// one set is all that is needed.
Status evaluate(const IndexQuery& query, IndexReader& index, BlockSet& found) {
  switch (query.kind) {
    case IndexQuery::Kind::kAll:
      found.unite(BlockSet(found.block_count(), true));
      return {};
    case IndexQuery::Kind::kNone:
      return {};
    case IndexQuery::Kind::kKeyRange:
      return index.look_up(query.range, found);
    case IndexQuery::Kind::kOr:
      for (const IndexQuery& operand : query.operands) TAPLINE_TRY(evaluate(operand, index, found));
      return {};
    case IndexQuery::Kind::kAnd:
      break;
  }
  BlockSet in_all(found.block_count(), true);
  for (const IndexQuery& operand : query.operands) {
    BlockSet part(found.block_count(), false);
    TAPLINE_TRY(evaluate(operand, index, part));
    in_all.intersect(part);
  }
  found.unite(in_all);
  return {};
}

/// What is found out about one segment before it counts.
struct Draft {
  PlannedSegment segment;
  std::uint32_t block_count = 0;
  bool finished = false;
  std::vector<std::uint32_t> waiting;  // blocks that begin after the slice
  PlanTotals totals;
  std::vector<std::string> warnings;
  bool index_missing =
      false;  // wholly or in part; if the segment has another name by now, it has an index there
};

/// What an index of the blocks before `end` says, added to `selected` from block `first` on; false where it
/// cannot say anything.
bool select_indexed(const std::string& index_path, const ContainerReader& segment, const IndexQuery& query,
                    std::uint32_t first, std::uint32_t end, BlockSet& selected, Draft& draft) {
  Result<IndexReader> index = IndexReader::open(index_path, segment.header().segment_id, end);
  if (!index) {
    const bool missing = index.error().code == ErrorCode::kNotFound;
    if (missing) draft.index_missing = true;
    if (!missing || segment.finished()) draft.warnings.push_back(index.error().context);
    return false;
  }
  BlockSet blocks(end, false);
  Status looked_up = evaluate(query, *index, blocks);
  if (looked_up) looked_up = index->look_up_unreadable(blocks);
  draft.totals.planning_bytes_read += index->bytes_read();
  if (!looked_up) {
    draft.warnings.push_back(looked_up.error().context);
    return false;
  }
  for (const std::uint32_t block : blocks.numbers()) {
    if (block >= first) selected.add(block);
  }
  return true;
}

void select_all(std::uint32_t first, std::uint32_t end, BlockSet& selected, Draft& draft) {
  for (std::uint32_t block = first; block < end; ++block) selected.add(block);
  draft.totals.blocks_unindexed += end - first;
}

/// Of a segment that is being written: what the steps say, and all blocks between and after them. A step that
/// was removed meanwhile is no reason to warn.
void select_by_steps(const ContainerReader& segment, const IndexQuery& query, BlockSet& selected,
                     Draft& draft) {
  std::uint32_t covered = 0;
  for (const storage::IndexStep& step : draft.segment.file.steps) {
    if (step.first_block < covered || step.end_block > segment.block_count()) continue;
    select_all(covered, step.first_block, selected, draft);
    if (select_indexed(step.path, segment, query, step.first_block, step.end_block, selected, draft)) {
      draft.totals.blocks_in_steps += step.end_block - step.first_block;
    } else {
      select_all(step.first_block, step.end_block, selected, draft);
    }
    covered = step.end_block;
  }
  select_all(covered, segment.block_count(), selected, draft);
}

/// What the index says; where it cannot say anything, all blocks and a warning.
BlockSet select_blocks(const ContainerReader& segment, const IndexQuery& query, Draft& draft) {
  const std::uint32_t block_count = segment.block_count();
  if (query.kind == IndexQuery::Kind::kAll) return {block_count, true};
  BlockSet selected(block_count, false);
  if (!segment.finished()) {
    select_by_steps(segment, query, selected, draft);
  } else if (!select_indexed(storage::index_path_of(segment.path()), segment, query, 0, block_count, selected,
                             draft)) {
    select_all(0, block_count, selected, draft);
  }
  return selected;
}

/// Adds the entries of few blocks, by a small read each. Single entries have no checksum, and what leaves a
/// block out has to be right: the header of one that does not touch the window is read, too. False where one
/// of them says something else, or where they are so many that the table is less.
Result<bool> add_single_blocks(const ContainerReader& segment, const std::vector<std::uint32_t>& numbers,
                               const TimeWindow& window, std::vector<PlannedBlock>& blocks) {
  constexpr std::uint64_t kHeaderReadBytes = 8192;  // two pages, with the order exceptions
  std::vector<PlannedBlock> outside;
  for (const std::uint32_t number : numbers) {
    const Result<BlockEntry> entry = segment.entry(number);
    if (!entry) return entry.error();
    const bool touches = window.touches(entry->first_ns, entry->last_ns);
    (touches ? blocks : outside).push_back({number, *entry, {}});
  }
  if (!segment.finished()) return true;  // its headers were read
  if (outside.size() * kHeaderReadBytes > segment.table_bytes()) return false;
  return std::ranges::all_of(outside, [&](const PlannedBlock& block) {
    return storage::total_bytes(block.entry.extension_bytes, 0) <= kHeaderReadBytes / 2 &&
           segment.confirm_entry(block.entry, block.number).ok();
  });
}

/// Entries of the selected blocks that touch the window.
Status add_blocks(const ContainerReader& segment, const BlockSet& selected, const TimeWindow& window,
                  std::vector<PlannedBlock>& blocks) {
  constexpr std::uint32_t kSingleReadsMax = 64;
  const std::vector<std::uint32_t> numbers = selected.numbers();
  if (numbers.size() <= kSingleReadsMax) {
    const Result<bool> all_touch = add_single_blocks(segment, numbers, window, blocks);
    if (!all_touch) return all_touch.error();
    if (*all_touch) return {};
    blocks.clear();
  }
  const Result<std::vector<BlockEntry>> table = segment.load_entries();
  if (!table) return table.error();
  for (const std::uint32_t number : numbers) {
    const BlockEntry& entry = (*table)[number];
    if (window.touches(entry.first_ns, entry.last_ns)) blocks.push_back({number, entry, {}});
  }
  return {};
}

/// Of one question, for each segment.
struct PlanRequest {
  const IndexQuery& query;
  TimeWindow window;
  const ReadLimits& limits;
  const SliceProgress* progress;  // null: no slices
};

/// Sets apart what begins after the slice, which single entries of a damaged block table may only delay.
void keep_slice(const SliceProgress& progress, Draft& draft) {
  std::erase_if(draft.segment.blocks, [&](const PlannedBlock& block) {
    const bool waits = !progress.order_of(draft.segment.file, block.number)
                            .touches(block.entry.order_first_ns, TimeWindow::kUnlimitedUntil);
    if (waits) draft.waiting.push_back(block.number);
    return waits;
  });
  for (PlannedBlock& block : draft.segment.blocks)
    block.order = progress.order_of(draft.segment.file, block.number);
}

void note_shortened(const ContainerReader& segment, PlanTotals& totals) {
  const storage::FooterHeader& footer = segment.footer();
  const std::uint64_t missing_bytes =
      footer.wire_bytes - std::min<std::uint64_t>(footer.captured_bytes, footer.wire_bytes);
  if (footer.cut_frames == 0 && missing_bytes == 0) return;
  storage::SegmentId source;
  std::ranges::copy(segment.header().source_id, source.begin());
  totals.shortened[source] = {footer.cut_frames, missing_bytes};
}

/// `segment`: draft.segment.file, opened.
Status make_draft(const ContainerReader& segment, const PlanRequest& request, Draft& draft) {
  draft.segment.header = segment.header();
  segment.expect_single_blocks();
  draft.block_count = segment.block_count();
  draft.finished = segment.finished();
  BlockSet selected = select_blocks(segment, request.query, draft);
  if (request.progress != nullptr) request.progress->restrict_to_rest(draft.segment.file, selected);
  TAPLINE_TRY(add_blocks(segment, selected, request.window, draft.segment.blocks));
  if (request.progress != nullptr) keep_slice(*request.progress, draft);
  PlanTotals& totals = draft.totals;
  totals.segments_opened = 1;
  totals.planning_bytes_read += segment.bytes_read();
  totals.blocks_in_opened = segment.block_count();
  note_shortened(segment, totals);
  totals.blocks_selected = selected.count();
  totals.segments_selected = totals.blocks_selected > 0 ? 1 : 0;
  totals.segments_hit = draft.segment.blocks.empty() ? 0 : 1;
  totals.blocks_hit = draft.segment.blocks.size();
  draft.segment.single_blocks = totals.blocks_hit < segment.block_count() / 2;
  for (const PlannedBlock& block : draft.segment.blocks) {
    totals.stored_bytes_hit += sizeof(storage::SkippableHeader) + sizeof(storage::BlockHeader) +
                               block.entry.extension_bytes + block.entry.stored_bytes;
    totals.raw_bytes_hit += block.entry.raw_bytes;
  }
  return {};
}

void add_totals(PlanTotals& sum, const PlanTotals& more) {
  sum.segments_opened += more.segments_opened;
  sum.segments_selected += more.segments_selected;
  sum.blocks_selected += more.blocks_selected;
  sum.segments_hit += more.segments_hit;
  sum.blocks_in_opened += more.blocks_in_opened;
  sum.blocks_in_steps += more.blocks_in_steps;
  sum.blocks_unindexed += more.blocks_unindexed;
  sum.blocks_hit += more.blocks_hit;
  sum.stored_bytes_hit += more.stored_bytes_hit;
  sum.raw_bytes_hit += more.raw_bytes_hit;
  sum.planning_bytes_read += more.planning_bytes_read;
  for (const auto& [source, its] : more.shortened) {
    sum.shortened[source].cut_frames += its.cut_frames;
    sum.shortened[source].missing_bytes += its.missing_bytes;
  }
}

/// A segment that is renamed while it is looked at (published, expired) is looked at again. `file` is brought
/// up to date.
Result<Draft> plan_segment(storage::CatalogFile& file, const PlanRequest& request) {
  storage::IoBudget* const budget = request.limits.budget;
  constexpr int kMovesMax = 3;
  for (int move = 0;; ++move) {
    const Result<ContainerReader> segment = storage::open_listed(file);
    if (!segment) return segment.error();
    Draft draft;
    draft.segment.file = file;
    const Status drafted = make_draft(*segment, request, draft);
    if (budget != nullptr) budget->spend(draft.totals.planning_bytes_read);
    const bool amiss = !drafted || draft.index_missing;
    if (amiss && move < kMovesMax && storage::has_vanished(file.path)) continue;
    if (!drafted) return drafted.error();
    return draft;
  }
}

/// One segment that has to be looked at, and what came of it.
struct Candidate {
  storage::CatalogFile file;
  Result<Draft> draft = Draft{};
};

void plan_candidates(std::vector<Candidate>& candidates, const PlanRequest& request) {
  constexpr std::size_t kSegmentsAThread =
      8;  // some 0.5 ms (0.08 ms each, of 3,000), more than starting a thread
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    // Which thread takes which candidate changes nothing; join() orders what they wrote.
    for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < candidates.size();
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      Candidate& candidate = candidates[i];
      candidate.draft = plan_segment(candidate.file, request);
    }
  };
  std::vector<std::thread> threads;
  const std::size_t useful =
      std::min<std::size_t>(request.limits.threads, candidates.size() / kSegmentsAThread);
  try {  // std::thread reports by exceptions
    while (threads.size() + 1 < useful) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // Those that there are do it.
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

Result<Plan> make_plan(const storage::Catalog& catalog, const IndexQuery& index_query,
                       const TimeWindow& window, const ReadLimits& limits, SliceProgress* progress) {
  Plan plan;
  plan.totals.segments_in_store = catalog.segments.size();
  std::vector<Candidate> candidates;
  for (const storage::CatalogFile& file : catalog.segments) {
    const bool touches = file.open || window.touches(file.name.first_ns, file.name.last_ns);
    if (touches && (progress == nullptr || !progress->is_done(file))) candidates.push_back({file, Draft{}});
  }
  plan_candidates(candidates, {index_query, window, limits, progress});
  for (Candidate& candidate : candidates) {
    if (!candidate.draft) {
      if (progress != nullptr && !candidate.file.open) progress->give_up(candidate.file);
      plan.unreadable.push_back({std::move(candidate.file), candidate.draft.error()});
      continue;
    }
    Draft& draft = *candidate.draft;
    if (progress != nullptr)
      progress->note_planned(draft.segment.file, draft.block_count, draft.finished, draft.waiting);
    add_totals(plan.totals, draft.totals);
    std::ranges::move(draft.warnings, std::back_inserter(plan.warnings));
    if (!draft.segment.blocks.empty()) plan.segments.push_back(std::move(draft.segment));
  }
  return plan;
}

}  // namespace tapline::query
